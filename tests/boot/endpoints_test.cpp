// fanctl-endpoints.service: it registers who appears, packets do not need it, and it leaves behind what it has
// registered.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <string>

#include <fmt/format.h>

#include "fan_host.h"
#include "support/udp_stream.h"

namespace fan::test {
namespace {

using ::testing::HasSubstr;

constexpr const char* unit = "fanctl-endpoints.service";
constexpr std::chrono::seconds until_registered{60};

class EndpointsUnit : public ::testing::Test {
protected:
  Container& add() {
    Container& made = containers_.emplace_back(hosts_.b.host(), "fan-250");
    made.address(fmt::format("250.0.28.{}/24", containers_.size() + 1), gateway_of_b);
    return made;
  }
  // The n-th of them, counted from 1. It has said a word before.
  [[nodiscard]] bool becomes_registered(unsigned n) const {
    const std::string address = fmt::format("250.0.28.{} ", n + 1);
    return eventually([&] { return list().find(address) != std::string::npos; }, until_registered);
  }
  [[nodiscard]] std::string list() const { return hosts_.b.must({"fanctl", "endpoint", "list"}); }
  [[nodiscard]] std::string pid() const { return hosts_.b.property(unit, "MainPID"); }

  FanHost hosts_;
  std::deque<Container> containers_;
};

TEST_F(EndpointsUnit, RegistersComesBackAndLeavesItsEntries) {
  hosts_.b.enable(unit);
  hosts_.boot_with("    proxy-arp: true\n");
  ASSERT_TRUE(hosts_.b.active(unit));

  EXPECT_TRUE(pings(add(), gateway_of_b));
  EXPECT_TRUE(becomes_registered(1));
  EXPECT_THAT(hosts_.b.must({"journalctl", "-q", "-u", unit, "-o", "cat"}), HasSubstr("registered 250.0.28.2 mac"));

  // Nothing is lost while it is killed, comes back by itself, and is stopped.
  UdpStream stream(hosts_.peer, containers_.front(), *Address::parse("250.0.28.2"));
  ASSERT_TRUE(stream.reached(100));
  const std::string first = pid();
  hosts_.b.must({"systemctl", "kill", "--signal=KILL", "--kill-who=main", unit});
  EXPECT_TRUE(pings(add(), *Address::parse("250.0.28.2")));
  EXPECT_TRUE(eventually([&] { return hosts_.b.active(unit) && pid() != first && pid() != "0"; }, until_registered));
  EXPECT_EQ(hosts_.b.property(unit, "NRestarts"), "1");
  EXPECT_TRUE(pings(containers_.back(), gateway_of_b)); // it may have said its word when nobody listened
  EXPECT_TRUE(becomes_registered(2));
  EXPECT_TRUE(pings(add(), gateway_of_b));
  EXPECT_TRUE(becomes_registered(3));

  const std::string before = list();
  hosts_.b.must({"systemctl", "stop", unit});
  EXPECT_EQ(list(), before);
  EXPECT_THAT(hosts_.b.must({"ip", "neigh", "show", "dev", "fan-250", "nud", "permanent"}), HasSubstr("250.0.28.4 "));
  EXPECT_TRUE(hosts_.b.has_fan("fan-250"));
  EXPECT_TRUE(pings(containers_[1], *Address::parse("250.0.28.4")));
  const UdpStreamReport sent = stream.stop();
  EXPECT_EQ(sent.lost + sent.refused, 0U) << "of " << sent.sent;
}

} // namespace
} // namespace fan::test
