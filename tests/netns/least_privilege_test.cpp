// Each command with exactly the capabilities that docs/least-privilege.md gives it, and with each one less.
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>

#include <unistd.h>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fan_pair.h"
#include "support/snapshot.h"

namespace fan::test {
namespace {

using testing::AnyOf;
using testing::HasSubstr;
using Capabilities = std::vector<std::string>; // "net_admin", as setpriv(1) has them

// Tests of this folder run beside each other, each in a process of its own.
std::string own_host() {
  return fmt::format("{}.{}", 64 + getpid() % 128, 1 + getpid() / 128 % 250);
}

std::string slice_bridge() {
  std::string name = "fan-250-" + own_host();
  std::replace(name.begin(), name.end(), '.', '-');
  return name;
}

std::string bounding(const Capabilities& capabilities) {
  std::string text = "-all";
  for (const std::string& one : capabilities) {
    text += ",+" + one;
  }
  return text;
}

Outcome run_with(const Host& host, const Capabilities& capabilities, const Argv& words) {
  Argv argv{"setpriv", "--bounding-set", bounding(capabilities), fanctl_path()};
  argv.insert(argv.end(), words.begin(), words.end());
  return host.run(argv);
}

Capabilities without(Capabilities capabilities, const std::string& one) {
  std::erase(capabilities, one);
  return capabilities;
}

// "net_admin" → "CAP_NET_ADMIN"
std::string name_of_capability(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::toupper(c); });
  return "CAP_" + text;
}

struct Case {
  std::vector<Argv> before; // run with everything
  Argv command;
  Capabilities needed;
  Capabilities named_by_dnsmasq; // of them: fanctl is allowed, dnsmasq complains
};

const Argv plain_up{"up", "250.0.0.0/8", "eth0/16", "type", "vxlan"};
const Argv plain_down{"down", "250.0.0.0/8", "eth0/16"};
const Argv up_dhcp{"up", "250.0.0.0/8", "eth0/16", "type", "vxlan", "dhcp"};
const Capabilities admin{"net_admin", "sys_admin"};
const Capabilities admin_dhcp{"net_admin", "sys_admin", "sys_ptrace"};

// An address of its own: a DHCP server of a bridge of the same name, in whatever namespace, may not be told apart.
struct Place {
  Place() : host(underlay.host("172.30." + own_host() + "/16")) {}
  Underlay underlay{NoForgers{}};
  Host& host;
};

void prepare(const Host& host, const Case& which) {
  (void)host.fanctl({"down", "-e", "--force"});
  for (const Argv& words : which.before) {
    host.fanctl_must(words);
  }
}

void expect_refusal(const Host& host, const Case& which, const std::string& missing) {
  prepare(host, which);
  const Snapshot before = quick_snapshot(host);
  const Outcome ran = run_with(host, without(which.needed, missing), which.command);
  EXPECT_NE(ran.status, 0) << which.command.front() << " without " << missing;
  const bool by_dnsmasq = std::count(which.named_by_dnsmasq.begin(), which.named_by_dnsmasq.end(), missing) != 0;
  EXPECT_THAT(ran.err, by_dnsmasq ? HasSubstr("dnsmasq") : HasSubstr(name_of_capability(missing)))
      << which.command.front() << " without " << missing;
  EXPECT_EQ(difference(before, quick_snapshot(host)), "") << which.command.front() << " without " << missing;
}

void expect_minimal(const Case& which) {
  Place place;
  prepare(place.host, which);
  const Outcome ran = run_with(place.host, which.needed, which.command);
  EXPECT_EQ(ran.status, 0) << ran.err;
  for (const std::string& missing : which.needed) {
    expect_refusal(place.host, which, missing);
  }
  (void)place.host.fanctl({"down", "-e", "--force"});
}

TEST(LeastPrivilege, FirstFan) {
  expect_minimal({{}, plain_up, admin, {}});
}

TEST(LeastPrivilege, SecondFan) {
  expect_minimal({{plain_up}, {"up", "251.0.0.0/8", "eth0/16", "type", "vxlan"}, admin, {}});
}

TEST(LeastPrivilege, Down) {
  expect_minimal({{plain_up}, plain_down, admin, {}});
}

TEST(LeastPrivilege, FirstFanWithDhcp) {
  const Capabilities of_dnsmasq{"net_raw", "net_bind_service", "setuid", "setgid"};
  Capabilities all = admin_dhcp;
  all.insert(all.end(), of_dnsmasq.begin(), of_dnsmasq.end());
  expect_minimal({{}, up_dhcp, all, of_dnsmasq});
}

TEST(LeastPrivilege, DownWithDhcp) {
  expect_minimal({{up_dhcp}, plain_down, {"net_admin", "sys_admin", "sys_ptrace", "kill"}, {}});
}

TEST(LeastPrivilege, ShowWhetherItIsAsItShouldBe) {
  expect_minimal({{plain_up}, {"show", "--check"}, admin, {}});
  expect_minimal({{up_dhcp}, {"show", "--check"}, admin_dhcp, {}});
}

TEST(LeastPrivilege, ShowCounters) {
  expect_minimal({{plain_up}, {"show", "--stats"}, admin, {}});
  expect_minimal({{plain_up}, {"show", "--refused"}, {"sys_admin"}, {}});
}

TEST(LeastPrivilege, Metrics) {
  expect_minimal({{plain_up}, {"metrics"}, admin, {}});
  expect_minimal({{up_dhcp}, {"metrics"}, admin_dhcp, {}});
}

TEST(LeastPrivilege, Trace) {
  const std::string slice = "250." + own_host() + ".";
  expect_minimal({{plain_up}, {"trace", slice + "2", "250.9.9.2"}, admin, {}});
  expect_minimal({{up_dhcp}, {"trace", slice + "2", "250.9.9.2"}, admin_dhcp, {}});
}

TEST(LeastPrivilege, RegisterAnEndpoint) {
  Place place;
  place.host.fanctl_must(plain_up);
  const Container container(static_cast<const Netns&>(place.host), slice_bridge());
  const Argv add{
      "endpoint",         "add", "--port", container.port(), "--address", "250." + own_host() + ".9", "--mac",
      "02:00:00:00:00:09"};
  for (const std::string& missing : admin) {
    const Outcome refused = run_with(place.host, without(admin, missing), add);
    EXPECT_EQ(refused.status, 4);
    EXPECT_THAT(refused.err, HasSubstr(name_of_capability(missing)));
  }
  EXPECT_EQ(run_with(place.host, admin, add).status, 0);
}

// An empty list would say that there are none.
TEST(LeastPrivilege, ListWhatIsSaidOfPorts) {
  expect_minimal({{plain_up}, {"endpoint", "list"}, {"net_admin"}, {}});
  expect_minimal({{plain_up}, {"broadcast", "list"}, {"net_admin"}, {}});
  Place place;
  EXPECT_EQ(run_with(place.host, {}, {"endpoint", "list"}).status, 0) << "without a fan there is nothing to see";
  place.host.fanctl_must(plain_up);
  for (const Argv& words : {Argv{"endpoint", "list"}, Argv{"broadcast", "list"}, Argv{"broadcast", "list", "--json"}}) {
    const Outcome refused = run_with(place.host, {}, words);
    EXPECT_EQ(refused.status, 4) << words.front();
    EXPECT_EQ(refused.out.find("everybody"), std::string::npos) << refused.out;
  }
}

// Ends where it lacks what it begins with, and else says at each pass what it lacks.
void expect_watch(const Argv& up, const Capabilities& needed) {
  Place place;
  Argv proxying = up;
  proxying.emplace_back("proxy-arp");
  place.host.fanctl_must(proxying);
  const auto watching = [&](const Capabilities& capabilities) {
    RunOptions there;
    there.netns = &place.host;
    return std::make_unique<Background>(
        Argv{"setpriv", "--bounding-set", bounding(capabilities), fanctl_path(), "endpoint", "watch"}, there);
  };
  Container container(static_cast<const Netns&>(place.host), slice_bridge());
  const Address gateway = *Address::parse("250." + own_host() + ".1");
  container.address("250." + own_host() + ".2/24", gateway);
  const auto says = [&](Background& watch, const std::string& text) {
    return eventually([&] {
      (void)pings(container, gateway, {}, 1);
      return watch.output().find(text) != std::string::npos;
    });
  };
  for (const std::string& missing : needed) {
    const auto refused = watching(without(needed, missing));
    EXPECT_TRUE(says(*refused, name_of_capability(missing))) << "without " << missing << refused->output();
    EXPECT_EQ(refused->output().find("registered"), std::string::npos);
  }
  const auto watch = watching(needed);
  EXPECT_TRUE(says(*watch, "registered 250." + own_host() + ".2")) << watch->output();
  EXPECT_EQ(watch->output().find("CAP_"), std::string::npos) << watch->output();
}

TEST(LeastPrivilege, WatchEndpoints) {
  expect_watch(plain_up, {"net_admin", "sys_admin", "net_raw"});
  expect_watch(up_dhcp, {"net_admin", "sys_admin", "net_raw", "sys_ptrace"});
}

// What may not be seen is not called missing.
TEST(LeastPrivilege, ShowSaysOnlyWhatItSaw) {
  Place place;
  place.host.fanctl_must(up_dhcp);
  const std::string table = place.host.fanctl_must({"show"});
  for (const Capabilities& some : {Capabilities{}, Capabilities{"net_admin"}, Capabilities{"sys_admin"}, admin}) {
    const Outcome shown = run_with(place.host, some, {"show"});
    EXPECT_EQ(shown.status, 0);
    EXPECT_EQ(shown.out, table);
    EXPECT_EQ(shown.err, "") << bounding(some);
    EXPECT_THAT(run_with(place.host, some, {"show", "--json"}).out, HasSubstr("\"state\": \"unknown\""));
    EXPECT_THAT(run_with(place.host, some, {"show", "-v"}).err, HasSubstr("CAP_"));
    const Outcome metrics = run_with(place.host, some, {"metrics"});
    EXPECT_EQ(metrics.status, 4);
    EXPECT_THAT(metrics.out, HasSubstr("fanctl_fans 1\n"));
    EXPECT_THAT(metrics.out, HasSubstr("fanctl_scrape_success{part=\"objects\"} 0\n"));
    EXPECT_THAT(metrics.out, testing::Not(HasSubstr("fanctl_dhcp_server_up")));
  }
  EXPECT_THAT(place.host.fanctl_must({"show", "--json"}), HasSubstr("\"state\": \"ok\""));
  place.host.fanctl_must(plain_down);
}

// A server that could then not be seen is not started, and none that is not seen is forgotten.
TEST(LeastPrivilege, NoServerIsLostSight) {
  Place place;
  EXPECT_EQ(run_with(place.host, admin, up_dhcp).status, 4);
  EXPECT_EQ(place.host.fanctl_must({"show"}).find(slice_bridge()), std::string::npos) << "taken back";
  place.host.fanctl_must(up_dhcp);
  EXPECT_EQ(run_with(place.host, admin, plain_down).status, 4);
  EXPECT_THAT(place.host.fanctl_must({"show", "--json"}), HasSubstr("\"state\": \"ok\"")) << "all of it is there yet";
  EXPECT_EQ(run_with(place.host, admin_dhcp, plain_down).status, 4) << "it may not be ended";
  place.host.fanctl_must(plain_up);
  place.host.fanctl_must(plain_down);
  EXPECT_TRUE(place.host.processes().empty());
}

// systemd's own measure, from 0 (a unit may do nothing) to 100 (all): no more than docs/least-privilege.md says.
TEST(Units, MayDoNoMoreThanIsSaid) {
  const std::filesystem::path built = std::filesystem::path(fanctl_path()).parent_path().parent_path() / "systemd";
  std::string folder = "/tmp/fanctl-test-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  for (const auto& [unit, most] : std::map<std::string, std::string>{{"fanctl-metrics@", "19"},
                                                                     {"fanctl-metrics-file", "21"},
                                                                     {"fanctl-dhcp@", "26"},
                                                                     {"fanctl-reload@", "33"},
                                                                     {"fanctl", "33"},
                                                                     {"fanctl-apply", "33"},
                                                                     {"fanctl-watch", "33"},
                                                                     {"fanctl-endpoints", "24"},
                                                                     {"fanctl-docker", "22"}}) {
    const std::string file = folder + "/" + unit + (unit.ends_with("@") ? "x" : "") + ".service";
    std::filesystem::copy_file(built / (unit + ".service"), file);
    if (unit.find("metrics") != std::string::npos) {
      EXPECT_THAT(run({"grep", "^CapabilityBoundingSet=", file}).out,
                  testing::Eq("CapabilityBoundingSet=CAP_NET_ADMIN CAP_SYS_ADMIN CAP_SYS_PTRACE\n"));
    }
    const Outcome judged =
        run({"systemd-analyze", "security", "--no-pager", "--offline=true", "--threshold=" + most, file});
    EXPECT_TRUE(judged.ok()) << unit << judged.out << judged.err;
  }
  std::filesystem::remove_all(folder);
}

} // namespace
} // namespace fan::test
