// What was heard becomes an endpoint, or not.
#include <gtest/gtest.h>

#include "core/words.h"
#include "engine/register_heard.h"
#include "engine/requests.h"
#include "support/memory_provider.h"

namespace fan {
namespace {

using test::MemoryProvider;

const Mac mac{{0x02, 0, 0, 0, 0, 2}};
const Address address{0xfa001b02U}; // 250.0.27.2

class RegisterHeard : public testing::Test {
protected:
  RegisterHeard() {
    add_port("v1", 21);
    add_port("v2", 22);
    const auto spec = parse_words(std::vector<std::string>{"250.0.0.0/8", "eth0/16", "type", "vxlan", "proxy-arp"});
    EXPECT_TRUE(up(kernel, *spec, {}));
    kernel.macs = {{mac, "v2"}};
  }
  void add_port(const std::string& name, std::uint32_t ifindex) {
    LinkFact link;
    link.ifindex = ifindex;
    link.name = name;
    link.master = bridge;
    kernel.base.links.push_back(link);
  }
  Result<HeardOutcome> hear(std::uint32_t port) {
    return register_heard(kernel, std::nullopt, {{bridge, address, mac, false, port}});
  }

  static constexpr std::uint32_t bridge = 4; // the first device after those that there are
  MemoryProvider kernel = MemoryProvider::host(*Address::parse("172.30.0.27"), 16);
};

// Somebody else on the bridge has sent with that MAC since.
TEST_F(RegisterHeard, WhoWasBehindAnotherPortThenHasToBeHeardAgain) {
  const auto outcome = hear(21);
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_TRUE(outcome->after.empty());
  EXPECT_EQ(outcome->to_ask, (std::set<Registration>{{address, "v2", mac}}));
}

TEST_F(RegisterHeard, WhoIsWhereHeWasHeardIsRegisteredThere) {
  for (const std::uint32_t port : {22U, 0U}) {
    const auto outcome = hear(port);
    ASSERT_TRUE(outcome) << outcome.error().message;
    EXPECT_EQ(outcome->after, (Endpoints{{address, {address, "v2", mac}}})) << port;
  }
}

TEST_F(RegisterHeard, APortThatIsGoneIsNoOtherPort) {
  const auto outcome = hear(99);
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->after.size(), 1U) << "it says nothing";
}

} // namespace
} // namespace fan
