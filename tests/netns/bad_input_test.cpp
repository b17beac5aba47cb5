// What cannot be done is refused: the message names what is wrong and what to do, the exit status is the class's, and
// nothing has changed.
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <thread>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config_folder.h"
#include "fan_pair.h"
#include "held_lock.h"
#include "support/snapshot.h"

namespace fan::test {
namespace {

using testing::HasSubstr;
using Words = std::vector<std::string>;

constexpr int usage = 2;
constexpr int host_state = 3;
constexpr int not_found = 10;
constexpr int privilege = 4;
constexpr int kernel = 5;
constexpr int busy = 6;

struct Case {
  Words words;
  int status;
  Words said; // each is part of the message
};

void expect_refused(const Outcome& outcome, const Case& c) {
  EXPECT_EQ(outcome.status, c.status) << outcome.out << outcome.err;
  EXPECT_EQ(outcome.out, "");
  for (const std::string& part : c.said) {
    EXPECT_THAT(outcome.err, HasSubstr(part));
  }
}

// Several cases between two looks at the whole state, as a look is dear.
void expect_refused(const Host& host, const std::vector<Case>& cases) {
  const Snapshot before = snapshot(host);
  for (const Case& c : cases) {
    SCOPED_TRACE(fmt::format("fanctl {}", fmt::join(c.words, " ")));
    expect_refused(host.fanctl(c.words), c);
  }
  EXPECT_EQ(difference(before, snapshot(host)), "");
}

void expect_refused(const Host& host, const Case& c, const RunOptions& options = {}) {
  SCOPED_TRACE(fmt::format("fanctl {}", fmt::join(c.words, " ")));
  const Snapshot before = snapshot(host);
  expect_refused(host.fanctl(c.words, options), c);
  EXPECT_EQ(difference(before, snapshot(host)), "");
}

class BadInput : public ::testing::Test {
protected:
  Underlay underlay;
  Host& host = underlay.host("172.30.0.27/16");

  static Words up(const Words& more = {}) {
    Words words{"up", "250.0.0.0/8", "eth0/16", "type", "vxlan"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
};

TEST_F(BadInput, WordsThatAreWrong) {
  expect_refused(
      host, {
                {{"up"}, usage, {"overlay is missing", "OVERLAY UNDERLAY"}},
                {{"up", "250"}, usage, {"underlay is missing", "eth0/16"}},
                {{"up", "-o", "250"}, usage, {"--underlay is missing"}},
                {up({"dhpc"}), usage, {"unknown flag 'dhpc'", "did you mean 'dhcp'"}},
                {up({"--dhpc"}), usage, {"unknown option '--dhpc'", "did you mean --dhcp"}},
                {up({"host-reserve"}), usage, {"missing after 'host-reserve'"}},
                {up({"--host-reserve"}), usage, {"--host-reserve wants a value"}},
                {up({"mtu", "many"}), usage, {"'many'"}},
                {{"upp", "250", "eth0"}, usage, {"unknown command 'upp'", "did you mean 'up'"}},
                {{"down"}, usage, {"missing"}},
                {{"up", "250/33", "eth0/16"}, usage, {"250/33", "250.0.0.0/8"}},
                {{"up", "250.0.0.0/33", "eth0/16"}, usage, {"250.0.0.0/33"}},
                {{"up", "250.1.0.0/8", "eth0/16"}, usage, {"250.1.0.0/8", "250.0.0.0/8"}},
                {{"up", "250.0.0.0/16", "eth0/16"}, usage, {"250.0.0.0/16", "172.30.0.0/16"}},
                {{"up", "250.0.0.0/20", "eth0/16"}, usage, {"250.0.0.0/20", "172.30.0.0/16"}},
                {{"up", "250.0.0.0/8", "eth0/8"}, usage, {"250.0.0.0/8", "172.0.0.0/8"}},
                {{"up", "250.0.0.0/8", "eth0/9"}, usage, {"/31"}},
                {{"up", "172.16.0.0/12", "eth0/16"}, usage, {"172.16.0.0/12", "172.30.0.0/16", "overlap"}},
                {{"up", "127.0.0.0/8", "eth0/16"}, usage, {"127.0.0.0/8"}},
                {{"up", "224.0.0.0/4", "eth0/16"}, usage, {"224.0.0.0/4"}},
                {up({"host-reserve", "254"}), usage, {"host-reserve 254", "250.0.27.0/24", "from 1 to 253"}},
                {up({"host-reserve", "0"}), usage, {"host-reserve", "1"}},
                {up({"host-reserve", "253", "dhcp", "expose", "250.0.28.0/24"}), usage, {"expose", "250.0.27.0/24"}},
                {up({"mtu", "1451"}), usage, {"1450"}},
            });
}

TEST_F(BadInput, NamesThatNoBridgeMayHave) {
  host.ip({"link add taken type bridge"});
  expect_refused(host,
                 {
                     {up({"bridge", "a-name-of-16-byt"}), usage, {"'a-name-of-16-byt'", "16 bytes", "at most 15"}},
                     {up({"bridge", "all"}), usage, {"'all'", "another name"}},
                     {up({"bridge", "default"}), usage, {"'default'", "another name"}},
                     {up({"bridge", "fan%d"}), usage, {"'fan%d'", "'%'"}},
                     {up({"bridge", "a/b"}), usage, {"'a/b'"}},
                     {up({"bridge", "fanvx8472"}), usage, {"'fanvx8472'", "tunnel"}},
                     {up({"bridge", "taken"}), host_state, {"'taken' is there already", "bridge NAME"}},
                     {up({"bridge", "eth0"}), host_state, {"'eth0' is there already", "bridge NAME"}},
                 });
}

TEST_F(BadInput, UnderlaysThatThisHostDoesNotHave) {
  host.ip({"link add eth1 type veth peer name eth1-peer"});
  expect_refused(host, {
                           {{"up", "250", "etth0/16", "type", "vxlan"}, host_state, {"'etth0' does not exist", "eth0"}},
                           {{"up", "250", "eth1/16", "type", "vxlan"},
                            host_state,
                            {"'eth1' has no IPv4 address", "172.30.0.27 on eth0"}},
                           {{"up", "250", "172.30.0.99", "type", "vxlan"},
                            host_state,
                            {"172.30.0.99 is not an address of this host", "172.30.0.27 on eth0"}},
                           {{"up", "250", "10.7.0.0/16", "type", "vxlan"},
                            host_state,
                            {"no address in the underlay 10.7.0.0/16", "172.30.0.27 on eth0"}},
                           {{"down", "250", "eth0/16"}, not_found, {"no such fan is up"}},
                           {{"show", "fan-250-0-27"}, not_found, {"no such fan is up"}},
                       });
  host.must({"ip", "route", "del", "default"});
  expect_refused(host, {{"up", "250", "default/16", "type", "vxlan"}, host_state, {"no IPv4 default route"}});
}

TEST_F(BadInput, AnAddressThatNamesANetwork) {
  Underlay wide("10.0.0.254/8");
  const Host& first = wide.host("10.5.0.0/8"); // a host of the /8, but the name of a /16
  expect_refused(first,
                 {{"up", "250.0.0.0/8", "eth0/16", "type", "vxlan"}, host_state, {"10.5.0.0", "names a network"}});
}

TEST_F(BadInput, AnOverlayThatCoversARouteOfThisHost) {
  host.ip({"route add 250.5.0.0/16 via 172.30.255.254"});
  expect_refused(host, {up(), host_state, {"250.0.0.0/8", "250.5.0.0/16", "choose an overlay"}});
  host.ip({"route del 250.5.0.0/16", "route add 250.5.0.0/16 via 172.30.255.254 table 77"});
  expect_refused(host, {up(), host_state, {"250.5.0.0/16", "table 77"}}); // rules may lead to any table
  host.ip({"route del 250.5.0.0/16 table 77", "route add 248.0.0.0/5 via 172.30.255.254"});
  expect_refused(host, {up(), host_state, {"250.0.0.0/8", "248.0.0.0/5"}});
}

TEST_F(BadInput, AnOverlayThatCoversDockersPool) {
  Underlay other("10.9.255.254/16");
  const Host& dockers = other.host("10.9.0.5/16");
  dockers.ip({"link add docker0 type bridge", "addr add 172.17.0.1/16 dev docker0", "link set docker0 up"});
  expect_refused(
      dockers,
      {{"up", "172.16.0.0/12", "eth0/16", "type", "vxlan"}, host_state, {"172.16.0.0/12", "172.17.0.0/16", "docker0"}});
  dockers.ip({"link set docker0 down"}); // as Docker leaves it while it has no container
  expect_refused(
      dockers,
      {{"up", "172.16.0.0/12", "eth0/16", "type", "vxlan"}, host_state, {"172.16.0.0/12", "172.17.0.0/16", "docker0"}});
}

TEST_F(BadInput, AFanThatMeetsAnother) {
  host.fanctl_must(up());
  expect_refused(host, {
                           {{"up", "250.0.0.0/7", "eth0/16", "type", "vxlan"}, usage, {"250.0.0.0/7", "250.0.0.0/8"}},
                           {{"up", "251.0.0.0/8", "eth0/16", "type", "vxlan", "bridge", "fan-250-0-27"},
                            usage,
                            {"'fan-250-0-27'", "bridge NAME"}},
                           {up({"bridge", "other"}), host_state, {"fan-250-0-27", "fanctl down"}},
                       });
}

TEST_F(BadInput, OfSeveralAddressesTheKernelsChoiceIsTakenAndSaid) {
  const Host& two = underlay.host("172.30.0.50/24", {.default_route = false});
  two.ip({"addr add 172.30.1.50/24 dev eth0"});
  const Outcome first = two.fanctl(up({"--dry-run"}));
  EXPECT_THAT(first.err, HasSubstr("172.30.0.50, 172.30.1.50; took 172.30.0.50"));
  two.ip({"route change 172.30.0.0/24 dev eth0 src 172.30.1.50"});
  const Outcome second = two.fanctl(up());
  EXPECT_THAT(second.err, HasSubstr("took 172.30.1.50"));
  EXPECT_THAT(two.fanctl({"show"}).out, HasSubstr("172.30.1.50/16"));
}

// --- not allowed

TEST_F(BadInput, WithoutCapabilities) {
  const Snapshot before = snapshot(host);
  RunOptions nobody;
  nobody.uid = 65534;
  expect_refused(host.fanctl(up(), nobody), {{}, privilege, {"lacks CAP_NET_ADMIN and CAP_SYS_ADMIN", "sudo"}});
  expect_refused(host.fanctl({"down", "-e"}, nobody), {{}, privilege, {"lacks CAP_NET_ADMIN", "sudo"}});
  for (const std::string name : {"NET_ADMIN", "SYS_ADMIN"}) {
    std::string lower = "-" + name;
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
    Argv argv{"setpriv", "--bounding-set", lower, fanctl_path()};
    const Words words = up();
    argv.insert(argv.end(), words.begin(), words.end());
    expect_refused(host.run(argv), {{}, privilege, {"lacks CAP_" + name, "sudo"}});
  }
  EXPECT_EQ(difference(before, snapshot(host)), "");
}

TEST_F(BadInput, InAUserNamespace) {
  const Snapshot before = snapshot(host);
  for (const char* flags : {"-Ur", "-Urn"}) {
    Argv argv{"unshare", flags, fanctl_path()};
    const Words words = up();
    argv.insert(argv.end(), words.begin(), words.end());
    expect_refused(host.run(argv), {{}, privilege, {"user namespace", "root of the host"}});
  }
  EXPECT_EQ(difference(before, snapshot(host)), "");
}

// bpf(2) fails for the calling thread and what it starts.
void forbid_bpf() {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter{std::size(program), program};
  ASSERT_EQ(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter), 0) << strerror(errno);
}

TEST_F(BadInput, UnderASeccompFilter) {
  const Snapshot before = snapshot(host);
  Outcome outcome;
  std::thread([&] {
    forbid_bpf();
    outcome = host.fanctl(up());
  }).join();
  expect_refused(outcome, {{}, privilege, {"seccomp", "SystemCallFilter="}});
  EXPECT_EQ(difference(before, snapshot(host)), "");
}

// --- something is missing or taken

TEST_F(BadInput, WithoutDnsmasq) {
  RunOptions hidden;
  hidden.binds = {{"/dev/null", "/usr/sbin/dnsmasq"}};
  expect_refused(
      host,
      {up({"dhcp"}), host_state, {"dnsmasq is not installed", "apt-get install dnsmasq-base", "leave `dhcp` out"}},
      hidden);
}

// execve(2) fails, or what it starts is no server for long. All that was done before is undone.
TEST_F(BadInput, ADnsmasqThatDoesNotRun) {
  struct {
    const char* file;
    const char* said;
  } const cases[] = {
      {"no program\n", "/usr/sbin/dnsmasq cannot be started: Exec format error"},
      {"#!/is/not/there\n", "/usr/sbin/dnsmasq cannot be started: No such file or directory"},
      {"#!/bin/sh\nkill -SEGV $$\n", "/usr/sbin/dnsmasq was ended by signal 11"},
      {"#!/bin/sh\necho a word >&2\nexit 5\n", "/usr/sbin/dnsmasq ended with status 5: a word"},
      {"#!/bin/sh\n", "not as asked"},
  };
  const ConfigFolder folder;
  for (const auto& [file, said] : cases) {
    SCOPED_TRACE(file);
    folder.write("dnsmasq", file);
    std::filesystem::permissions(folder.file("dnsmasq"), std::filesystem::perms(0755));
    RunOptions within;
    within.binds = {{folder.file("dnsmasq"), "/usr/sbin/dnsmasq"}};
    expect_refused(host, {up({"dhcp"}), host_state, {said}}, within);
  }
}

TEST_F(BadInput, WithoutTheModule) {
  if (kernel_has(Encapsulation::ipip)) {
    GTEST_SKIP() << "has-ipip: this kernel has ipip";
  }
  expect_refused(host, {{"up", "250.0.0.0/8", "eth0/16"}, kernel, {"ipip", "modprobe ipip", "type vxlan"}});
}

TEST_F(BadInput, APortThatAVxlanDeviceHas) {
  host.ip({"link add other type vxlan external dstport 8472", "link set other up"});
  expect_refused(host, {up(), host_state, {"UDP port 8472 is taken by the vxlan device 'other'", "port N"}});
  EXPECT_TRUE(host.fanctl(up({"port", "8473"})).ok());
}

TEST_F(BadInput, APortThatAProcessHas) {
  const Inside here(host);
  const int taken = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_port = htons(8472);
  ASSERT_EQ(bind(taken, reinterpret_cast<sockaddr*>(&any), sizeof any), 0);
  expect_refused(host, {up(), host_state, {"UDP port 8472", "Address already in use", "--port"}});
  close(taken);
  EXPECT_TRUE(host.fanctl(up()).ok());
}

TEST_F(BadInput, ATunnelDevicesNameThatIsTaken) {
  host.ip({"link add fanvx8472 type bridge"});
  expect_refused(host, {up(), host_state, {"'fanvx8472' is there already"}});
}

TEST_F(BadInput, ANftTableOfOursThatIsNot) {
  host.must({"nft", "add", "table", "inet", "fanctl"});
  expect_refused(host, {up(), host_state, {"table inet fanctl is there already", "nft delete table inet fanctl"}});
}

// --- another one is at work

TEST_F(BadInput, WhileAnotherFanctlIsAtWork) {
  HeldLock lock(host);
  expect_refused(host, {up({"--wait", "0"}), busy, {"another fanctl is at work", "--wait"}});
  expect_refused(host, {{"down", "-e", "--wait", "0"}, busy, {"another fanctl is at work", "--wait"}});
  const auto began = std::chrono::steady_clock::now();
  expect_refused(host.fanctl(up({"--wait", "1"})), {{}, busy, {"another fanctl is at work"}});
  EXPECT_GE(std::chrono::steady_clock::now() - began, std::chrono::seconds(1));
  EXPECT_TRUE(host.fanctl({"show"}).ok()) << "looking waits for nobody";
  EXPECT_TRUE(host.fanctl(up({"--dry-run"})).ok()) << "nor does a dry run";
  EXPECT_TRUE(underlay.host("172.30.0.28/16").fanctl(up()).ok()) << "nor another network namespace";
  RunOptions in_host;
  in_host.netns = &host;
  Argv argv{fanctl_path()};
  const Words words = up({"--wait", "20"});
  argv.insert(argv.end(), words.begin(), words.end());
  Background waiting(argv, in_host);
  pause_for(std::chrono::milliseconds(200));
  EXPECT_TRUE(waiting.running());
  lock.release();
  EXPECT_EQ(waiting.wait(), 0) << waiting.output();
}

} // namespace
} // namespace fan::test
