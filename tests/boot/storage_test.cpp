// The folder of the DHCP servers of units on a file system that takes nothing: as netns/storage_test.cpp has it for all
// else that fanctl writes. Only where systemd is process 1 is it written to.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "fan_host.h"
#include "support/snapshot.h"

namespace fan::test {
namespace {

using ::testing::HasSubstr;

constexpr const char* folder = "/run/fanctl/dhcp";
constexpr const char* file = "/run/fanctl/dhcp/fan-250.arguments";

class DhcpUnitStorage : public ::testing::Test {
protected:
  void SetUp() override {
    hosts.b.boot();
    EXPECT_EQ(hosts.b.booted(), "running");
    ASSERT_TRUE(hosts.b.has_fan("fan-250"));
    // The timer would be in the way of comparing.
    hosts.b.must({"systemctl", "stop", "fanctl-apply.timer", "fanctl-watch.service"});
    hosts.b.must({"mkdir", "-p", folder});
  }

  void mount(const std::string& options) const {
    hosts.b.must({"mount", "-t", "tmpfs", "-o", options, "dhcp", folder});
  }
  void unmount() const { hosts.b.must({"umount", folder}); }

  // Fails with the path and the kernel's words; the fan is as it was, no server runs, and no file is left.
  void expect_refused(const std::string& words) {
    const Snapshot before = snapshot(hosts.b.host());
    const Outcome refused = hosts.b.run(up_dhcp);
    const std::string where = describe(up_dhcp, refused);
    EXPECT_EQ(refused.status, 3) << where;
    EXPECT_THAT(refused.err, HasSubstr(file)) << where;
    EXPECT_THAT(refused.err, HasSubstr(words)) << where;
    expect_as_before(before, where);
  }
  void expect_as_before(const Snapshot& before, const std::string& where) {
    EXPECT_EQ(difference(before, snapshot(hosts.b.host())), "") << where;
    EXPECT_EQ(hosts.b.property(dhcp_unit, "ActiveState"), "inactive") << where;
    EXPECT_EQ(hosts.b.must({"find", folder, "-type", "f", "-not", "-name", "ballast"}), "") << where;
    EXPECT_TRUE(hosts.b.has_fan("fan-250")) << where;
  }
  void expect_life_goes_on() {
    hosts.b.must(up_dhcp);
    EXPECT_TRUE(hosts.b.active(dhcp_unit));
    EXPECT_TRUE(hosts.b.has_fan("fan-250"));
    hosts.b.must({"fanctl", "down", "fan-250"});
    EXPECT_EQ(hosts.b.property(dhcp_unit, "ActiveState"), "inactive");
    EXPECT_FALSE(hosts.b.run({"test", "-e", file}).ok());
  }

  FanHost hosts;
  const Argv up_dhcp{"fanctl", "up", "250.0.0.0/8", "eth0/16", "type", "vxlan", "bridge", "fan-250", "dhcp"};
};

TEST_F(DhcpUnitStorage, WithoutAWritableFolderNoServerIsStarted) {
  mount("ro");
  expect_refused("Read-only file system");
  unmount();
  expect_life_goes_on();
}

TEST_F(DhcpUnitStorage, OnAFullOneNoServerIsStarted) {
  mount("size=4k");
  (void)hosts.b.run({"dd", "if=/dev/zero", "of=/run/fanctl/dhcp/ballast", "bs=512"});
  expect_refused("No space left on device");
  unmount();
  expect_life_goes_on();
}

// Whatever is the first that finds no inode: the arguments, what the server says, the number of its process.
TEST_F(DhcpUnitStorage, WithFewInodesAStartIsUndone) {
  mount("nr_inodes=1");
  expect_refused("No space left on device");
  const Snapshot before = snapshot(hosts.b.host());
  unsigned inodes = 2;
  for (; inodes < 8; ++inodes) {
    hosts.b.must({"mount", "-o", fmt::format("remount,nr_inodes={}", inodes), folder});
    const Outcome outcome = hosts.b.run(up_dhcp);
    if (outcome.ok()) {
      break;
    }
    const std::string where = fmt::format("{}: {}", inodes, describe(up_dhcp, outcome));
    EXPECT_EQ(outcome.status, 3) << where;
    // dnsmasq's own words; or those of systemd, where it was not even started, which come to the journal when they do.
    std::string said;
    EXPECT_TRUE(eventually([&] {
      said = outcome.err + hosts.b.must({"journalctl", "-q", "-u", dhcp_unit, "-o", "cat", "-n", "20"});
      return said.find("No space left on device") != std::string::npos;
    })) << where
        << said;
    EXPECT_THAT(outcome.err, HasSubstr(fmt::format("journalctl -u {}", dhcp_unit))) << where;
    expect_as_before(before, where);
  }
  EXPECT_GT(inodes, 2U);
  EXPECT_LT(inodes, 8U);
  hosts.b.must({"fanctl", "down", "fan-250"});
  unmount();
  expect_life_goes_on();
}

TEST_F(DhcpUnitStorage, AServerThatRunsIsSeenAndStoppedWithoutAWritableFolder) {
  hosts.b.must(up_dhcp);
  hosts.b.must({"mount", "--bind", folder, folder});
  hosts.b.must({"mount", "-o", "remount,bind,ro", folder});
  EXPECT_TRUE(hosts.b.has_fan("fan-250"));
  hosts.b.must({"fanctl", "down", "fan-250"});
  EXPECT_EQ(hosts.b.property(dhcp_unit, "ActiveState"), "inactive");
  EXPECT_TRUE(hosts.b.run({"test", "-e", file}).ok()) << "which starts nothing: the unit wants the bridge to be there";
  EXPECT_FALSE(hosts.b.run({"ip", "link", "show", "fan-250"}).ok());
  unmount();
  expect_life_goes_on();
}

} // namespace
} // namespace fan::test
