#include "bridge/injector.h"

#include <dirent.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <deque>
#include <fstream>
#include <iterator>
#include <numeric>

#include <fmt/format.h>

namespace fan::bench {
namespace {

std::string path_of_ksoftirqd; // of the CPU that pin() was given

void put(Frame& frame, const Mac& mac) {
  std::copy(mac.bytes.begin(), mac.bytes.end(), std::back_inserter(frame)); // GCC 12 has doubts about insert() at -O3
}
void put16(Frame& frame, unsigned value) {
  frame.push_back(static_cast<unsigned char>(value >> 8U));
  frame.push_back(static_cast<unsigned char>(value));
}
void put(Frame& frame, Address address) {
  put16(frame, address.v4() >> 16U);
  put16(frame, address.v4() & 0xffffU);
}

constexpr Mac everybody{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

Frame ipv4(Mac from, Mac to, Address sender, Address target) {
  Frame frame;
  put(frame, to);
  put(frame, from);
  put16(frame, ETHERTYPE_IP);
  const std::size_t begin = frame.size();
  for (const unsigned word : {0x4500U, 46U, 0U, 0U, 0x4011U, 0U}) {
    put16(frame, word);
  }
  put(frame, sender);
  put(frame, target);
  unsigned sum = 0;
  for (std::size_t i = begin; i < begin + 20; i += 2) {
    sum += static_cast<unsigned>(frame[i] << 8U) + frame[i + 1];
  }
  while (sum > 0xffffU) { // the first carry may make another
    sum = (sum & 0xffffU) + (sum >> 16U);
  }
  sum = ~sum & 0xffffU;
  frame[begin + 10] = static_cast<unsigned char>(sum >> 8U);
  frame[begin + 11] = static_cast<unsigned char>(sum);
  for (const unsigned word : {9U, 9U, 26U, 0U}) {
    put16(frame, word);
  }
  frame.resize(60);
  return frame;
}

// A raw socket on the end of a port.
class End {
public:
  End(const Stage& stage, unsigned n) {
    const test::Inside here(stage.ends());
    fd_ = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    to_.sll_family = AF_PACKET;
    to_.sll_ifindex = static_cast<int>(if_nametoindex(fmt::format("e{}", n).c_str()));
  }
  ~End() { close(fd_); }
  End(const End&) = delete;
  End& operator=(const End&) = delete;

  void send(const Frame& frame) const {
    if (sendto(fd_, frame.data(), frame.size(), 0, reinterpret_cast<const sockaddr*>(&to_), sizeof to_) < 0) {
      std::perror("send");
      std::exit(1);
    }
  }

private:
  int fd_;
  sockaddr_ll to_{};
};

std::string name_of_process(const std::string& pid) {
  std::ifstream file("/proc/" + pid + "/comm");
  std::string name;
  std::getline(file, name);
  return name;
}

std::uint64_t ksoftirqd_ns() {
  std::ifstream file(path_of_ksoftirqd);
  std::uint64_t ns = 0;
  file >> ns;
  return ns;
}

// Until the counters stand still: what ksoftirqd has not done yet.
std::vector<std::uint64_t> settled(const Stage& stage) {
  std::vector<std::uint64_t> before = stage.received();
  for (int n = 0; n < 100; ++n) {
    usleep(5000);
    std::vector<std::uint64_t> now = stage.received();
    if (now == before) {
      break;
    }
    before = std::move(now);
  }
  return before;
}

std::uint64_t sum(const std::vector<std::uint64_t>& counts) {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

} // namespace

Frame who_has(Mac from, Address sender, Address target) {
  Frame frame;
  put(frame, everybody);
  put(frame, from);
  for (const unsigned word : {unsigned{ETHERTYPE_ARP}, 1U, unsigned{ETHERTYPE_IP}, 0x0604U, 1U}) {
    put16(frame, word);
  }
  put(frame, from);
  put(frame, sender);
  put(frame, Mac{});
  put(frame, target);
  frame.resize(60);
  return frame;
}

Frame broadcast(Mac from, Address sender) {
  return ipv4(from, everybody, sender, Address(0xffffffffU));
}

Frame datagram(Mac from, Mac to, Address sender, Address target) {
  return ipv4(from, to, sender, target);
}

void pin(unsigned cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  sched_setaffinity(0, sizeof set, &set);
  DIR* proc = opendir("/proc");
  while (const dirent* entry = readdir(proc)) {
    if (name_of_process(entry->d_name) == fmt::format("ksoftirqd/{}", cpu)) {
      path_of_ksoftirqd = fmt::format("/proc/{}/schedstat", entry->d_name);
    }
  }
  closedir(proc);
}

std::uint64_t cpu_ns() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1000000000U + static_cast<std::uint64_t>(now.tv_nsec) +
         ksoftirqd_ns();
}

Cost send_frames(const Stage& stage, unsigned n, const Frame& frame, unsigned count) {
  const End end(stage, n);
  const auto before = settled(stage);
  const std::uint64_t begin = cpu_ns();
  for (unsigned i = 0; i < count; ++i) {
    end.send(frame);
  }
  const std::uint64_t ns = cpu_ns() - begin;
  const auto after = settled(stage);
  const double answers = static_cast<double>(after.at(n - 1) - before.at(n - 1));
  const double all = static_cast<double>(sum(after) - sum(before));
  return {static_cast<double>(ns) / count, (all - answers) / count, answers / count};
}

double send_all(const Stage& stage, const std::vector<Shot>& shots) {
  std::deque<End> ends;
  for (const Shot& shot : shots) {
    ends.emplace_back(stage, shot.from);
  }
  const std::uint64_t begin = cpu_ns();
  for (std::size_t i = 0; i < shots.size(); ++i) {
    ends[i].send(shots[i].frame);
  }
  return static_cast<double>(cpu_ns() - begin) / static_cast<double>(shots.size());
}

Mesh full_mesh(const Stage& stage, unsigned count) {
  const auto before = settled(stage);
  std::uint64_t ns = 0;
  for (unsigned from = 1; from <= count; ++from) {
    const End end(stage, from);
    const std::uint64_t begin = cpu_ns();
    for (unsigned to = 1; to <= count; ++to) {
      if (to != from) {
        end.send(who_has(mac_of(from), stage.address(from), stage.address(to)));
      }
    }
    ns += cpu_ns() - begin;
  }
  const auto after = settled(stage);
  return {static_cast<double>(ns), sum(after) - sum(before)};
}

} // namespace fan::bench
