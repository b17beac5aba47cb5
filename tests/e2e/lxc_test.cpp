// A running container of LXC by its name, on a host that has LXC alone and on one that has Docker too.
#include <fstream>
#include <string>

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

// The script that a page prints: its indented lines from "#!/bin/sh" on.
std::string hook_in(const std::string& page) {
  std::ifstream file(page);
  std::string script;
  for (std::string line; std::getline(file, line);) {
    if (line == "    #!/bin/sh" || !script.empty()) {
      if (!line.starts_with("    ")) {
        break;
      }
      script += line.substr(4) + "\n";
    }
  }
  EXPECT_FALSE(script.empty());
  return script;
}

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

// The hook of docs/ports.md: nothing but who makes it says of a device of no bridge that it is a fan's.
TEST(LxcHooks, RegisterARoutedEndpointAndTakeItOffTheRegister) {
  Underlay underlay;
  HookedHost host(underlay, "172.30.0.28/16", "ifupdown lxc");
  host.interfaces(eth0_stanza("172.30.0.28/16", {}));
  host.must({"ifup", "eth0"});
  host.fanctl_must({"up", "250.0.0.0/8", "eth0/16", "type", "vxlan"});
  std::ofstream(host.in_view("/etc/fanctl-routed")) << hook_in(SOURCE_DIR "/docs/ports.md");
  host.must({"chmod", "755", "/etc/fanctl-routed"});
  LxcContainers containers(host);
  containers.start("box", "",
                   "lxc.net.0.hwaddr = 02:00:00:00:00:07\n"
                   "lxc.net.0.ipv4.address = 250.0.28.200/24\n"
                   "lxc.net.0.ipv4.gateway = 250.0.28.1\n"
                   "lxc.net.0.script.up = /etc/fanctl-routed\n"
                   "lxc.net.0.script.down = /etc/fanctl-routed\n");
  const std::string list = host.fanctl_must({"endpoint", "list"});
  EXPECT_THAT(list, HasSubstr("250.0.28.200"));
  EXPECT_THAT(list, HasSubstr("02:00:00:00:00:07"));
  EXPECT_THAT(list, HasSubstr(containers.port("box")));
  EXPECT_THAT(list, HasSubstr("routed\n"));
  Container other(host.host, bridge);
  other.address("250.0.28.2/24", *Address::parse("250.0.28.1"));
  EXPECT_TRUE(pings(other, *Address::parse("250.0.28.200")));
  EXPECT_TRUE(eventually([&] { return containers.in("box", {"/bin/ping", "-c", "1", "-W", "1", "250.0.28.2"}).ok(); }));
  containers.stop("box");
  EXPECT_TRUE(eventually([&] {
    return host.fanctl_must({"endpoint", "list"}).find("250.0.28.200") == std::string::npos;
  }));
  EXPECT_TRUE(host.run(HookedHost::fanctl({"show", "--check"})).ok());
}

} // namespace
} // namespace fan::test
