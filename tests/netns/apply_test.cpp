// fanctl apply on the real kernel: the host comes to have the fans of its files, and nobody else's fan is disturbed.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config_folder.h"
#include "fan_pair.h"
#include "support/snapshot.h"
#include "writes.h"

namespace fan::test {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr int host_state = 3;
constexpr int partial = 7;
constexpr int differs = 9;

class Apply : public ::testing::Test {
protected:
  Underlay underlay;
  Host& host = underlay.host("172.30.0.27/16");
  ConfigFolder folder;

  [[nodiscard]] Outcome apply(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words{"apply", "--dir", folder.path()};
    words.insert(words.end(), more.begin(), more.end());
    return host.fanctl(words);
  }
  [[nodiscard]] std::string shown() const { return host.fanctl_must({"show"}); }
};

TEST_F(Apply, BringsUpChangesAndRemoves) {
  folder.write("a.yaml", yaml_fan("one", "250.0.0.0/8"));
  folder.write("b.yaml", yaml_fan("two", "241.0.0.0/8"));
  folder.write("ignored.txt", "not ours");
  Outcome outcome = apply();
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "one: changed\ntwo: changed\n");
  EXPECT_THAT(shown(), HasSubstr("host-reserve 1 auto bridge one type vxlan"));
  EXPECT_THAT(host.fanctl_must({"show", "--json"}), HasSubstr("\"origin\": \"" + folder.file("a.yaml") + "\""));

  folder.write("a.yaml", yaml_fan("one", "250.0.0.0/8", ", host-reserve: 3"));
  outcome = apply();
  EXPECT_EQ(outcome.out, "one: changed\n") << outcome.err;
  EXPECT_THAT(shown(), HasSubstr("host-reserve 3 auto bridge one"));

  folder.remove("b.yaml");
  outcome = apply();
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "two: removed\n");
  EXPECT_THAT(shown(), Not(HasSubstr("two")));
}

TEST_F(Apply, AsConfiguredItWritesNothing) {
  folder.write("a.yaml", yaml_fan("one", "250.0.0.0/8", ", dhcp: true"));
  ASSERT_EQ(apply().status, 0);
  std::vector<std::string> argv{
      "strace",      "-f",    "-qq",   "-s",         "64", "-e", "trace=sendmsg,sendto,bpf,execve,rename,mkdir",
      fanctl_path(), "apply", "--dir", folder.path()};
  const Outcome again = host.run(argv);
  EXPECT_EQ(again.status, 0);
  EXPECT_EQ(again.out, "");
  for (const char* write : {"RTM_NEW", "RTM_DEL", "RTM_SET", "NFT_MSG_NEW", "NFT_MSG_DEL", "BPF_MAP_UPDATE",
                            "BPF_MAP_DELETE", "BPF_PROG_LOAD", "BPF_MAP_CREATE", "dnsmasq"}) {
    EXPECT_THAT(again.err, Not(HasSubstr(write)));
  }
  EXPECT_THAT(again.err, HasSubstr("RTM_GETLINK"));
}

TEST_F(Apply, CheckAndDryRunTellAndChangeNothing) {
  folder.write("a.yaml", yaml_fan("one", "250.0.0.0/8"));
  EXPECT_TRUE(eventually([&] { return link_field(host, "eth0", "state") == "UP"; })); // a veth's carrier comes late
  const Snapshot before = snapshot(host);
  const Outcome check = apply({"--check"});
  EXPECT_EQ(check.status, differs);
  EXPECT_EQ(check.out, "one: would change\n");
  const Outcome dry = apply({"--dry-run"});
  EXPECT_EQ(dry.status, 0);
  EXPECT_THAT(dry.out, HasSubstr("ip link add"));
  EXPECT_EQ(difference(before, snapshot(host)), "");
  EXPECT_EQ(apply().status, 0);
  EXPECT_EQ(apply({"--check"}).status, 0);
  EXPECT_EQ(apply({"--dry-run"}).out, "");
}

TEST_F(Apply, OneBrokenFileOfThreeDisturbsNobody) {
  folder.write("a.yaml", yaml_fan("one", "250.0.0.0/8"));
  folder.write("b.yaml", yaml_fan("two", "241.0.0.0/8"));
  folder.write("c.yaml", yaml_fan("three", "242.0.0.0/8"));
  ASSERT_EQ(apply().status, 0);
  const Snapshot whole = snapshot(host);

  folder.write("b.yaml", yaml_fan("two", "241.0.0.0/8", ", dhpc: true"));
  Outcome outcome = apply();
  EXPECT_EQ(outcome.status, partial);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, HasSubstr(folder.file("b.yaml") + ":3:50: 'dhpc' is no key of a fan; did you mean 'dhcp'?"));
  EXPECT_THAT(outcome.err, HasSubstr("^"));
  EXPECT_EQ(difference(whole, snapshot(host)), "");

  folder.write("c.yaml", yaml_fan("three", "242.0.0.0/8", ", mtu: 1300"));
  outcome = apply();
  EXPECT_EQ(outcome.status, partial);
  EXPECT_EQ(outcome.out, "three: changed\n");
  EXPECT_THAT(shown(), HasSubstr("two"));

  folder.write("b.yaml", "version: 1\n"); // whole again, and without its fan
  outcome = apply();
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "two: removed\n");
}

TEST_F(Apply, AFanMadeByHandIsNeverTouched) {
  host.fanctl_must({"up", "-o", "250.0.0.0/8", "-u", "eth0/16", "bridge", "mine"});
  folder.write("b.yaml", yaml_fan("two", "241.0.0.0/8"));
  EXPECT_EQ(apply().status, 0);
  folder.write("a.yaml", yaml_fan("mine", "250.0.0.0/8", ", mtu: 1300"));
  Outcome outcome = apply();
  EXPECT_EQ(outcome.status, partial);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, HasSubstr("mine was brought up by hand, so it is left as it is"));
  folder.write("a.yaml", yaml_fan("other", "250.0.0.0/8"));
  outcome = apply();
  EXPECT_EQ(outcome.status, partial);
  EXPECT_THAT(shown(), HasSubstr("host-reserve 1 bridge mine type vxlan\n"));
  folder.remove("a.yaml");
  folder.remove("b.yaml");
  EXPECT_EQ(apply().out, "two: removed\n");
  EXPECT_THAT(shown(), HasSubstr("mine"));
}

TEST_F(Apply, AFanInUseIsNotRemoved) {
  folder.write("a.yaml", yaml_fan("one", "250.0.0.0/8"));
  folder.write("b.yaml", yaml_fan("two", "241.0.0.0/8"));
  ASSERT_EQ(apply().status, 0);
  {
    const Container user(host, "one");
    folder.remove("a.yaml");
    folder.remove("b.yaml");
    const Outcome outcome = apply();
    EXPECT_EQ(outcome.status, partial);
    EXPECT_EQ(outcome.out, "two: removed\n");
    EXPECT_THAT(outcome.err, HasSubstr("one has ports attached: " + user.port()));
    folder.write("c.yaml", yaml_fan("renamed", "250.0.0.0/8"));
    EXPECT_THAT(apply().err, HasSubstr("one has ports attached: " + user.port()));
  }
  EXPECT_TRUE(eventually([&] { return apply().status == 0; }));
  EXPECT_THAT(shown(), HasSubstr("bridge renamed"));
  EXPECT_THAT(shown(), Not(HasSubstr("one ")));
}

TEST_F(Apply, ANameThatGoesToAnotherOverlayAndAFanThatGoesToAnotherName) {
  folder.write("a.yaml", yaml_fan("one", "250.0.0.0/8"));
  ASSERT_EQ(apply().status, 0);
  folder.write("a.yaml", yaml_fan("one", "241.0.0.0/8"));
  Outcome outcome = apply();
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(shown(), HasSubstr("241.0.0.0/8"));
  EXPECT_THAT(shown(), Not(HasSubstr("250.0.0.0/8")));
  folder.write("a.yaml", yaml_fan("new", "241.0.0.0/8"));
  outcome = apply();
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(shown(), HasSubstr("auto bridge new"));
  EXPECT_EQ(apply({"--check"}).status, 0);
  EXPECT_EQ(host.must({"ip", "-o", "link", "show", "type", "bridge"}).find("one:"), std::string::npos);
}

TEST_F(Apply, NamedFilesLeaveOtherFilesAlone) {
  folder.write("a.yaml", yaml_fan("one", "250.0.0.0/8"));
  folder.write("b.yaml", yaml_fan("two", "241.0.0.0/8"));
  folder.write("legacy", "242.0.0.0/8 eth0/16 bridge three type vxlan\n243.0.0.0/8 eth0/16 off\n244 eth0 dhpc\n");
  ASSERT_EQ(apply().status, 0);
  const Outcome legacy = host.fanctl({"apply", folder.file("legacy")});
  EXPECT_EQ(legacy.status, partial);
  EXPECT_EQ(legacy.out, "242.0.0.0/8 eth0/16: changed\n");
  EXPECT_THAT(legacy.err, HasSubstr("legacy:3:10: unknown flag 'dhpc'"));
  folder.write("b.yaml", "version: 1\n");
  const Outcome named = host.fanctl({"apply", folder.file("b.yaml")});
  EXPECT_EQ(named.out, "two: removed\n") << named.err;
  EXPECT_THAT(shown(), HasSubstr("bridge three"));
  EXPECT_THAT(shown(), HasSubstr("bridge one"));
}

// Without --dir: /etc/fanctl, then /etc/network/fan. A folder of the test stands in for /etc.
TEST_F(Apply, WhatCannotBePutRightIsAnError) {
  host.fanctl_must({"up", "-o", "250.0.0.0/8", "-u", "eth0/16"});
  host.ip({"addr del 172.30.0.27/16 dev eth0"});
  host.must({"nft", "flush", "ruleset"});
  const Outcome applied = apply();
  EXPECT_EQ(applied.status, partial) << "nobody knows which address the fan is to have";
  EXPECT_NE(applied.err, "");
}

TEST_F(Apply, TheFilesOfEtc) {
  for (const char* name : {"fanctl", "network", "netplan"}) {
    std::filesystem::create_directory(folder.file(name));
  }
  folder.write("network/fan", "241.0.0.0/8 eth0/16 bridge two type vxlan\n");
  RunOptions etc;
  etc.binds = {{folder.path(), "/etc"}};
  EXPECT_EQ(host.fanctl({"apply"}, etc).out, "241.0.0.0/8 eth0/16: changed\n");
  folder.write("fanctl/b.yaml", yaml_fan("one", "250.0.0.0/8"));
  folder.write("netplan/50.yaml", "network: {version: 2, fans: {x: {overlay: 242.0.0.0/8, underlay: eth0/16}}}\n");
  const Outcome both = host.fanctl({"apply"}, etc);
  EXPECT_EQ(both.status, 0);
  EXPECT_EQ(both.out, "one: changed\n");
  EXPECT_THAT(both.err, HasSubstr("note: /etc/netplan/50.yaml has fans, which netplan refuses"));
  const Outcome old = host.fanctl({"up", "-a"}, etc);
  EXPECT_EQ(old.status, 0);
  EXPECT_THAT(old.err,
              HasSubstr("-a reads /etc/network/fan only, and leaves out what /etc/fanctl has: one; `fanctl apply`"));
  EXPECT_EQ(host.fanctl({"apply", "--check"}, etc).status, 0) << "up -a says where its fans are from, too";
  std::filesystem::remove(folder.file("network/fan"));
  std::filesystem::remove_all(folder.file("fanctl"));
  EXPECT_EQ(host.fanctl({"apply"}, etc).out, "two: removed\none: removed\n") << "nothing is configured any more";
}

TEST_F(Apply, TheSameFanInTwoFilesIsAnErrorOfTheSecond) {
  folder.write("a.yaml", yaml_fan("one", "250.0.0.0/8"));
  folder.write("b.yaml", yaml_fan("one", "241.0.0.0/8"));
  const Outcome outcome = apply();
  EXPECT_EQ(outcome.status, partial);
  EXPECT_EQ(outcome.out, "one: changed\n");
  EXPECT_THAT(outcome.err, HasSubstr(folder.file("b.yaml") + ":3:3: one: this fan is in " + folder.file("a.yaml")));
  EXPECT_THAT(shown(), HasSubstr("250.0.0.0/8"));
}

TEST_F(Apply, FilesThatOthersCanWriteAreRefused) {
  folder.write("a.yaml", yaml_fan("one", "250.0.0.0/8"));
  ASSERT_EQ(apply().status, 0);
  const Snapshot before = snapshot(host);
  const std::string file = folder.file("a.yaml");
  ASSERT_EQ(chmod(file.c_str(), 0666), 0);
  Outcome outcome = apply();
  EXPECT_EQ(outcome.status, partial);
  EXPECT_THAT(outcome.err, HasSubstr("a.yaml: can be written by others (mode 0666)"));
  EXPECT_THAT(outcome.err, HasSubstr("chmod go-w " + file));
  ASSERT_EQ(chmod(file.c_str(), 0644), 0);
  folder.write("legacy", "242.0.0.0/8 eth0/16\n");
  ASSERT_EQ(chmod(folder.file("legacy").c_str(), 0666), 0);
  EXPECT_EQ(host.fanctl({"up", "-a", "--config", folder.file("legacy")}).status, host_state) << "there as well";
  folder.remove("legacy");
  ASSERT_EQ(chown(file.c_str(), 65534, 65534), 0);
  EXPECT_THAT(apply().err, HasSubstr("belongs to the user 65534, and a configuration has to belong to root"));
  ASSERT_EQ(chown(file.c_str(), 0, 0), 0);
  ASSERT_EQ(chmod(folder.path().c_str(), 0777), 0);
  outcome = apply();
  EXPECT_EQ(outcome.status, host_state);
  EXPECT_THAT(outcome.err, HasSubstr("can be written by others"));
  ASSERT_EQ(chmod(folder.path().c_str(), 0755), 0);
  std::filesystem::rename(file, folder.file("real"));
  std::filesystem::create_symlink("real", file);
  EXPECT_EQ(apply().status, 0);
  EXPECT_EQ(difference(before, snapshot(host)), "");
  std::filesystem::remove(folder.file("real"));
  outcome = apply();
  EXPECT_EQ(outcome.status, partial);
  EXPECT_THAT(outcome.err, HasSubstr("a.yaml: cannot be read: No such file or directory"));
  EXPECT_EQ(difference(before, snapshot(host)), "");
}

TEST_F(Apply, AFolderThatIsNotThereIsAnErrorAndNothingGoesDown) {
  folder.write("a.yaml", yaml_fan("one", "250.0.0.0/8"));
  ASSERT_EQ(apply().status, 0);
  const Outcome outcome = host.fanctl({"apply", "--dir", folder.file("nowhere")});
  EXPECT_EQ(outcome.status, host_state);
  EXPECT_THAT(outcome.err, HasSubstr("nowhere: apply: cannot be read: No such file or directory"));
  EXPECT_THAT(shown(), HasSubstr("bridge one"));
}

// What the kernel is asked, and told, for each of many fans is no more than for each of a few.
class ApplyOfMany : public ::testing::Test {
protected:
  void configure(int fans) const {
    std::string text = "version: 1\nfans:\n";
    for (int n = 0; n < fans; ++n) {
      text += fmt::format("  f{0}: {{overlay: 10.{0}.0.0/16, underlay: eth0/24, encapsulation: vxlan}}\n", n);
    }
    folder.write("a.yaml", text);
  }
  [[nodiscard]] std::size_t calls_of(const std::vector<std::string>& words) const {
    const Outcome done = host.run(traced(words));
    EXPECT_EQ(done.status, 0) << done.err.substr(done.err.size() - std::min<std::size_t>(done.err.size(), 500));
    return static_cast<std::size_t>(std::count(done.err.begin(), done.err.end(), '\n'));
  }

  Underlay underlay{NoForgers()};
  Host& host = underlay.host("172.30.0.27/16");
  ConfigFolder folder;
};

TEST_F(ApplyOfMany, EachCostsAsManyCallsAsEachOfFew) {
  constexpr int few = 8;
  constexpr int many = 4 * few;
  const std::vector<std::vector<std::string>> commands{
      {"apply", "--dir", folder.path()}, {"apply", "--dir", folder.path()}, {"show"}, {"down", "-a"}};
  std::vector<std::size_t> calls;
  for (const int fans : {few, many}) {
    configure(fans);
    for (const auto& words : commands) {
      calls.push_back(calls_of(words));
    }
  }
  for (std::size_t n = 0; n < commands.size(); ++n) {
    EXPECT_LE(calls[commands.size() + n], calls[n] * (many / few)) << n << ": " << commands[n].front();
  }
}

} // namespace
} // namespace fan::test
