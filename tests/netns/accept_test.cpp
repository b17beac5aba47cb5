// A fleet moves from one encapsulation to the other, host by host, while everybody reaches everybody.
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

TEST_P(Accept, HostByHostWithoutALostPacket) {
  FanPair fans(type());
  const std::string to{name_of(other())};
  fans.up({"accept", "ipip,vxlan"});
  const Container a = fans.container_a();
  const Container b = fans.container_b();
  EXPECT_TRUE(pings(a, at_b, {}, 1));
  UdpStreamOptions slowly;
  slowly.per_second = 200;
  UdpStream there(a, b, at_b, slowly);
  UdpStream back(b, a, at_a, slowly);
  EXPECT_TRUE(there.reached(20));
  const Capture a_sends(fans.a, "eth0", [](const Frame& f) { return is_of(f, other()); });
  const Capture b_sends(fans.b, "eth0", [](const Frame& f) { return is_of(f, other()); });
  fans.a.fanctl_must({"up", "250.0.0.0/8", "eth0/16", "type", to, "accept", "ipip,vxlan"});
  EXPECT_TRUE(a_sends.reached(20)) << "the one that moved sends the new way";
  EXPECT_EQ(b_sends.count(), 0U) << "the other still the old one";
  fans.b.fanctl_must({"up", "250.0.0.0/8", "eth0/16", "type", to, "accept", "ipip,vxlan"});
  EXPECT_TRUE(b_sends.reached(20));
  for (const Host* host : {&fans.a, &fans.b}) {
    host->fanctl_must({"up", "250.0.0.0/8", "eth0/16", "type", to});
  }
  EXPECT_TRUE(pings(a, at_b));
  EXPECT_EQ(there.stop().lost, 0U);
  EXPECT_EQ(back.stop().lost, 0U);
  const std::string old_device = type() == "ipip" ? "fanip" : "fanvx8472";
  EXPECT_FALSE(fans.a.run({"ip", "link", "show", old_device}).ok()) << "nothing of the old one is left";
}

} // namespace
} // namespace fan::test
