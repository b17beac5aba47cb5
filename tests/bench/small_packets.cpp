// What one small datagram costs from container to container, eight ways between hosts alike, interleaved: plain
// routing, a vxlan made by hand with static entries, the same on hosts that translate what leaves for the world (and so
// track connections, as every host of a fan does that was not told otherwise), the least that a fan can do by a program
// (least.bpf.c), the same on hosts that translate, the fan with its table taken out, the fan, and the fan with the
// shortcut. CPU time of the sending thread for each packet that arrived: over veth pairs the whole way, the receiving
// side's too, runs there. What the sending host alone costs is measured with a wall before the receiving one. Needs
// root.
//
//   fan_small_packets_bench [ROUNDS [BATCHES]]      5 rounds of 3000 batches of 64 datagrams; fewer on a busy machine
//
// With NO_BR_NETFILTER in the environment frames on bridges are shown to no firewall.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>

#include <fmt/format.h>

#include "percentile.h"
#include "support/topology.h"
#include "transfer.h"

namespace fan::test {
namespace {

using bench::median;

int batches = 3000;
constexpr unsigned batch = 64;
constexpr std::uint16_t port = 7300;
const Address at_far{0xfa000202U}; // 250.0.2.2

enum class Way { routed, by_hand, tracked, least, least_tracked, bare_fan, fan, shortcut };
constexpr std::size_t ways = 8;
constexpr std::array<const char*, ways> names{
    "routed",        "by hand", "by hand, translating", "least program", "least, translating",
    "fan, no table", "fan",     "fan, shortcut"};

class Hosts {
public:
  explicit Hosts(Way way) : way_(way) {
    join(host(0), "eth0", host(1), "eth0");
    for (const unsigned n : {0U, 1U}) {
      host(n).ip({fmt::format("addr add 172.30.0.{}/16 dev eth0", n + 1)});
      set_up(n, n + 1, 2 - n);
      if (std::getenv("NO_BR_NETFILTER") != nullptr) {
        host(n).set_sysctl("net/bridge/bridge-nf-call-iptables", "0");
      }
      containers_.at(n) = std::make_unique<Container>(host(n), is_fan() ? fmt::format("fan-250-0-{}", n + 1) : "br0");
      containers_.at(n)->address(fmt::format("250.0.{}.2/24", n + 1), Address(0xfa000001U + ((n + 1) << 8U)));
    }
    if (!pings(*containers_[0], at_far)) {
      std::fprintf(stderr, "no ping\n");
      std::exit(1);
    }
  }

  [[nodiscard]] const Container& near() const { return *containers_[0]; }
  [[nodiscard]] const Container& far() const { return *containers_[1]; }

  // Nothing but the sending host has work to do while it stands.
  void wall(bool up) {
    host(1).must({"nft", up ? "add table netdev wall { chain in { type filter hook ingress device eth0 priority -500; "
                              "meta l4proto udp drop ; } ; }"
                            : "delete table netdev wall"});
  }

private:
  Host& host(unsigned n) { return hosts_.at(n); }

  [[nodiscard]] bool is_fan() const { return way_ >= Way::bare_fan; }

  void set_up(unsigned n, unsigned self, unsigned other) {
    if (is_fan()) {
      std::vector<std::string> words{"up", "250.0.0.0/8", "eth0/16", "type", "vxlan"};
      if (way_ == Way::shortcut) {
        words.emplace_back("shortcut");
      }
      host(n).fanctl_must(words);
      if (way_ == Way::bare_fan) {
        host(n).must({"nft", "delete", "table", "inet", "fanctl"});
      }
      return;
    }
    host(n).set_sysctl("net/ipv4/ip_forward", "1");
    host(n).ip({fmt::format("link add br0 mtu {} type bridge", way_ == Way::routed ? 1500 : 1450),
                fmt::format("addr add 250.0.{}.1/24 dev br0", self), "link set br0 up"});
    if (way_ == Way::routed) {
      host(n).ip({fmt::format("route add 250.0.{}.0/24 via 172.30.0.{}", other, other)});
      return;
    }
    add_tunnel(n, self, other);
    if (way_ == Way::tracked || way_ == Way::least_tracked) {
      host(n).must({"nft",
                    "add table ip nat { chain out { type nat hook postrouting priority 100; ip saddr 250.0.0.0/8 "
                    "ip daddr != 250.0.0.0/8 masquerade ; } ; }"});
    }
  }

  void add_tunnel(unsigned n, unsigned self, unsigned other) {
    const bool by_program = way_ == Way::least || way_ == Way::least_tracked;
    host(n).ip({fmt::format("link add vx address 02:00:00:00:00:0{} type vxlan dstport 8472 nolearning {}", self,
                            by_program ? "external"
                                       : fmt::format("id 16384001 local 172.30.0.{} remote 172.30.0.{}", self, other)),
                "link set vx up", fmt::format("route add 250.0.{}.0/24 via 250.0.{}.1 dev vx onlink", other, other),
                fmt::format("neigh add 250.0.{}.1 lladdr 02:00:00:00:00:0{} dev vx nud permanent", other, other)});
    if (by_program) {
      host(n).must({"tc", "qdisc", "add", "dev", "vx", "clsact"});
      host(n).must(
          {"tc", "filter", "add", "dev", "vx", "egress", "bpf", "direct-action", "obj", FAN_BENCH_LEAST, "sec", "tc"});
    }
  }

  Way way_;
  std::array<Host, 2> hosts_;
  std::array<std::unique_ptr<Container>, 2> containers_;
};

std::uint64_t cpu_ns() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1000000000U + static_cast<std::uint64_t>(now.tv_nsec);
}

std::uint64_t received(const Netns& netns) {
  const std::string snmp = netns.must({"nstat", "-asz", "UdpInDatagrams", "UdpRcvbufErrors"});
  std::uint64_t sum = 0;
  for (const char* name : {"UdpInDatagrams", "UdpRcvbufErrors"}) { // what found the socket full has come all the way
    const std::size_t at = snmp.find(name);
    sum += at == std::string::npos ? 0 : std::stoull(snmp.substr(at + std::string(name).size()));
  }
  return sum;
}

struct Burst {
  std::uint64_t sent = 0;
  std::uint64_t ns = 0; // of CPU
};

Burst send_burst(const Socket& out) {
  char payload[18] = {};
  iovec piece{payload, sizeof payload};
  std::array<mmsghdr, batch> messages{};
  for (mmsghdr& message : messages) {
    message.msg_hdr.msg_iov = &piece;
    message.msg_hdr.msg_iovlen = 1;
  }
  Burst burst;
  const std::uint64_t begin = cpu_ns();
  for (int n = 0; n < batches; ++n) {
    burst.sent += static_cast<std::uint64_t>(std::max(0, sendmmsg(out.fd(), messages.data(), batch, 0)));
  }
  burst.ns = cpu_ns() - begin;
  return burst;
}

double each(std::uint64_t ns, std::uint64_t packets) {
  return packets > 0 ? static_cast<double>(ns) / static_cast<double>(packets) : 0;
}

struct Cost { // nanoseconds of CPU a packet
  double both = 0;
  double sending = 0;
};

Cost measure(Hosts& hosts) {
  const Socket in(hosts.far(), SOCK_DGRAM);
  const Socket out(hosts.near(), SOCK_DGRAM);
  if (in.bind_to(Address(), port) != 0 || out.connect_to(at_far, port) != 0) {
    return {};
  }
  const std::uint64_t before = received(hosts.far());
  const Burst through = send_burst(out);
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  const std::uint64_t arrived = received(hosts.far()) - before;
  hosts.wall(true);
  const Burst against_wall = send_burst(out);
  hosts.wall(false);
  return {each(through.ns, arrived), each(against_wall.ns, against_wall.sent)};
}

} // namespace
} // namespace fan::test

int main(int argc, char** argv) {
  using namespace fan::test;
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 5;
  batches = argc > 2 ? std::atoi(argv[2]) : batches;
  std::array<Hosts, ways> hosts{Hosts(Way::routed), Hosts(Way::by_hand),       Hosts(Way::tracked),
                                Hosts(Way::least),  Hosts(Way::least_tracked), Hosts(Way::bare_fan),
                                Hosts(Way::fan),    Hosts(Way::shortcut)};
  std::array<std::vector<double>, ways> both;
  std::array<std::vector<double>, ways> sending;
  std::printf("ns of CPU a packet: sending + receiving host\n%-7s", "round");
  for (const char* name : names) {
    std::printf(" %20s", name);
  }
  std::printf("\n");
  const auto line = [](const std::string& name, const auto& both_of, const auto& sending_of) {
    std::printf("%-7s", name.c_str());
    for (std::size_t way = 0; way < ways; ++way) {
      std::printf(" %12.0f + %5.0f", sending_of(way), both_of(way) - sending_of(way));
    }
    std::printf("\n");
  };
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t way = 0; way < ways; ++way) {
      const Cost cost = measure(hosts.at(way));
      both.at(way).push_back(cost.both);
      sending.at(way).push_back(cost.sending);
    }
    line(
        std::to_string(round + 1), [&](std::size_t way) { return both.at(way).back(); },
        [&](std::size_t way) { return sending.at(way).back(); });
  }
  line(
      "median", [&](std::size_t way) { return median(both.at(way)); },
      [&](std::size_t way) { return median(sending.at(way)); });
  // Of what each round gives: other work on the machine comes and goes from round to round.
  const auto rate = [&](std::size_t way, std::size_t against) {
    std::vector<double> ratios;
    for (std::size_t round = 0; round < both.at(way).size(); ++round) {
      ratios.push_back(both.at(against).at(round) / both.at(way).at(round));
    }
    return median(ratios);
  };
  std::printf("\n%-22s %8s %8s %21s   rate against\n", "", names[0], names[1], names[2]);
  for (std::size_t way = 1; way < ways; ++way) {
    std::printf("%-22s %8.2f %8.2f %21.2f\n", names.at(way), rate(way, 0), rate(way, 1), rate(way, 2));
  }
  return testing::Test::HasFailure() ? 1 : 0;
}
