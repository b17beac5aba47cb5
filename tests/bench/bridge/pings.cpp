#include "bridge/pings.h"

#include <linux/icmp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "bridge/figures.h"
#include "flood.h"
#include "percentile.h"

namespace fan::bench {
namespace {

using Clock = std::chrono::steady_clock;

class Containers {
public:
  Containers(const Stage& stage, unsigned count) : stage_(stage), namespaces_(count) {
    std::vector<std::string> lines;
    for (unsigned n = 1; n <= count; ++n) {
      const test::Netns& inside = namespaces_[n - 1];
      lines.push_back(
          fmt::format("link add c{} type veth peer name eth0 address {} netns {}", n, mac_of(n).str(), inside.path()));
      lines.push_back(fmt::format("link set c{} up master {}", n, stage.network().bridge));
    }
    stage.host().ip(lines);
    for (unsigned n = 1; n <= count; ++n) {
      namespaces_[n - 1].set_sysctl("net/ipv6/conf/eth0/disable_ipv6", "1");
      namespaces_[n - 1].ip(
          {fmt::format("addr add {}/{} dev eth0", stage.address(n).str(), stage.network().slice.length()),
           "link set eth0 up"});
    }
  }

  [[nodiscard]] const test::Netns& at(unsigned n) const { return namespaces_[n - 1]; }
  [[nodiscard]] unsigned count() const { return static_cast<unsigned>(namespaces_.size()); }
  [[nodiscard]] Address address(unsigned n) const { return stage_.address(n); }

private:
  const Stage& stage_;
  std::vector<test::Netns> namespaces_;
};

// One container's socket for echo requests.
class Pinger {
public:
  Pinger(const test::Netns& inside, Address to) {
    const test::Inside here(inside);
    fd_ = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
    icmp_filter only_replies{~(1U << ICMP_ECHOREPLY)};
    setsockopt(fd_, SOL_RAW, ICMP_FILTER, &only_replies, sizeof only_replies);
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(to.v4());
    (void)connect(fd_, reinterpret_cast<const sockaddr*>(&name), sizeof name);
  }
  Pinger(Pinger&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Pinger& operator=(Pinger&&) = delete;
  ~Pinger() {
    if (fd_ >= 0) {
      close(fd_);
    }
  }

  // ns; a second where no answer came.
  [[nodiscard]] double ping() const {
    icmphdr request{};
    request.type = ICMP_ECHO;
    request.checksum = htons(0xf7ff); // of nothing but the type
    const auto begin = Clock::now();
    pollfd waiting{fd_, POLLIN, 0};
    std::array<char, 128> answer{};
    if (send(fd_, &request, sizeof request, 0) < 0 || poll(&waiting, 1, 1000) != 1 ||
        recv(fd_, answer.data(), answer.size(), 0) < 0) {
      return 1e9;
    }
    return std::chrono::duration<double, std::nano>(Clock::now() - begin).count();
  }

private:
  int fd_;
};

// Between two of them whoever else wants the CPU has it, as between those of ping(8): without that an answer is there
// before anybody else has had his turn.
double p99(const std::vector<Pinger>& pingers) {
  std::vector<double> trips;
  for (int round = 0; round < 30; ++round) {
    for (const Pinger& pinger : pingers) {
      usleep(200);
      trips.push_back(pinger.ping());
    }
  }
  return percentile(std::move(trips), 99);
}

// The calling thread runs on the other CPUs from now on.
void leave_cpu() {
  cpu_set_t set;
  sched_getaffinity(0, sizeof set, &set);
  for (unsigned cpu = 0; cpu < std::thread::hardware_concurrency(); ++cpu) {
    CPU_ISSET(cpu, &set) ? CPU_CLR(cpu, &set) : CPU_SET(cpu, &set);
  }
  sched_setaffinity(0, sizeof set, &set);
}

std::atomic<unsigned> counted = 0;

} // namespace

struct PingStage::Parts {
  Parts(const Stage& stage, unsigned count) : containers(stage, count), loud(containers.at(1).fd()) {
    for (unsigned n = 2; n <= count; ++n) {
      pingers.emplace_back(containers.at(n), containers.address(n == count ? 2 : n + 1));
    }
  }
  Containers containers;
  Loud loud; // container 1
  std::vector<Pinger> pingers;
};

PingStage::PingStage(Stage& stage, unsigned containers) : parts_(std::make_unique<Parts>(stage, containers)) {}

PingStage::~PingStage() = default;

Pings PingStage::pings(Neighbourhood where, unsigned rounds) const {
  const std::vector<Pinger>& pingers = parts_->pingers;
  const Loud& loud = parts_->loud;
  const std::function<void()> first = where == Neighbourhood::other_cpu ? leave_cpu : [] {};
  (void)p99(pingers); // addresses are resolved
  const auto ns =
      by_turns(rounds, {[&] { return p99(pingers); },
                        [&] {
                          const Beside counting([] { counted.fetch_add(1, std::memory_order_relaxed); }, first);
                          return p99(pingers);
                        },
                        [&] {
                          const Beside flood([&] { (void)loud.shout(); }, first);
                          return p99(pingers);
                        }});
  return {ns[0], ns[1], ns[2]};
}

} // namespace fan::bench
