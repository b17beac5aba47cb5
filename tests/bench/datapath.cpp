// What the programs cost: nanoseconds a packet by the kernel's own statistics (run_time_ns / run_cnt), under real
// traffic from container to container, less those of an empty program on the same device in the same run. Needs root.
//
//   fan_datapath_bench [FANS...]     how many fans each host has in each round; else 1 and 64
#include <bpf/bpf.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "fan_pair.h"
#include "percentile.h"
#include "support/raw_sender.h"
#include "transfer.h"

namespace fan::test {
namespace {

using bench::median;

constexpr int rounds = 5;
constexpr int batches = 1500;
constexpr unsigned batch = 64;
const char* const device = "fanvx8472";

struct Figures {
  std::uint64_t ns = 0;
  std::uint64_t runs = 0;
};

// Ids of the programs on the device, in the order in which they run: the empty one, then the fan's.
std::vector<std::uint32_t> programs_on(const Netns& host, const char* direction) {
  std::istringstream words(host.must({"tc", "filter", "show", "dev", device, direction}));
  std::vector<std::uint32_t> ids;
  for (std::string word; words >> word;) {
    if (word == "id" && words >> word) {
      ids.push_back(static_cast<std::uint32_t>(std::stoul(word)));
    }
  }
  return ids;
}

Figures figures_of(std::uint32_t id) {
  bpf_prog_info info{};
  std::uint32_t length = sizeof info;
  const int fd = bpf_prog_get_fd_by_id(id);
  bpf_obj_get_info_by_fd(fd, &info, &length);
  close(fd);
  return {info.run_time_ns, info.run_cnt};
}

double each(const Figures& before, const Figures& after) {
  const auto runs = static_cast<double>(after.runs - before.runs);
  return runs > 0 ? static_cast<double>(after.ns - before.ns) / runs : 0;
}

void attach_empty(const Netns& host) {
  for (const char* direction : {"ingress", "egress"}) {
    host.must({"tc", "filter", "add", "dev", device, direction, "pref", "1", "handle", "7", "protocol", "all", "bpf",
               "direct-action", "object-file", FAN_BENCH_EMPTY, "section", "tc"});
  }
}

// A burst of small datagrams by sendmmsg.
void flood(const Netns& from, Address destination) {
  const Socket out(from, SOCK_DGRAM);
  if (out.connect_to(destination, 9) != 0) {
    return;
  }
  char payload[18] = {};
  iovec piece{payload, sizeof payload};
  std::vector<mmsghdr> messages(batch);
  for (mmsghdr& message : messages) {
    message.msg_hdr.msg_iov = &piece;
    message.msg_hdr.msg_iovlen = 1;
  }
  for (int n = 0; n < batches; ++n) {
    sendmmsg(out.fd(), messages.data(), batch, 0);
  }
}

// Tunnel packets of a host that speaks for another host's slice.
void flood_forged(const FanPair& fans) {
  const Mac mac{{2, 0xfa, 0, 0, 0, 1}};
  const Bytes inner = ipv4({Address(0xfa001d02U), at_b, protocol_udp}, udp(1, 9, text("eighteen bytes now")));
  const Bytes packet = ipv4({fans.a.address, fans.b.address, protocol_udp},
                            udp(4000, 8472, vxlan(16384001, ethernet(mac, mac, 0x0800, inner))));
  RawSender sender = RawSender::packets(fans.underlay.router());
  for (unsigned n = 0; n < batches * batch; ++n) {
    sender.send(packet);
  }
}

// Above the empty program, the median of the rounds. Returns it.
template <class Traffic>
double measure(const char* what, const Netns& host, const char* direction, const Traffic& traffic) {
  const std::vector<std::uint32_t> ids = programs_on(host, direction);
  std::vector<double> ours;
  std::vector<double> empties;
  for (int round = 0; round < rounds; ++round) {
    const Figures empty = figures_of(ids.at(0));
    const Figures fan = figures_of(ids.at(1));
    traffic();
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    empties.push_back(each(empty, figures_of(ids.at(0))));
    ours.push_back(each(fan, figures_of(ids.at(1))) - empties.back());
  }
  std::printf("  %-34s %6.1f ns above the %5.1f of an empty program   (", what, median(ours), median(empties));
  for (const double value : ours) {
    std::printf(" %.0f", value);
  }
  std::printf(" )\n");
  return median(ours);
}

void more_fans(const FanPair& fans, int count) {
  for (int n = 0; n < count - 1; ++n) {
    for (const Host* host : {&fans.a, &fans.b}) {
      host->fanctl_must({"up", "20." + std::to_string(4 * n) + ".0.0/14", "eth0/16", "type", "vxlan"});
    }
  }
}

std::vector<double> bench(int count) {
  FanPair fans("vxlan");
  fans.up();
  more_fans(fans, count);
  const Container a = fans.container_a();
  const Container b = fans.container_b();
  if (!pings(a, at_b)) {
    std::fprintf(stderr, "no ping\n");
    std::exit(1);
  }
  attach_empty(fans.a);
  attach_empty(fans.b);
  std::printf("%d fan%s, small datagrams\n", count, count == 1 ? "" : "s");
  std::vector<double> all;
  all.push_back(measure("out, sent", fans.a, "egress", [&] { flood(a, at_b); }));
  all.push_back(measure("in, accepted", fans.b, "ingress", [&] { flood(a, at_b); }));
  all.push_back(measure("out, refused (out-broadcast)", fans.a, "egress", [&] { flood(a, Address(0xfa000002U)); }));
  all.push_back(measure("in, refused (in-source-forged)", fans.b, "ingress", [&] { flood_forged(fans); }));
  return all;
}

} // namespace
} // namespace fan::test

int main(int argc, char** argv) {
  const int statistics = bpf_enable_stats(BPF_STATS_RUN_TIME); // as long as it is open
  if (statistics < 0) {
    std::perror("BPF_ENABLE_STATS");
    return 1;
  }
  std::vector<int> counts;
  for (int n = 1; n < argc; ++n) {
    counts.push_back(std::atoi(argv[n]));
  }
  if (counts.empty()) {
    counts = {1, 64};
  }
  std::vector<std::vector<double>> results;
  for (const int count : counts) {
    results.push_back(fan::test::bench(count));
  }
  for (std::size_t n = 1; n < results.size(); ++n) {
    std::printf("%d fans / %d: out %.2f, in %.2f\n", counts[n], counts[0], results[n][0] / results[0][0],
                results[n][1] / results[0][1]);
  }
  close(statistics);
  return testing::Test::HasFailure() ? 1 : 0;
}
