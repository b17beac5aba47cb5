// Pings between the containers of a real LXC while one of them floods broadcasts: on a fan that keeps broadcasts from
// those who were not allowed to send them, and on a plain bridge, by turns. Needs root, and what tests/e2e/prepare
// makes.
//
//   fan_lxc_bench [ROUNDS [CONTAINERS]]     3; 100
//
// Every container but the loud one runs ping(8) ten times in two seconds, at the next one. In a round each of the two
// is silent for two seconds, busy for two (a program that only counts runs where the flood comes from) and flooded for
// two, five times over; a figure is the median of what the rounds give for the 99th percentile of all pings.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "flood.h"
#include "hooked_host.h"
#include "lxc_containers.h"
#include "percentile.h"

namespace fan::bench {
namespace {

using test::HookedHost;

constexpr unsigned first_address = 101; // of the containers: 250.0.28.101 and on
constexpr double window = 2;            // seconds
constexpr double margin = 0.3;          // of a window's beginning and end: what began before, or ends after
constexpr unsigned turns = 5;           // of three windows each, in a round
constexpr const char* bridge = "fan-250-0-28";

enum State : unsigned { silent, busy, flooded };
constexpr unsigned states = 3;
using Trips = std::array<std::vector<double>, states>; // ms

std::string name_of(unsigned n) {
  return fmt::format("box{}", n);
}
std::string address_of(unsigned n) {
  return fmt::format("250.0.28.{}", first_address + n);
}
std::string mac_of(unsigned n) {
  return fmt::format("02:00:00:00:00:{:02x}", n);
}

double now() { // as ping -D prints it
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// A host whose containers are on a bridge.
class Side {
public:
  Side(test::Underlay& underlay, const std::string& cidr, unsigned count)
      : host_(underlay, cidr, "ifupdown lxc"), lxc_(host_), count_(count) {
    host_.interfaces(test::eth0_stanza(cidr, {}));
    host_.must({"ifup", "eth0"});
    bring_ping();
  }

  void make_plain_bridge() const {
    host_.must({"ip", "link", "add", bridge, "type", "bridge"});
    host_.must({"ip", "addr", "add", "250.0.28.1/24", "dev", bridge});
    host_.must({"ip", "link", "set", bridge, "up"});
  }
  void make_fan() const { host_.fanctl_must({"up", "250.0.0.0/8", "eth0/16", "type", "vxlan"}); }

  void start() {
    for (unsigned n = 0; n < count_; ++n) {
      lxc_.start(name_of(n), bridge,
                 fmt::format("lxc.net.0.hwaddr = {}\nlxc.net.0.ipv4.address = {}/24\nlxc.net.0.veth.pair = c{}\n",
                             mac_of(n), address_of(n), n));
    }
    const std::string pid = host_.must({"lxc-info", "--name", name_of(0), "--pid", "--no-humanize"});
    const int netns = open(fmt::format("/proc/{}/ns/net", std::atoi(pid.c_str())).c_str(), O_RDONLY | O_CLOEXEC);
    loud_.emplace(netns);
    close(netns);
  }

  void keep_broadcasts() const {
    std::ofstream endpoints(host_.in_view("/run/endpoints"));
    for (unsigned n = 0; n < count_; ++n) {
      endpoints << fmt::format(R"({{"port": "c{}", "address": "{}", "mac": "{}"}})", n, address_of(n), mac_of(n))
                << "\n";
    }
    endpoints.close();
    host_.fanctl_must({"endpoint", "apply", "/run/endpoints"});
    host_.fanctl_must({"broadcast", "reset"});
  }

  [[nodiscard]] Trips round() {
    const double seconds = window * states * turns;
    std::thread pings([&] { run_pings(seconds + 4); });
    sleep(3); // all of them have begun, and know whom they ask
    std::vector<std::pair<double, State>> begun;
    for (unsigned turn = 0; turn < turns; ++turn) {
      for (const State state : {silent, busy, flooded}) {
        begun.emplace_back(now(), state);
        pass_window(state);
      }
    }
    pings.join();
    return read(begun);
  }

  [[nodiscard]] double broadcasts_a_second() const { return sent_.load() / flooded_for_; }

private:
  // ping(8) and its libraries: that of busybox does not say when.
  void bring_ping() const {
    host_.must({"sh", "-c",
                "root=/var/lib/lxc/rootfs; program=$(command -v ping); cp -L \"$program\" $root/bin/iputils-ping\n"
                "ldd \"$program\" | grep -o '/[^ ]*' | while read -r library; do\n"
                "  mkdir -p \"$root$(dirname \"$library\")\"; cp -L \"$library\" \"$root$library\"; done"});
  }

  void pass_window(State state) {
    const auto wait = [] { usleep(static_cast<unsigned>(window * 1e6)); };
    if (state == silent) {
      wait();
    } else if (state == busy) {
      const Beside counting([this] { ++counted_; });
      wait();
    } else {
      const Beside flood([this] { sent_ += loud_->shout() ? 1 : 0; });
      wait();
      flooded_for_ += window;
    }
  }

  void run_pings(double seconds) const {
    host_.must(
        {"sh", "-c",
         fmt::format("for n in $(seq 1 {0}); do lxc-attach --name box$n -- /bin/iputils-ping -D -n -i 0.2 -w {1:.0f} "
                     "250.0.28.$(({2} + n % {0} + 1)) >/run/pings.$n 2>&1 & done; wait",
                     count_ - 1, seconds, first_address)});
  }

  [[nodiscard]] Trips read(const std::vector<std::pair<double, State>>& begun) const {
    Trips trips;
    for (unsigned n = 1; n < count_; ++n) {
      std::ifstream file(host_.in_view(fmt::format("/run/pings.{}", n)));
      for (std::string line; std::getline(file, line);) {
        double when = 0;
        const auto at = line.find("time=");
        if (at == std::string::npos || std::sscanf(line.c_str(), "[%lf]", &when) != 1) {
          continue;
        }
        const auto in = std::find_if(begun.begin(), begun.end(), [when](const auto& one) {
          return when >= one.first + margin && when <= one.first + window - margin;
        });
        if (in != begun.end()) {
          trips[in->second].push_back(std::strtod(line.c_str() + at + 5, nullptr));
        }
      }
    }
    return trips;
  }

  HookedHost host_;
  test::LxcContainers lxc_;
  unsigned count_;
  std::optional<Loud> loud_; // the first container
  std::atomic<unsigned> counted_ = 0;
  std::atomic<unsigned> sent_ = 0;
  double flooded_for_ = 0;
};

// The rounds of one side.
struct Figures {
  std::array<std::vector<double>, states> p99;
  std::vector<double> flooded_to_silent;
  std::vector<double> busy_to_silent;
  std::vector<double> flooded_to_busy;

  void add(const Trips& trips) {
    std::array<double, states> now{};
    for (unsigned state = 0; state < states; ++state) {
      if (trips[state].empty()) {
        std::fprintf(stderr, "no ping was answered\n");
        std::exit(1);
      }
      now[state] = percentile(trips[state], 99);
      p99[state].push_back(now[state]);
    }
    flooded_to_silent.push_back(now[flooded] / now[silent]);
    busy_to_silent.push_back(now[busy] / now[silent]);
    flooded_to_busy.push_back(now[flooded] / now[busy]);
  }

  void print(const char* what, double broadcasts) const {
    std::printf("%-14s %10.3f %10.3f %10.3f %14.2f %11.2f %14.2f %12.0f\n", what, median(p99[silent]),
                median(p99[busy]), median(p99[flooded]), median(flooded_to_silent), median(busy_to_silent),
                median(flooded_to_busy), broadcasts);
  }
};

void measure(unsigned rounds, unsigned containers) {
  test::Underlay underlay(test::NoForgers{});
  Side ours(underlay, "172.30.0.28/16", containers);
  Side plain(underlay, "172.30.0.29/16", containers);
  ours.make_fan();
  plain.make_plain_bridge();
  ours.start();
  plain.start();
  ours.keep_broadcasts();
  if (testing::UnitTest::GetInstance()->Failed()) { // it was said what
    std::exit(1);
  }
  Figures of_ours;
  Figures of_plain;
  for (unsigned round = 0; round < rounds; ++round) {
    of_ours.add(ours.round());
    of_plain.add(plain.round());
  }
  std::printf("ping p99, ms, %u containers of LXC\n%-14s %10s %10s %10s %14s %11s %14s %12s\n", containers, "", "idle",
              "busy", "flooded", "flooded/idle", "busy/idle", "flooded/busy", "broadcasts/s");
  of_ours.print("fan", ours.broadcasts_a_second());
  of_plain.print("plain bridge", plain.broadcasts_a_second());
}

} // namespace
} // namespace fan::bench

int main(int argc, char** argv) {
  const auto number = [&](int n, unsigned otherwise, int least, int most) {
    return argc > n ? static_cast<unsigned>(std::clamp(std::atoi(argv[n]), least, most)) : otherwise;
  };
  fan::bench::measure(number(1, 3, 1, 1000), number(2, 100, 3, 150));
  return 0;
}
