// The DHCP server of a fan bridge: real dnsmasq, real clients.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include <fmt/format.h>

#include "core/dhcp.h"
#include "linux/service/dhcp_servers.h"
#include "nft_world.h"
#include "support/topology.h"

using namespace fan;
using namespace fan::test;
using testing::HasSubstr;

namespace {

// A host's namespace with the fan bridge up.
class DhcpHost : public Netns {
public:
  DhcpHost() {
    ip({"link add fan-250-0-28 mtu 1450 type bridge forward_delay 0", "addr add 250.0.28.1/24 dev fan-250-0-28",
        "link set fan-250-0-28 up"});
  }

  ~DhcpHost() {
    std::error_code ignored;
    std::filesystem::remove_all(folder(), ignored);
    std::filesystem::remove("/run/fanctl", ignored); // only when nothing else is in it
  }
  DhcpHost(const DhcpHost&) = delete;
  DhcpHost& operator=(const DhcpHost&) = delete;

  service::DhcpServers servers;

  [[nodiscard]] DhcpServer wanted(std::uint32_t mtu = 1450, std::uint32_t reserve = 1) const {
    Fan fan = sample_fan();
    fan.mtu = mtu;
    fan.spec.host_reserve = reserve;
    return {fan.bridge, dhcp_argv(fan, folder())};
  }
  [[nodiscard]] std::string folder() const {
    const Inside inside(*this);
    return service::state_directory();
  }
  Result<void> apply(const Change& change) {
    const Inside inside(*this);
    return servers.apply(change);
  }
  void start() {
    const Result<void> done = apply(create(wanted()));
    ASSERT_TRUE(done.ok()) << done.error().message;
  }
  ObservedSet seen() {
    const Inside inside(*this);
    return *servers.observe();
  }
  [[nodiscard]] pid_t pid() const {
    const std::vector<pid_t> all = processes();
    EXPECT_EQ(all.size(), 1U);
    return all.empty() ? 0 : all.front();
  }
};

} // namespace

TEST(DhcpArguments, ThePoolIsWhatIsLeftOfTheSlice) {
  Fan fan = sample_fan();
  fan.spec.host_reserve = 3;
  EXPECT_THAT(
      dhcp_argv(fan, "/run/x"),
      testing::IsSupersetOf({"--dhcp-range=set:fanctl,250.0.28.4,250.0.28.254,255.255.255.0,1h", "--dhcp-lease-max=251",
                             "--dhcp-option-force=26,1450", "--dhcp-option=3,250.0.28.1", "--conf-file=/dev/null",
                             "--dhcp-leasefile=/run/x/fan-250-0-28.leases"}));
}

TEST(Dhcp, NothingIsSeenWhereNothingRuns) {
  EXPECT_TRUE(DhcpHost().seen().empty());
}

TEST(Dhcp, WhatWasStartedIsSeenAndOutlivesItsStarter) {
  DhcpHost host;
  host.start();
  const ObservedSet seen = host.seen();
  ASSERT_TRUE(seen.contains("dhcp fan-250-0-28"));
  EXPECT_TRUE(seen.at("dhcp fan-250-0-28").ours);
  EXPECT_EQ(seen.at("dhcp fan-250-0-28").object, Object(host.wanted()));
  const std::string proc = "/proc/" + std::to_string(host.pid());
  const std::string stat = run({"cat", proc + "/stat"}).out;
  EXPECT_THAT(stat, HasSubstr("(dnsmasq) S 1 ")) << "its parent is process 1";
  EXPECT_EQ(std::filesystem::read_symlink(proc + "/cwd"), "/");
  for (const auto& entry : std::filesystem::directory_iterator(proc + "/fd")) {
    std::error_code gone;
    const std::string target = std::filesystem::read_symlink(entry.path(), gone);
    EXPECT_TRUE(target.starts_with("socket:") || target.starts_with("anon_inode:") || target.starts_with("pipe:") ||
                target == "/dev/null" || target.starts_with(host.folder()))
        << target;
  }
}

TEST(Dhcp, ClientsGetAddressRouterMaskAndMtu) {
  DhcpHost host;
  host.start();
  std::set<Address> given;
  for (int i = 0; i < 2; ++i) {
    Container client(host, "fan-250-0-28");
    const auto lease = client.dhcp();
    ASSERT_TRUE(lease.has_value());
    EXPECT_TRUE(Prefix::parse("250.0.28.0/24")->contains(lease->address));
    EXPECT_GT(lease->address, gateway_address);
    EXPECT_LT(lease->address, Address(0xfa001cffU));
    EXPECT_EQ(lease->prefix_length, 24U);
    EXPECT_EQ(lease->router, gateway_address);
    EXPECT_EQ(lease->mtu, 1450U);
    EXPECT_EQ(lease->seconds, 3600U);
    given.insert(lease->address);
  }
  EXPECT_EQ(given.size(), 2U);
}

TEST(Dhcp, AKilledServerIsMissedAndTheNextOneKnowsTheLeases) {
  DhcpHost host;
  host.start();
  Container client(host, "fan-250-0-28");
  const auto first = client.dhcp();
  ASSERT_TRUE(first.has_value());
  kill(host.pid(), SIGKILL);
  const std::string file = host.folder() + "/fan-250-0-28.leases";
  const Object dead = dead_server("fan-250-0-28", file);
  EXPECT_TRUE(eventually([&] { return host.seen().at("dhcp fan-250-0-28").object == dead; }));
  ASSERT_TRUE(host.apply({dead, host.wanted(), "altered"}).ok());
  const std::string leases = run({"cat", host.folder() + "/fan-250-0-28.leases"}).out;
  EXPECT_THAT(leases, HasSubstr(first->address.str()));
  const auto second = client.dhcp();
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->address, first->address);
}

TEST(Dhcp, ChangedOptionsRestartIt) {
  DhcpHost host;
  host.start();
  const pid_t before = host.pid();
  ASSERT_TRUE(host.apply({host.wanted(), host.wanted(1400, 5), "option changed"}).ok());
  EXPECT_NE(host.pid(), before);
  EXPECT_EQ(host.seen().at("dhcp fan-250-0-28").object, Object(host.wanted(1400, 5)));
}

TEST(Dhcp, RemovalLeavesNoProcessAndNoFile) {
  DhcpHost host;
  host.start();
  EXPECT_TRUE(std::filesystem::exists(host.folder() + "/fan-250-0-28.leases"));
  ASSERT_TRUE(host.apply(remove(host.wanted())).ok());
  EXPECT_TRUE(host.processes().empty());
  EXPECT_FALSE(std::filesystem::exists(host.folder()));
  EXPECT_FALSE(host.apply(remove(host.wanted())).ok());
}

TEST(Dhcp, TheLeasesOfADeadServerAreRemovedLikeALivingOnes) {
  DhcpHost host;
  host.start();
  kill(host.pid(), SIGKILL);
  EXPECT_TRUE(eventually([&] { return host.processes().empty(); }));
  ASSERT_TRUE(host.apply(remove(host.seen().at("dhcp fan-250-0-28").object)).ok());
  EXPECT_TRUE(host.seen().empty());
  EXPECT_FALSE(std::filesystem::exists(host.folder()));
}

TEST(Dhcp, CreatingWhatRunsIsAnError) {
  DhcpHost host;
  host.start();
  EXPECT_FALSE(host.apply(create(host.wanted())).ok());
  EXPECT_EQ(host.processes().size(), 1U);
}

TEST(Dhcp, TwoNamespacesWithOneBridgeNameDoNotMix) {
  DhcpHost a;
  DhcpHost b;
  a.start();
  EXPECT_TRUE(b.seen().empty());
  b.start();
  EXPECT_NE(a.folder(), b.folder());
  ASSERT_TRUE(a.apply(remove(a.wanted())).ok());
  EXPECT_EQ(b.seen().size(), 1U);
  ASSERT_TRUE(b.apply(remove(b.wanted())).ok());
}

TEST(Dhcp, TwoBridgesOfOneHostEachHaveTheirOwn) {
  DhcpHost host;
  host.ip({"link add fan-251-0-28 mtu 1450 type bridge forward_delay 0", "addr add 251.0.28.1/24 dev fan-251-0-28",
           "link set fan-251-0-28 up"});
  Fan other = sample_fan();
  other.mapping = *Mapping::make(*Prefix::parse("251.0.0.0/8"), *Prefix::parse("172.30.0.0/16"));
  other.bridge = "fan-251-0-28";
  const DhcpServer second{other.bridge, dhcp_argv(other, host.folder())};
  host.start();
  const Result<void> done = host.apply(create(second));
  ASSERT_TRUE(done.ok()) << done.error().message;
  EXPECT_EQ(host.seen().size(), 2U);
  Container on_first(host, "fan-250-0-28");
  Container on_second(host, "fan-251-0-28");
  EXPECT_EQ(on_first.dhcp()->router, gateway_address);
  EXPECT_EQ(on_second.dhcp()->router, Address(0xfb001c01U));
  ASSERT_TRUE(host.apply(remove(host.wanted())).ok());
  EXPECT_EQ(host.seen().size(), 1U);
  ASSERT_TRUE(host.apply(remove(second)).ok());
}

TEST(Dhcp, ItsOwnWordsAreInTheErrorWhenItCannotStart) {
  DhcpHost host;
  host.ip({"link del fan-250-0-28"});
  const Result<void> done = host.apply(create(host.wanted()));
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().kind, ErrorClass::host_state);
  EXPECT_THAT(done.error().kernel_text, HasSubstr("unknown interface fan-250-0-28"));
  EXPECT_TRUE(host.processes().empty());
  EXPECT_FALSE(std::filesystem::exists(host.folder())) << "a failed start leaves nothing";
}

TEST(Dhcp, APortThatIsTakenIsNamed) {
  DhcpHost host;
  const Background other(
      {"dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--pid-file=", "--no-hosts", "--no-resolv"}, [&] {
        RunOptions options;
        options.netns = &host;
        return options;
      }());
  ASSERT_TRUE(eventually([&] {
    return host.run({"ss", "-Hlun", "sport", "=", ":53"}).out.find("53") != std::string::npos;
  }));
  const Result<void> done = host.apply(create(host.wanted()));
  ASSERT_FALSE(done.ok());
  EXPECT_THAT(done.error().kernel_text, HasSubstr("Address already in use"));
  EXPECT_THAT(done.error().hint, HasSubstr("bind-dynamic"));
  EXPECT_FALSE(std::filesystem::exists(host.folder())) << "a failed start leaves nothing";
  EXPECT_TRUE(host.seen().empty()) << "a dnsmasq without our sign is not ours";
}

TEST(Dhcp, AnOrdinaryUserCannotPassForOurServer) {
  DhcpHost host;
  const std::string folder = fmt::format("/tmp/fan-fake-{}", getpid());
  std::filesystem::create_directory(folder);
  std::filesystem::copy("/bin/sh", folder + "/dnsmasq");
  const Argv fake{folder + "/dnsmasq", "-c", "sleep 20; :", std::string(dhcp_sign) + "x", "--interface=fan-250-0-28"};
  RunOptions options;
  options.netns = &host;
  {
    const Background by_root(fake, options);
    EXPECT_TRUE(eventually([&] { return host.seen().size() == 1; }))
        << "it is privilege that is missing below, not likeness";
  }
  options.uid = 65534;
  Background by_nobody(fake, options);
  pause_for(std::chrono::milliseconds(300));
  EXPECT_TRUE(by_nobody.running());
  EXPECT_TRUE(host.seen().empty());
  std::filesystem::remove_all(folder);
}
