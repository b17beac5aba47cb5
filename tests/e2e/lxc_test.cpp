// A running container of LXC by its name, on a host that has LXC alone and on one that has Docker too.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "docker_host.h"
#include "lxc_containers.h"

namespace fan::test {
namespace {

using ::testing::HasSubstr;

constexpr const char* bridge = "fan-250-0-28";

struct Programs {
  const char* names;
  const char* of_nobody; // what is said of a container that LXC does not have
};

class LxcNames : public ::testing::TestWithParam<Programs> {};

// `fanctl broadcast allow NAME` asks LXC who that is.
TEST_P(LxcNames, ArePortsOfTheBridgeAsLongAsTheContainerRuns) {
  Underlay underlay;
  HookedHost host(underlay, "172.30.0.28/16", GetParam().names);
  host.interfaces(eth0_stanza("172.30.0.28/16", {}));
  host.must({"ifup", "eth0"});
  host.fanctl_must({"up", "250.0.0.0/8", "eth0/16", "type", "vxlan", "dhcp"});
  LxcContainers containers(host);
  containers.start("box", bridge);
  EXPECT_TRUE(eventually([&] { return containers.in("box", {"/bin/ping", "-c", "1", "-W", "1", "250.0.28.1"}).ok(); }));
  host.fanctl_must({"broadcast", "reset", "--force"});
  EXPECT_THAT(host.fanctl_must({"broadcast", "list", "box"}), HasSubstr(": copied to nobody"));
  host.fanctl_must({"broadcast", "allow", "box"});
  EXPECT_THAT(host.fanctl_must({"broadcast", "list", "box"}), HasSubstr(": copied to everybody"));
  EXPECT_THAT(host.fanctl_must({"broadcast", "list"}), HasSubstr(" on " + containers.port("box")));
  EXPECT_THAT(host.run(HookedHost::fanctl({"broadcast", "allow", "nosuch"})).err, HasSubstr(GetParam().of_nobody));
  host.fanctl_must({"broadcast", "disallow", "box"});
  EXPECT_THAT(host.fanctl_must({"broadcast", "list", "box"}), HasSubstr(": copied to nobody"));
  containers.stop("box");
  const Outcome stopped = host.run(HookedHost::fanctl({"broadcast", "allow", "box"}));
  EXPECT_FALSE(stopped.ok());
  EXPECT_THAT(stopped.err, HasSubstr("container box is not running"));
}

INSTANTIATE_TEST_SUITE_P(On, LxcNames,
                         ::testing::Values(Programs{"ifupdown lxc", "LXC has no container 'nosuch'"},
                                           Programs{"ifupdown docker lxc", "docker is not running"}),
                         [](const auto& info) { return info.index == 0 ? "LxcAlone" : "DockerThatIsDown"; });

} // namespace
} // namespace fan::test
