// The fan is there before Docker, so that a container that restarts by itself is back on it after a reboot.
#include <gtest/gtest.h>

#include <iostream>

#include "fan_host.h"

namespace fan::test {
namespace {

constexpr const char* daemon_file =
    R"({"bridge": "fan-250", "mtu": 1450, "iptables": false, "ip6tables": false, "ip-masq": false, "ip-forward": false,
        "userland-proxy": false})";

// Both in microseconds since the machine's start.
long time_of(const BootedHost& host, const std::string& unit, const std::string& name) {
  return std::atol(host.property(unit, name).c_str());
}

// Docker does not start without its bridge, so that it is active after one start says the same.
void expect_fan_before_docker(const BootedHost& host) {
  ASSERT_TRUE(host.active("fanctl.service"));
  ASSERT_TRUE(host.active("docker.service"));
  EXPECT_EQ(host.property("docker.service", "NRestarts"), "0");
  const long up = time_of(host, "fanctl.service", "ActiveEnterTimestampMonotonic");
  const long docker = time_of(host, "docker.service", "ExecMainStartTimestampMonotonic");
  EXPECT_LT(up, docker);
  std::cout << "the fan was up " << (docker - up) / 1000 << " ms before dockerd was started\n";
}

Address address_of_container(const BootedHost& host) {
  const std::string text = host.must({"docker", "inspect", "-f", "{{.NetworkSettings.IPAddress}}", "c1"});
  auto address = Address::parse(text.substr(0, text.find('\n')));
  EXPECT_TRUE(address.ok()) << text;
  return address.ok() ? *address : Address();
}

TEST(Boot, TheFanIsThereBeforeDockerAndItsContainersComeBack) {
  FanHost hosts;
  hosts.b.file("/etc/docker/daemon.json", daemon_file);
  hosts.b.enable("docker.service");
  hosts.b.boot();
  EXPECT_EQ(hosts.b.booted(), "running");
  expect_fan_before_docker(hosts.b);
  hosts.b.must({"docker", "import", "/srv/box.tar", "box"});
  hosts.b.must({"docker", "run", "-d", "--restart=always", "--name=c1", "box", "sh", "-c",
                "trap 'exit 0' TERM; while :; do sleep 1; done"});
  EXPECT_TRUE(hosts.reaches(address_of_container(hosts.b)));

  hosts.b.reboot();
  EXPECT_EQ(hosts.b.booted(), "running");
  expect_fan_before_docker(hosts.b);
  ASSERT_TRUE(eventually(
      [&] {
        return hosts.b.run({"docker", "exec", "c1", "true"}).status != 1;
      },
      std::chrono::seconds(30)));
  EXPECT_NE(hosts.b.must({"ip", "-o", "link", "show", "master", "fan-250"}), "");
  EXPECT_TRUE(hosts.reaches(address_of_container(hosts.b)));
  EXPECT_TRUE(hosts.b.run({"docker", "exec", "c1", "ping", "-c", "2", "250.0.27.2"}).ok());
}

} // namespace
} // namespace fan::test
