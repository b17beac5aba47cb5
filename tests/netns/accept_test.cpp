// A fleet moves from one encapsulation to the other, host by host, while everybody reaches everybody.
#include <deque>

#include <gtest/gtest.h>

#include "fan_pair.h"
#include "support/capture.h"
#include "support/udp_stream.h"

namespace fan::test {
namespace {

// Only where there are both; the parameter is where the fleet comes from.
class Accept : public OverEach {
protected:
  void SetUp() override {
    OverEach::SetUp();
    if (!IsSkipped() && !kernel_has(other())) {
      GTEST_SKIP() << "no-" << name_of(other()) << ": this kernel has no " << name_of(other());
    }
  }
  [[nodiscard]] static Encapsulation other() {
    return GetParam() == Encapsulation::ipip ? Encapsulation::vxlan : Encapsulation::ipip;
  }
};
FAN_OVER_EACH(Accept);

bool is_of(const Frame& frame, Encapsulation e) {
  return frame.outgoing &&
         (e == Encapsulation::ipip ? frame.protocol() == protocol_ipip : frame.destination_port() == 8472);
}

// Three hosts, so that there is a time when two have moved and one has not; each speaks to each all the time.
TEST_P(Accept, HostByHostWithoutALostPacket) {
  FanPair fans(type());
  const std::string to{name_of(other())};
  const std::vector<Host*> hosts{&fans.a, &fans.b, &fans.underlay.host("172.30.0.29/16")};
  std::deque<Container> containers;
  const auto address_of = [](std::size_t n) { return Address(at_a.v4() + (static_cast<std::uint32_t>(n) << 8U)); };
  for (std::size_t n = 0; n < hosts.size(); ++n) {
    hosts[n]->fanctl_must(fans.line("up", {"accept", "ipip,vxlan"}));
    containers.emplace_back(*hosts[n], "fan-250-0-" + std::to_string(27 + n));
    containers.back().address(address_of(n).str() + "/24", Address(address_of(n).v4() - 1));
  }
  std::deque<UdpStream> streams;
  for (std::size_t from = 0; from < hosts.size(); ++from) {
    for (const std::size_t step : {1U, 2U}) {
      const std::size_t peer = (from + step) % hosts.size();
      EXPECT_TRUE(pings(containers[from], address_of(peer), {}, 1));
      streams.emplace_back(containers[from], containers[peer], address_of(peer),
                           UdpStreamOptions{.per_second = 100, .port = static_cast<std::uint16_t>(7000 + from)});
    }
  }
  for (std::size_t moved = 0; moved < hosts.size(); ++moved) {
    hosts[moved]->fanctl_must({"up", "250.0.0.0/8", "eth0/16", "type", to, "accept", "ipip,vxlan"});
    for (std::size_t n = 0; n < hosts.size(); ++n) {
      const auto old = [](const Frame& f) { return is_of(f, GetParam().encapsulation); };
      const Capture new_way(*hosts[n], "eth0", [](const Frame& f) { return is_of(f, other()); });
      const Capture old_way(*hosts[n], "eth0", old);
      const bool is_moved = n <= moved;
      EXPECT_TRUE((is_moved ? new_way : old_way).reached(20)) << n << " when " << moved << " has moved";
      EXPECT_EQ((is_moved ? old_way : new_way).count(), 0U) << n << " when " << moved << " has moved";
    }
  }
  for (Host* host : hosts) {
    host->fanctl_must({"up", "250.0.0.0/8", "eth0/16", "type", to});
  }
  EXPECT_TRUE(pings(containers[0], address_of(1)));
  for (UdpStream& stream : streams) {
    EXPECT_EQ(stream.stop().lost, 0U);
  }
  const std::string old_device = type() == "ipip" ? "fanip" : "fanvx8472";
  EXPECT_FALSE(fans.a.run({"ip", "link", "show", old_device}).ok()) << "nothing of the old one is left";
}

} // namespace
} // namespace fan::test
