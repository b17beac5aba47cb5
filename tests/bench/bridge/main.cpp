// What a bridge with many ports costs, ours beside what others do, in one run, by turns. Needs root.
//
//   fan_bridge_bench [ROUNDS] [SECTION...]    5; who-has mesh allow-list port-chains adding ping routed
//                                                 routed-by-hand
//
// A cost is CPU time for one frame (injector.h). A figure is a ratio, or a number of copies of the frame that others
// got.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <random>
#include <set>

#include <unistd.h>

#include <fmt/format.h>

#include "bridge/by_hand.h"
#include "bridge/figures.h"
#include "bridge/injector.h"
#include "bridge/ours.h"
#include "bridge/pings.h"
#include "bridge/port_programs.h"
#include "bridge/rules.h"
#include "bridge/stage.h"
#include "percentile.h"

namespace fan::bench {
namespace {

constexpr unsigned cpu = 1;
unsigned rounds = 5;

const Prefix slice = *Prefix::parse("250.0.16.0/20");

Stage::Network by_hand() {
  return {"br0", slice};
}

double wall_ns(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - begin).count();
}

double cost(const Stage& stage, const Frame& frame, unsigned count) {
  return send_frames(stage, 1, frame, count).ns;
}

// Whoever has not sent yet is unknown to a bridge, and what is for him is copied to everybody.
void learn(const Stage& stage, unsigned n) {
  send_frames(stage, n, who_has(mac_of(n), stage.address(n), stage.gateway()), 1);
}

void say_copies(const Stage& ours, const Stage& plain, const char* whom, Address target) {
  const Frame frame = who_has(mac_of(1), ours.address(1), target);
  const Cost mine = send_frames(ours, 1, frame, 20);
  const Cost theirs = send_frames(plain, 1, frame, 20);
  print({fmt::format("copies of a who-has for {}, {} ports", whom, ours.ports()), fmt::format("{:.1f}", mine.copies),
         fmt::format("{:.1f}", theirs.copies), mine.copies, 0});
  print({fmt::format("unanswered who-has for {}", whom), fmt::format("{:.1f}", 1 - mine.answers),
         fmt::format("{:.1f}", 1 - theirs.answers), 1 - mine.answers, 0});
}

void who_has_section() {
  Stage plain(by_hand());
  Stage ours(by_hand(), false);
  Stage program(by_hand());
  for (Stage* stage : {&plain, &ours, &program}) {
    stage->add_ports(1000);
    stage->give_addresses();
  }
  register_endpoints(ours, 1000);
  attach_port_programs(program, [](unsigned) { return true; });
  say_copies(ours, plain, "an endpoint", ours.address(900));
  say_copies(ours, plain, "the gateway", ours.gateway());
  const Frame frame = who_has(mac_of(1), ours.address(1), ours.address(900));
  const auto ns = by_turns(rounds, {[&] { return cost(ours, frame, 2000); }, [&] { return cost(plain, frame, 60); },
                                    [&] { return cost(program, frame, 5000); }});
  print({"CPU of a who-has, 1000 ports: ours / plain bridge", us(ns[0]), us(ns[1]), ns[0] / ns[1], 1.0 / 150});
  print({"   the other way: a program on each port / plain bridge", us(ns[2]), us(ns[1]), ns[2] / ns[1], 1});
  for (const Stage* stage : {&plain, &ours, &program}) {
    learn(*stage, 900);
  }
  const Frame one = datagram(mac_of(1), mac_of(900), ours.address(1), ours.address(900));
  const auto unicast = by_turns(rounds, {[&] { return cost(ours, one, 5000); }, [&] { return cost(plain, one, 5000); },
                                         [&] { return cost(program, one, 5000); }});
  print({"CPU of a unicast frame: ours / plain bridge", us(unicast[0]), us(unicast[1]), unicast[0] / unicast[1], 1.1});
  print({"   a program on each port / plain bridge", us(unicast[2]), us(unicast[1]), unicast[2] / unicast[1], 1.1});
}

void mesh_section() {
  constexpr unsigned count = 200;
  Stage plain(by_hand());
  Stage ours(by_hand(), false);
  for (Stage* stage : {&plain, &ours}) {
    stage->add_ports(count);
    stage->give_addresses();
  }
  register_endpoints(ours, count);
  std::vector<double> ratio;
  Mesh mine;
  Mesh theirs;
  for (unsigned round = 0; round < rounds; ++round) {
    mine = full_mesh(ours, count);
    theirs = full_mesh(plain, count);
    ratio.push_back(mine.ns / theirs.ns);
  }
  print({"full mesh of 200, frames: ours / plain bridge", std::to_string(mine.frames), std::to_string(theirs.frames),
         static_cast<double>(mine.frames) / static_cast<double>(theirs.frames), 1.0 / 100});
  print({"full mesh of 200, CPU: ours / plain bridge", us(mine.ns), us(theirs.ns), median(ratio), 1.0 / 30});
}

void allow_list_section() {
  constexpr unsigned ports = 300;
  constexpr unsigned allowed = 500;
  Stage none(by_hand());
  Stage linear(by_hand());
  Stage ours(by_hand());
  Stage program(by_hand());
  for (Stage* stage : {&none, &linear, &ours, &program}) {
    stage->add_ports(ports);
  }
  ebtables_allow_list(linear, 1001, allowed);
  allow_only(ours, 1001, allowed);
  attach_port_programs(program, [](unsigned) { return false; });
  const Frame frame = broadcast(mac_of(1), ours.address(1));
  const auto ns =
      by_turns(rounds, {[&] { return cost(ours, frame, 5000); }, [&] { return cost(linear, frame, 30); },
                        [&] { return cost(none, frame, 200); }, [&] { return cost(program, frame, 5000); }});
  print({"refused broadcast, 500 allowed, 300 ports: ours / ebtables", us(ns[0]), us(ns[1]), ns[0] / ns[1], 1.0 / 500});
  print({"   the same / no filter", us(ns[0]), us(ns[2]), ns[0] / ns[2], 1});
  print({"   a program on each port / ebtables", us(ns[3]), us(ns[1]), ns[3] / ns[1], 1});
}

void port_chains_section() {
  constexpr unsigned ports = 300;
  Stage none(by_hand());
  Stage chains(by_hand());
  Stage ours(by_hand(), false);
  for (Stage* stage : {&none, &chains, &ours}) {
    stage->add_ports(ports);
  }
  ebtables_chain_per_port(chains);
  secure_endpoints(ours, ports);
  const Frame frame = broadcast(mac_of(1), ours.address(1));
  const auto ns = by_turns(rounds, {[&] { return cost(ours, frame, 200); }, [&] { return cost(chains, frame, 60); },
                                    [&] { return cost(none, frame, 200); }});
  print({"broadcast, 300 secured ports: ours / a chain per port", us(ns[0]), us(ns[1]), ns[0] / ns[1], 1.0 / 5});
  print({"   the same / no filter", us(ns[0]), us(ns[2]), ns[0] / ns[2], 1.1});
}

void adding_section() {
  constexpr unsigned ports = 1000;
  std::vector<double> ratios;
  double mine = 0;
  double theirs = 0;
  for (unsigned round = 0; round < rounds; ++round) {
    Stage ours(by_hand(), false);
    Stage batch(by_hand());
    ours.add_ports(ports);
    batch.add_ports(ports);
    mine = wall_ns([&] { register_endpoints(ours, ports); });
    theirs = wall_ns([&] { register_in_batches(batch, ports); });
    ratios.push_back(mine / theirs);
  }
  print({"adding 1000 endpoints: ours / ip -batch and bridge -batch", fmt::format("{:.0f} ms", mine / 1e6),
         fmt::format("{:.0f} ms", theirs / 1e6), median(ratios), 0.7});
}

void ping_section() {
  Stage plain(by_hand());
  Stage ours(by_hand(), false);
  const PingStage of_plain(plain, 100);
  const PingStage of_ours(ours, 100);
  keep_broadcasts(ours, "c", 100);
  for (const Neighbourhood where : {Neighbourhood::other_cpu, Neighbourhood::same_cpu}) {
    const Pings without = of_plain.pings(where, rounds);
    const Pings with = of_ours.pings(where, rounds);
    const char* at = where == Neighbourhood::same_cpu ? "its own CPU" : "another CPU";
    print({fmt::format("ping p99 of 100, a flood on {} / idle", at), us(with.flooded), us(with.idle),
           with.flooded / with.idle, 1.2});
    print({"   a program counts there / idle", us(with.busy), us(with.idle), with.busy / with.idle, 1.2});
    print({"   a plain bridge, the flood / idle", us(without.flooded), us(without.idle), without.flooded / without.idle,
           1.2});
  }
}

// The kernel's own memory, in KiB.
double kernel_memory() {
  std::ifstream file("/proc/meminfo");
  std::map<std::string, double> values;
  for (std::string line; std::getline(file, line);) {
    values[line.substr(0, line.find(':'))] = std::strtod(line.c_str() + line.find(':') + 1, nullptr);
  }
  return values["SUnreclaim"] + values["Percpu"];
}

struct Traffic {
  double ns = 0;      // CPU time for each packet
  double arrived = 0; // share of the packets
};

// Packets between random pairs, as an endpoint sends them to its port.
Traffic random_pairs(const Stage& stage, unsigned batches) {
  constexpr unsigned batch = 200;
  std::mt19937 random(1);
  std::uniform_int_distribution<unsigned> any(1, stage.ports());
  std::vector<double> ns;
  double arrived = 0;
  const auto before = stage.received();
  for (unsigned n = 0; n < batches; ++n) {
    std::vector<Shot> shots;
    while (shots.size() < batch) {
      const unsigned from = any(random);
      const unsigned to = any(random);
      if (from != to) {
        shots.push_back({from, datagram(mac_of(from), port_mac(from), stage.address(from), stage.address(to))});
      }
    }
    ns.push_back(send_all(stage, shots));
  }
  usleep(200000);
  const auto after = stage.received();
  for (std::size_t i = 0; i < after.size(); ++i) {
    arrived += static_cast<double>(after[i] - before[i]);
  }
  return {median(ns), arrived / (batches * batch)};
}

// Ports that are no bridge's, as many as a slice of a /18 can have; `make` makes them a way to their endpoints.
void measure_routed(Stage& stage, const std::function<void()>& make) {
  std::printf("%-10s %14s %14s %14s %14s %10s\n", "routed", "pairs made", "endpoints", "CPU a packet", "KiB each",
              "arrived");
  const double before = kernel_memory();
  for (const unsigned count : {1000U, 2000U, 4000U, 10000U}) {
    const double made = wall_ns([&] { stage.add_loose(count); });
    const double routed = wall_ns(make);
    (void)random_pairs(stage, 5);
    const Traffic traffic = random_pairs(stage, 20);
    std::printf("%s", fmt::format("{:<10} {:>12.1f} s {:>12.2f} s {:>14} {:>14.1f} {:>10.4f}\n", count, made / 1e9,
                                  routed / 1e9, us(traffic.ns), (kernel_memory() - before) / count, traffic.arrived)
                          .c_str());
    (void)std::fflush(stdout);
  }
}

void routed_by_hand_section() {
  Stage stage({"br0", *Prefix::parse("250.7.0.0/18")});
  stage.host().set_sysctl("net/ipv4/ip_forward", "1");
  measure_routed(stage, [&] { stage.route_by_hand(); });
}

// By `fanctl endpoint apply`, with all that it adds.
void routed_section() {
  Stage stage({"br0", *Prefix::parse("250.0.64.0/18")}, false);
  measure_routed(stage, [&] { route_endpoints(stage); });
}

const std::map<std::string, void (*)()> sections = {
    {"who-has", who_has_section},       {"mesh", mesh_section},
    {"allow-list", allow_list_section}, {"port-chains", port_chains_section},
    {"adding", adding_section},         {"ping", ping_section},
    {"routed", routed_section},         {"routed-by-hand", routed_by_hand_section}};

} // namespace
} // namespace fan::bench

int main(int argc, char** argv) {
  using namespace fan::bench;
  std::set<std::string> wanted(argv + std::min(argc, 2), argv + argc);
  rounds = argc > 1 ? static_cast<unsigned>(std::max(1, std::atoi(argv[1]))) : rounds;
  pin(cpu);
  std::printf("%-58s %12s %12s %10s %10s\n", "", "ours", "peer", "figure", "target");
  for (const auto& [name, run] : sections) {
    if (wanted.empty() || wanted.count(name) != 0) {
      run();
    }
  }
  return 0;
}
