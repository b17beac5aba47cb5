// The announcement of 2015 with Docker: fans by ifup, two real dockerds, containers that see each other's own address.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "docker_host.h"
#include "netns/fan_pair.h"

namespace fan::test {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

struct DockerPair {
  explicit DockerPair(const std::string& type)
      : a(underlay, "172.30.0.27/16"), b(underlay, "172.30.0.28/16"), mtu(type == "ipip" ? 1480 : 1450) {
    for (DockerHost* each : {&a, &b}) {
      each->interfaces("auto eth0\niface eth0 inet static\n    address " + each->host.cidr +
                       "\n    up fanctl up 250.0.0.0/8 eth0/16 type " + type +
                       "\n    down fanctl down 250.0.0.0/8 eth0/16\n");
      each->must({"ifup", "eth0"});
    }
  }

  Underlay underlay;
  DockerHost a;
  DockerHost b;
  unsigned mtu;
};

// ping, nc and iperf3 from a container of `a` to one of `b`, which sees the first one's own address.
void expect_traffic(DockerHost& a, DockerHost& b) {
  const std::string from = a.container("one");
  const std::string to = b.container("two");
  EXPECT_TRUE(from.starts_with("250.0.27.")) << from;
  EXPECT_TRUE(to.starts_with("250.0.28.")) << to;
  EXPECT_THAT(a.in("one", {"/bin/ping", "-c", "3", "-i", "0.2", "-W", "3", to}).out, HasSubstr(" 0% packet loss"));
  EXPECT_THAT(b.in("two", {"/bin/ping", "-c", "3", "-i", "0.2", "-W", "3", from}).out, HasSubstr(" 0% packet loss"));

  // On a busy machine a client may give up before the listener has read: then both try again.
  b.docker_must({"exec", "--detach", "two", "/bin/sh", "-c", "while :; do nc -l -p 1234; done >/tmp/heard"});
  EXPECT_TRUE(eventually([&] {
    return a.in("one", {"/bin/sh", "-c", "echo here come the bits | nc -w 3 " + to + " 1234"}).ok() &&
           eventually(
               [&] {
                 return b.in("two", {"/bin/cat", "/tmp/heard"}).out.starts_with("here come the bits\n");
               },
               std::chrono::seconds(5));
  }));

  b.docker_must({"exec", "--detach", "two", "/bin/sh", "-c", "iperf3 -s -1 >/tmp/server"});
  Outcome sent;
  EXPECT_TRUE(eventually([&] {
    sent = a.in("one", {"/bin/iperf3", "-c", to, "-t", "1", "-J"});
    return sent.ok();
  })) << sent.out;
  const json report = json::parse(sent.out, nullptr, false);
  ASSERT_TRUE(report.is_object()) << sent.out;
  EXPECT_GT(report["end"]["sum_received"]["bytes"].get<double>(), 1e6);
  EXPECT_TRUE(eventually([&] {
    return b.in("two", {"/bin/cat", "/tmp/server"}).out.find("Accepted connection from " + from + ",") !=
           std::string::npos;
  })) << b.in("two", {"/bin/cat", "/tmp/server"}).out;
}

class Docker : public OverEach {};
FAN_OVER_EACH(Docker);

// The announcement's own way: Docker is told the bridge and keeps no rules.
TEST_P(Docker, WithoutItsRules) {
  DockerPair hosts(type());
  const std::vector<std::string> options{"--mtu=" + std::to_string(hosts.mtu), "--iptables=false", "--ip6tables=false"};
  for (const auto& [each, bridge] : {std::pair(&hosts.a, "fan-250-0-27"), std::pair(&hosts.b, "fan-250-0-28")}) {
    std::vector<std::string> all = options;
    all.insert(all.end(), {"-b", bridge});
    each->start(all);
  }
  expect_traffic(hosts.a, hosts.b);
}

// Docker keeps its rules, and masquerades what leaves the bridge: still the peer sees the container's own address.
TEST_P(Docker, WithItsRules) {
  DockerPair hosts(type());
  for (DockerHost* each : {&hosts.a, &hosts.b}) {
    each->fanctl_must({"docker", "enable"});
    each->start();
  }
  ASSERT_THAT(hosts.b.must({"iptables-save", "-t", "nat"}), HasSubstr("-j MASQUERADE")); // else this shows nothing
  expect_traffic(hosts.a, hosts.b);
  EXPECT_EQ(json::parse(hosts.b.daemon_json()), json({{"bridge", "fan-250-0-28"}, {"mtu", hosts.mtu}}));

  // A Docker that starts again puts its rules before everybody's.
  hosts.b.start();
  EXPECT_TRUE(eventually([&] {
    return hosts.a.in("one", {"/bin/ping", "-c", "1", "-W", "1", "250.0.28.2"}).ok();
  })) << hosts.b.docker({"ps", "-a"}).out;

  hosts.b.fanctl_must({"docker", "disable"});
  EXPECT_EQ(hosts.b.daemon_json(), "");
  EXPECT_FALSE(hosts.b.has_file("/etc/docker/daemon.json"));
  EXPECT_FALSE(hosts.b.has_file("/var/lib/fanctl/docker.json"));
  EXPECT_THAT(hosts.b.must({"iptables-save"}), Not(HasSubstr("250.0.0.0/8")));
}

// `fanctl broadcast allow NAME` asks Docker who that is.
TEST(DockerNames, ArePortsOfTheBridgeAsLongAsDockerRuns) {
  Underlay underlay;
  DockerHost host(underlay, "172.30.0.28/16");
  host.interfaces(eth0_stanza("172.30.0.28/16", {}));
  host.must({"ifup", "eth0"});
  host.fanctl_must({"up", "250.0.0.0/8", "eth0/16", "type", "vxlan"});
  host.fanctl_must({"docker", "enable"});
  host.start();
  host.container("web");
  EXPECT_THAT(host.in("web", {"/bin/ping", "-c", "1", "-W", "3", "250.0.28.1"}).out, HasSubstr(" 0% packet loss"));
  host.fanctl_must({"broadcast", "reset", "--force"});
  host.fanctl_must({"broadcast", "allow", "web"});
  EXPECT_THAT(host.fanctl_must({"broadcast", "list", "web"}), HasSubstr(": copied to everybody"));
  EXPECT_THAT(host.run(HookedHost::fanctl({"broadcast", "allow", "nosuch"})).err,
              HasSubstr("docker has no container 'nosuch'"));
  host.fanctl_must({"broadcast", "disallow", "web"});
  EXPECT_THAT(host.fanctl_must({"broadcast", "list", "web"}), HasSubstr(": copied to nobody"));
  host.docker_must({"stop", "--time", "0", "web"});
  EXPECT_THAT(host.run(HookedHost::fanctl({"broadcast", "allow", "web"})).err,
              HasSubstr("container web is not running"));
}

class DockerFiles : public ::testing::Test {
protected:
  DockerFiles() : host(underlay, "172.30.0.28/16") {
    host.interfaces(eth0_stanza("172.30.0.28/16", {}));
    host.must({"ifup", "eth0"});
    host.fanctl_must({"up", "250.0.0.0/8", "eth0/16", "type", "vxlan"});
  }
  Underlay underlay;
  DockerHost host;
};

constexpr const char* somebodys = R"({
    "log-driver": "local",
    "bip": "172.17.0.1/16",
    "mtu": 1400
}
)";

TEST_F(DockerFiles, EveryOtherKeyStays) {
  host.daemon_json(somebodys);
  host.fanctl_must({"docker", "enable", "fan-250-0-28", "--no-iptables"});
  const json expected{{"log-driver", "local"}, {"mtu", 1450},      {"bridge", "fan-250-0-28"}, {"iptables", false},
                      {"ip6tables", false},    {"ip-masq", false}, {"ip-forward", false}};
  EXPECT_EQ(json::parse(host.daemon_json()), expected);
  EXPECT_THAT(host.must({"iptables-save"}), Not(HasSubstr("DOCKER-USER")));
  host.fanctl_must({"docker", "enable"}); // the other way now
  EXPECT_EQ(json::parse(host.daemon_json()),
            json({{"log-driver", "local"}, {"mtu", 1450}, {"bridge", "fan-250-0-28"}}));
  EXPECT_THAT(host.must({"iptables-save"}), HasSubstr("-A DOCKER-USER -s 250.0.0.0/8 -d 250.0.0.0/8 -j ACCEPT"));
  host.fanctl_must({"docker", "disable"});
  EXPECT_EQ(json::parse(host.daemon_json()), json::parse(somebodys));
  host.fanctl_must({"docker", "disable"}); // nothing left to take back
  EXPECT_EQ(json::parse(host.daemon_json()), json::parse(somebodys));
}

TEST_F(DockerFiles, ThePoolIsWhatDockerHandsOut) {
  host.fanctl_must({"up", "250.0.0.0/8", "eth0/16", "type", "vxlan", "pool", "docker=128-191"});
  host.fanctl_must({"docker", "enable"});
  EXPECT_EQ(json::parse(host.daemon_json())["fixed-cidr"], "250.0.28.128/26");
  host.start();
  const std::string first = host.container("first");
  const Result<Address> address = Address::parse(first);
  ASSERT_TRUE(address.ok()) << first;
  EXPECT_TRUE(Prefix::parse("250.0.28.128/26")->contains(*address)) << first;
}

TEST_F(DockerFiles, WhatSomebodyChangedSinceStays) {
  host.daemon_json(somebodys);
  host.fanctl_must({"docker", "enable"});
  json changed = json::parse(host.daemon_json());
  changed["mtu"] = 1234;
  host.daemon_json(changed.dump());
  host.must({"iptables", "-I", "DOCKER-USER", "-s", "192.0.2.1", "-j", "ACCEPT"});
  host.fanctl_must({"docker", "disable"});
  EXPECT_EQ(json::parse(host.daemon_json()), json({{"log-driver", "local"}, {"bip", "172.17.0.1/16"}, {"mtu", 1234}}));
  EXPECT_THAT(host.must({"iptables-save"}), HasSubstr("192.0.2.1/32"));
}

// A rule that was there before is not ours to take back.
TEST_F(DockerFiles, ARuleOfSomebodyElseStays) {
  host.must({"iptables", "-N", "DOCKER-USER"});
  host.must({"iptables", "-I", "DOCKER-USER", "-s", "250.0.0.0/8", "-d", "250.0.0.0/8", "-j", "ACCEPT"});
  host.fanctl_must({"docker", "enable"});
  host.fanctl_must({"docker", "disable"});
  EXPECT_THAT(host.must({"iptables-save"}), HasSubstr("-A DOCKER-USER -s 250.0.0.0/8 -d 250.0.0.0/8 -j ACCEPT"));
}

// What the package does when it is removed: containers run on.
TEST_F(DockerFiles, TheRuleMayStayAndIsKnownAsOurs) {
  const std::string rule = "-A DOCKER-USER -s 250.0.0.0/8 -d 250.0.0.0/8 -j ACCEPT";
  host.daemon_json(somebodys);
  host.fanctl_must({"docker", "enable"});
  host.fanctl_must({"docker", "disable", "--keep-rule"});
  EXPECT_EQ(json::parse(host.daemon_json()), json::parse(somebodys));
  EXPECT_THAT(host.must({"iptables-save"}), HasSubstr(rule));
  host.must({"iptables", "-F", "DOCKER-USER"}); // a boot: nobody wants it any more
  host.fanctl_must({"docker", "rules"});
  EXPECT_THAT(host.must({"iptables-save"}), Not(HasSubstr(rule)));
  host.fanctl_must({"docker", "enable"});
  host.fanctl_must({"docker", "disable", "--keep-rule"});
  host.daemon_json(somebodys);
  host.fanctl_must({"docker", "disable"});
  EXPECT_EQ(host.daemon_json(), somebodys); // not written again
  EXPECT_THAT(host.must({"iptables-save"}), Not(HasSubstr(rule)));
  EXPECT_FALSE(host.has_file("/var/lib/fanctl/docker.json"));
}

TEST_F(DockerFiles, TheRuleIsTakenBackWhateverIsEnabledSince) {
  host.fanctl_must({"docker", "enable"});
  host.fanctl_must({"docker", "enable", "--no-iptables"});
  host.fanctl_must({"docker", "disable"});
  EXPECT_THAT(host.must({"iptables-save"}), Not(HasSubstr("250.0.0.0/8")));
  host.fanctl_must({"docker", "enable"});
  host.fanctl_must({"up", "251.0.0.0/8", "eth0/16", "type", "vxlan"});
  host.fanctl_must({"docker", "enable", "fan-251-0-28"});
  EXPECT_THAT(host.must({"iptables-save"}), ::testing::AllOf(HasSubstr("251.0.0.0/8"), Not(HasSubstr("250.0.0.0/8"))));
  host.fanctl_must({"docker", "disable"});
  EXPECT_THAT(host.must({"iptables-save"}), Not(HasSubstr("251.0.0.0/8")));
}

TEST_F(DockerFiles, ABrokenFileIsNotTouched) {
  const std::string broken = "{\n  \"mtu\": 1400,\n  \"bridge\" \"docker0\"\n}\n";
  host.daemon_json(broken);
  const Outcome refused = host.run({"fanctl", "docker", "enable"});
  EXPECT_EQ(refused.status, 3);
  EXPECT_THAT(refused.err, HasSubstr("/etc/docker/daemon.json:3:20"));
  EXPECT_EQ(host.daemon_json(), broken);
  EXPECT_FALSE(host.has_file("/var/lib/fanctl/docker.json"));
}

TEST_F(DockerFiles, ADryRunWritesNothing) {
  const std::string said = host.fanctl_must({"docker", "enable", "--dry-run"});
  EXPECT_THAT(said, HasSubstr("+ \"bridge\": \"fan-250-0-28\""));
  EXPECT_THAT(said, HasSubstr("+ iptables -I DOCKER-USER -s 250.0.0.0/8 -d 250.0.0.0/8 -j ACCEPT"));
  EXPECT_FALSE(host.has_file("/etc/docker/daemon.json"));
  EXPECT_FALSE(host.has_file("/var/lib/fanctl/docker.json"));
  EXPECT_THAT(host.must({"iptables-save"}), Not(HasSubstr("DOCKER-USER")));
}

TEST_F(DockerFiles, UpSaysWhenDockersPoolsMeetTheUnderlay) {
  const Argv up{"fanctl", "up", "250.0.0.0/8", "eth0/16", "type", "vxlan"};
  EXPECT_THAT(host.run(up).err, HasSubstr("172.28.0.0/14, which meets the underlay 172.30.0.0/16"));
  host.daemon_json(R"({"default-address-pools": [{"base": "10.201.0.0/16", "size": 24}]})"); // the line that it says
  EXPECT_THAT(host.run(up).err, Not(HasSubstr("Docker")));
}

} // namespace
} // namespace fan::test
