// Who is behind which port of a bridge, as the kernel has it.
#include <gmock/gmock.h>

#include "contract/kernel_test.h"

namespace fan::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Endpoints = KernelTest;

std::vector<Endpoint> on(const std::string& bridge, Provider& provider) {
  auto found = provider.endpoints(bridge);
  EXPECT_TRUE(found) << found.error().message;
  return found ? *found : std::vector<Endpoint>();
}

TEST_F(Endpoints, AreTheNeighboursOfTheBridgeWithThePortsThatTheirFramesComeFrom) {
  ip({"link add br0 type bridge", "link add br1 type bridge", "link set br0 up", "link set br1 up"});
  for (const char* n : {"1", "2"}) {
    ip({std::string("link add p") + n + " type veth peer name q" + n, std::string("link set p") + n + " master br0 up",
        std::string("link set q") + n + " up"});
  }
  ip({"neigh add 250.0.28.2 lladdr 02:00:00:00:00:02 dev br0 nud stale",
      "neigh add 250.0.28.3 lladdr 02:00:00:00:00:03 dev br0 nud permanent",
      "neigh add 250.0.28.4 lladdr 02:00:00:00:00:04 dev br0 nud reachable",
      "neigh replace 224.0.0.22 lladdr 01:00:5e:00:00:16 dev br0 nud noarp", // as IGMP may make it: nobody's
      "neigh add 250.0.28.5 lladdr 02:00:00:00:00:02 dev br1 nud stale",
      "neigh add fd00::2 lladdr 02:00:00:00:00:02 dev br0 nud stale"});
  must({"bridge", "fdb", "add", "02:00:00:00:00:02", "dev", "p1", "master", "static"});
  must({"bridge", "fdb", "add", "02:00:00:00:00:03", "dev", "p2", "master", "static"});
  const auto at = [](const char* address) { return *Address::parse(address); };
  EXPECT_THAT(on("br0", provider()), ElementsAre(Endpoint{at("250.0.28.2"), "p1"}, Endpoint{at("250.0.28.3"), "p2"},
                                                 Endpoint{at("250.0.28.4"), ""}));
  EXPECT_THAT(on("br1", provider()), IsEmpty()) << "nothing is attached to it";
  EXPECT_THAT(on("nosuch", provider()), IsEmpty());
}

} // namespace
} // namespace fan::test
