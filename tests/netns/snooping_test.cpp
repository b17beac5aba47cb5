// A fan bridge that snoops: IPv6 neighbour solicitations go to one port, and nothing is lost on the way there.
#include <algorithm>
#include <cstdint>
#include <deque>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fan_pair.h"
#include "support/capture.h"

namespace fan::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const std::string bridge = "fan-250-0-27";

// For container 1, fd00::3. Each container also asks, by its own clock, whether somebody has its link-local address.
bool is_solicitation(const Frame& frame) {
  static const std::vector<std::uint8_t> target{0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3};
  return frame.bytes.size() >= 78 && frame.bytes[12] == 0x86 && frame.bytes[13] == 0xdd && frame.bytes[20] == 58 &&
         frame.bytes[54] == 135 && std::equal(target.begin(), target.end(), frame.bytes.begin() + 62);
}

bool is_multicast(const Frame& frame) {
  return frame.bytes.size() >= 6 && (frame.bytes[0] & 1U) != 0;
}

// A host with a fan over vxlan and four containers that have IPv6 addresses of their own.
class Snooping : public testing::Test {
protected:
  Snooping() {
    up({});
    for (unsigned n = 0; n < 4; ++n) {
      containers_.emplace_back(host_, bridge);
      containers_[n].address(fmt::format("250.0.27.{}/24", n + 2), *Address::parse("250.0.27.1"));
      containers_[n].set_sysctl("net/ipv6/conf/eth0/accept_dad", "1");
      containers_[n].ip({fmt::format("addr add {}/64 dev eth0 nodad", v6(n))});
    }
  }

  static std::string v6(unsigned n) { return fmt::format("fd00::{}", n + 2); }
  void up(const std::vector<std::string>& more) {
    std::vector<std::string> words{"up", "250.0.0.0/8", "eth0/16", "type", "vxlan"};
    words.insert(words.end(), more.begin(), more.end());
    host_.fanctl_must(words);
  }

  // Container 0 looks for container 1 and reaches it; how many solicitations the third heard of that. Tried again when
  // none came to container 1 either: it was found without, by what it said itself in the meantime.
  std::uint64_t heard_by_a_bystander() {
    for (;;) {
      const Capture bystander(containers_[2], "eth0", is_solicitation);
      const Capture asked(containers_[1], "eth0", [](const Frame& frame) {
        return !frame.outgoing && is_multicast(frame) && is_solicitation(frame);
      });
      containers_[0].must({"ip", "-6", "neigh", "flush", "dev", "eth0"});
      EXPECT_TRUE(containers_[0].run({"ping", "-6", "-c1", "-W5", v6(1)}).ok());
      if (asked.count() != 0 || HasFailure()) {
        return bystander.count();
      }
    }
  }
  // The bridge has learnt who listens to what. Seen several times over, as one look can end before what it is for has
  // come.
  bool is_settled() {
    return eventually(
        [&] { return heard_by_a_bystander() == 0 && heard_by_a_bystander() == 0 && heard_by_a_bystander() == 0; },
        std::chrono::seconds(60));
  }
  bool is_duplicate(unsigned n, const std::string& address) {
    containers_[n].ip({"addr add " + address + "/64 dev eth0"});
    const std::vector<std::string> show{"ip", "-6", "-o", "addr", "show", "dev", "eth0", "to", address};
    (void)eventually([&] {
      const std::string shown = containers_[n].must(show);
      return shown.find("dadfailed") != std::string::npos || shown.find("tentative") == std::string::npos;
    });
    const bool failed = containers_[n].must(show).find("dadfailed") != std::string::npos;
    containers_[n].ip({"addr del " + address + "/64 dev eth0"});
    return failed;
  }

  Underlay underlay_{NoForgers{}};
  Host& host_ = underlay_.host("172.30.0.27/16");
  std::deque<Container> containers_;
};

TEST_F(Snooping, SolicitationsGoToOnePort) {
  EXPECT_GT(heard_by_a_bystander(), 0U) << "a bridge without a querier";
  up({"snooping"});
  EXPECT_TRUE(is_settled());
  EXPECT_EQ(heard_by_a_bystander(), 0U);
}

TEST_F(Snooping, DuplicatesAreStillFound) {
  up({"snooping"});
  ASSERT_TRUE(is_settled());
  EXPECT_TRUE(is_duplicate(3, v6(1)));
  EXPECT_FALSE(is_duplicate(3, "fd00::99"));
}

TEST_F(Snooping, ALiveBridgeLosesNothing) {
  Background ping({"ping", "-6", "-i0.02", "-c250", v6(1)}, [&] {
    RunOptions options;
    options.netns = &containers_[0];
    return options;
  }());
  ASSERT_TRUE(ping.wait_for("icmp_seq=3"));
  up({"snooping"});
  EXPECT_EQ(ping.wait(std::chrono::seconds(60)), 0);
  EXPECT_THAT(ping.output(), HasSubstr(" 0% packet loss"));
}

// Who forgets its neighbour all the time, before the querier is on, while it is asking, and when it knows.
TEST_F(Snooping, ALiveBridgeLosesNoSolicitation) {
  const Capture sent(containers_[0], "eth0", [](const Frame& frame) {
    return frame.outgoing && is_multicast(frame) && is_solicitation(frame);
  });
  const Capture heard(containers_[1], "eth0", [](const Frame& frame) {
    return !frame.outgoing && is_multicast(frame) && is_solicitation(frame);
  });
  const auto look_for_it = [&](int times) {
    for (int n = 0; n < times; ++n) {
      containers_[0].must({"ip", "-6", "neigh", "flush", "dev", "eth0"});
      EXPECT_TRUE(containers_[0].run({"ping", "-6", "-c1", "-W5", v6(1)}).ok());
      pause_for(std::chrono::milliseconds(50));
    }
  };
  look_for_it(5);
  up({"snooping"});
  look_for_it(60); // longer than the querier takes
  up({});
  look_for_it(5);
  EXPECT_GT(sent.count(), 50U);
  EXPECT_TRUE(heard.reached(sent.count()));
  EXPECT_EQ(heard.count(), sent.count());
}

TEST_F(Snooping, IsAnOptionThatComesAndGoesAndIsRepaired) {
  const auto querier = [&] { return host_.must({"ip", "-d", "link", "show", "dev", bridge}); };
  EXPECT_THAT(querier(), HasSubstr("mcast_querier 0"));
  up({"snooping"});
  EXPECT_THAT(querier(), HasSubstr("mcast_querier 1"));
  EXPECT_THAT(querier(), HasSubstr("mcast_query_response_interval 100 "));
  EXPECT_THAT(host_.fanctl_must({"show"}), HasSubstr("snooping"));
  host_.ip({"link set dev " + bridge + " type bridge mcast_querier 0"});
  EXPECT_THAT(host_.fanctl({"show", "-v"}).out, HasSubstr("querier " + bridge));
  EXPECT_THAT(host_.fanctl_must({"up", "250.0.0.0/8", "eth0/16", "type", "vxlan", "snooping", "--dry-run"}),
              HasSubstr("mcast_querier 1"));
  up({"snooping"});
  EXPECT_THAT(querier(), HasSubstr("mcast_querier 1"));
  up({});
  EXPECT_THAT(querier(), HasSubstr("mcast_querier 0"));
  EXPECT_THAT(querier(), HasSubstr("mcast_query_response_interval 1000 "));
}

// Our interval is set before the querier is on, and taken back after it is off: a fanctl that is killed there leaves
// it.
TEST_F(Snooping, TheIntervalThatAKilledOneLeftIsTakenBack) {
  const auto querier = [&] { return host_.must({"ip", "-d", "link", "show", "dev", bridge}); };
  const std::string ours = "mcast_query_response_interval 100 ";
  for (const bool wanted : {false, true}) {
    SCOPED_TRACE(wanted ? "while it was switched on" : "when it was switched off");
    host_.ip({"link set dev " + bridge + " type bridge mcast_query_response_interval 100"});
    EXPECT_THAT(querier(), AllOf(HasSubstr("mcast_querier 0"), HasSubstr(ours)));
    EXPECT_THAT(host_.fanctl({"show", "-v"}).out, HasSubstr("querier " + bridge + " response-interval 100 off"));
    EXPECT_EQ(host_.fanctl({"show", "--check"}).status, 8);
    up(wanted ? std::vector<std::string>{"snooping"} : std::vector<std::string>{});
    EXPECT_THAT(querier(), HasSubstr(wanted ? "mcast_querier 1" : "mcast_querier 0"));
    EXPECT_THAT(querier(), HasSubstr(wanted ? ours : "mcast_query_response_interval 1000 "));
    EXPECT_EQ(host_.fanctl({"show", "--check"}).status, 0);
  }
  up({});
  host_.ip({"link set dev " + bridge + " type bridge mcast_query_response_interval 500"});
  EXPECT_EQ(host_.fanctl({"show", "--check"}).status, 0) << "somebody's own wish";
}

TEST_F(Snooping, ABridgeThatLostItsSignIsNoQuerierAfterDown) {
  for (const char* lost : {"group 0", "address 02:00:00:00:00:01"}) {
    SCOPED_TRACE(lost);
    up({"snooping"});
    host_.ip({"link set dev " + bridge + " " + lost});
    const Outcome down = host_.fanctl({"down", "-e", "--force"});
    EXPECT_EQ(down.status, 0) << down.err;
    EXPECT_THAT(down.err, HasSubstr(bridge + " is left"));
    EXPECT_THAT(host_.must({"ip", "-d", "link", "show", "dev", bridge}),
                AllOf(HasSubstr("mcast_querier 0"), HasSubstr("mcast_query_response_interval 1000 ")));
    EXPECT_EQ(host_.must({"nft", "list", "tables"}), "");
    host_.ip({"link del " + bridge});
  }
}

} // namespace
} // namespace fan::test
