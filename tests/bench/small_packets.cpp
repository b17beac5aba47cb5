// What one small datagram costs from container to container, three ways between hosts alike, interleaved: plain
// routing, a vxlan made by hand with static entries, and the fan. CPU time of the sending thread for each packet that
// arrived: over veth pairs the whole way, the receiving side's too, runs there. Needs root.
//
//   fan_small_packets_bench [ROUNDS]      5
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>

#include <fmt/format.h>

#include "support/topology.h"
#include "transfer.h"

namespace fan::test {
namespace {

constexpr int batches = 3000;
constexpr unsigned batch = 64;
constexpr std::uint16_t port = 7300;
const Address at_far{0xfa000202U}; // 250.0.2.2

enum class Way { routed, by_hand, fan };

class Hosts {
public:
  explicit Hosts(Way way) : way_(way) {
    join(host(0), "eth0", host(1), "eth0");
    for (const unsigned n : {0U, 1U}) {
      host(n).ip({fmt::format("addr add 172.30.0.{}/16 dev eth0", n + 1)});
      set_up(n, n + 1, 2 - n);
      containers_.at(n) =
          std::make_unique<Container>(host(n), way == Way::fan ? fmt::format("fan-250-0-{}", n + 1) : "br0");
      containers_.at(n)->address(fmt::format("250.0.{}.2/24", n + 1), Address(0xfa000001U + ((n + 1) << 8U)));
    }
    if (!pings(*containers_[0], at_far)) {
      std::fprintf(stderr, "no ping\n");
      std::exit(1);
    }
  }

  [[nodiscard]] const Container& near() const { return *containers_[0]; }
  [[nodiscard]] const Container& far() const { return *containers_[1]; }

private:
  Host& host(unsigned n) { return hosts_.at(n); }

  void set_up(unsigned n, unsigned self, unsigned other) {
    if (way_ == Way::fan) {
      host(n).fanctl_must({"up", "250.0.0.0/8", "eth0/16", "type", "vxlan"});
      return;
    }
    host(n).set_sysctl("net/ipv4/ip_forward", "1");
    host(n).ip({fmt::format("link add br0 mtu {} type bridge", way_ == Way::routed ? 1500 : 1450),
                fmt::format("addr add 250.0.{}.1/24 dev br0", self), "link set br0 up"});
    if (way_ == Way::routed) {
      host(n).ip({fmt::format("route add 250.0.{}.0/24 via 172.30.0.{}", other, other)});
      return;
    }
    host(n).ip({fmt::format("link add vx address 02:00:00:00:00:0{} type vxlan id 16384001 local 172.30.0.{} remote "
                            "172.30.0.{} dstport 8472 nolearning",
                            self, self, other),
                "link set vx up", fmt::format("route add 250.0.{}.0/24 via 250.0.{}.1 dev vx onlink", other, other),
                fmt::format("neigh add 250.0.{}.1 lladdr 02:00:00:00:00:0{} dev vx nud permanent", other, other)});
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

// Nanoseconds of CPU a packet that arrived.
double measure(const Hosts& hosts) {
  const Socket in(hosts.far(), SOCK_DGRAM);
  const Socket out(hosts.near(), SOCK_DGRAM);
  if (in.bind_to(Address(), port) != 0 || out.connect_to(at_far, port) != 0) {
    return 0;
  }
  char payload[18] = {};
  iovec piece{payload, sizeof payload};
  std::array<mmsghdr, batch> messages{};
  for (mmsghdr& message : messages) {
    message.msg_hdr.msg_iov = &piece;
    message.msg_hdr.msg_iovlen = 1;
  }
  const std::uint64_t before = received(hosts.far());
  const std::uint64_t begin = cpu_ns();
  for (int n = 0; n < batches; ++n) {
    sendmmsg(out.fd(), messages.data(), batch, 0);
  }
  const std::uint64_t spent = cpu_ns() - begin;
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  const auto arrived = static_cast<double>(received(hosts.far()) - before);
  return arrived > 0 ? static_cast<double>(spent) / arrived : 0;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.at(values.size() / 2);
}

} // namespace
} // namespace fan::test

int main(int argc, char** argv) {
  using namespace fan::test;
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 5;
  const Hosts routed(Way::routed);
  const Hosts by_hand(Way::by_hand);
  const Hosts with_fan(Way::fan);
  std::array<std::vector<double>, 3> all;
  std::printf("%-7s %8s %14s %8s   ns of CPU a packet\n", "round", "routed", "vxlan by hand", "fan");
  for (int round = 0; round < rounds; ++round) {
    all[0].push_back(measure(routed));
    all[1].push_back(measure(by_hand));
    all[2].push_back(measure(with_fan));
    std::printf("%-7d %8.0f %14.0f %8.0f\n", round + 1, all[0].back(), all[1].back(), all[2].back());
  }
  std::printf("%-7s %8.0f %14.0f %8.0f\n", "median", median(all[0]), median(all[1]), median(all[2]));
  std::printf("rate against routed %.2f, against vxlan by hand %.2f\n", median(all[0]) / median(all[2]),
              median(all[1]) / median(all[2]));
  return testing::Test::HasFailure() ? 1 : 0;
}
