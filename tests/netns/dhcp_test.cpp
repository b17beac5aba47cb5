// Addresses by DHCP from the fan bridge: real dnsmasq, real clients.
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fan_pair.h"

namespace fan::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class Dhcp : public OverEach {
protected:
  [[nodiscard]] static unsigned mtu() { return 1500 - overhead_of(GetParam()); }
};
FAN_OVER_EACH(Dhcp);

const Prefix slice_a = Prefix::of(at_a, 24);
const Prefix slice_b = Prefix::of(at_b, 24);

std::vector<pid_t> servers(const Host& host) {
  std::vector<pid_t> found;
  for (const pid_t pid : host.processes()) {
    std::ifstream file(fmt::format("/proc/{}/comm", pid));
    std::string name;
    if (std::getline(file, name) && name == "dnsmasq") {
      found.push_back(pid);
    }
  }
  return found;
}

pid_t server(const Host& host) {
  const std::vector<pid_t> all = servers(host);
  EXPECT_EQ(all.size(), 1U);
  return all.empty() ? 0 : all.front();
}

void kill_server(const Host& host) {
  kill(server(host), SIGKILL);
  EXPECT_TRUE(eventually([&] { return servers(host).empty(); }));
}

std::string leases_file(const Host& host, const std::string& bridge) {
  return fmt::format("/run/fanctl/netns-{}/{}.leases", host.inode(), bridge);
}

// A folder that is gone with the object.
class Folder {
public:
  Folder() : path_(std::filesystem::temp_directory_path() / fmt::format("fanctl-dhcp-{}-{}", getpid(), count_++)) {
    std::filesystem::create_directories(path_);
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::string path() const { return path_; }
  void write(const std::string& name, const std::string& text) const { std::ofstream(path_ / name) << text; }

private:
  static inline int count_ = 0;
  std::filesystem::path path_;
};

// A TCP connection from `host` to a DNS server, over which nothing is asked, while the object lives.
class DnsConnection {
public:
  DnsConnection(const Host& host, Address server) {
    const Inside inside(host);
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(53);
    to.sin_addr.s_addr = htonl(server.v4());
    EXPECT_EQ(connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  }
  ~DnsConnection() { close(fd_); }
  DnsConnection(const DnsConnection&) = delete;
  DnsConnection& operator=(const DnsConnection&) = delete;

private:
  int fd_ = -1;
};

// udhcpc that stays, in `container`, and says that it is called `name`. SIGUSR1 makes it renew.
Background client(const Container& container, const std::string& name = {}) {
  RunOptions options;
  options.netns = &container;
  Argv argv{"udhcpc", "-f",   "-t", "8",   "-T", "1",
            "-i",     "eth0", "-O", "mtu", "-s", std::string(SOURCE_DIR) + "/tests/support/udhcpc-script"};
  if (!name.empty()) {
    argv.insert(argv.end(), {"-x", "hostname:" + name});
  }
  return {argv, options};
}

constexpr std::chrono::seconds patience{30};

// "ip=250.0.27.93" of the client's last line with `event`.
std::string address_in(const std::string& output, const std::string& event) {
  const std::size_t line = output.rfind("event=" + event);
  const std::size_t begin = line == std::string::npos ? line : output.rfind("ip=", line);
  return begin == std::string::npos ? "" : output.substr(begin + 3, output.find(' ', begin) - begin - 3);
}

TEST_P(Dhcp, TwoClientsAHostGetAddressRouterMaskAndMtuAndReachEachOther) {
  FanPair fans(type());
  fans.up({"dhcp", "host-reserve", "5"});
  std::vector<Container> containers;
  std::set<Address> given;
  for (int n = 0; n < 4; ++n) {
    const bool on_a = n < 2;
    const Prefix& slice = on_a ? slice_a : slice_b;
    Container& c = containers.emplace_back(on_a ? fans.a : fans.b, on_a ? "fan-250-0-27" : "fan-250-0-28");
    c.ip({"link set eth0 mtu 1500"}); // as a runtime makes it that knows nothing of fans
    const std::optional<Lease> lease = c.dhcp();
    ASSERT_TRUE(lease.has_value()) << n;
    EXPECT_TRUE(slice.contains(lease->address)) << lease->address.str();
    EXPECT_GT(lease->address, slice.at(5)) << "a reserved address";
    EXPECT_LT(lease->address, slice.broadcast());
    EXPECT_EQ(lease->prefix_length, 24U);
    EXPECT_EQ(lease->router, slice.at(1));
    EXPECT_EQ(lease->server, slice.at(1));
    EXPECT_EQ(lease->mtu, mtu());
    EXPECT_EQ(c.mtu(), mtu()) << "the client has applied it";
    given.insert(lease->address);
  }
  EXPECT_EQ(given.size(), 4U);
  for (const Container& from : containers) {
    for (const Address to : given) {
      EXPECT_TRUE(pings(from, to, {}, 1)) << to.str();
    }
  }
}

TEST_P(Dhcp, AClientRenewsAfterTheServerWasKilledAndCameBack) {
  FanPair fans(type());
  fans.a.fanctl_must(fans.line("up", {"dhcp"}));
  const Container c(fans.a, "fan-250-0-27");
  Background udhcpc = client(c);
  ASSERT_TRUE(udhcpc.wait_for("event=bound", patience)) << udhcpc.output();
  kill_server(fans.a);
  fans.a.fanctl_must(fans.line("up", {"dhcp"}));
  udhcpc.signal(SIGUSR1);
  ASSERT_TRUE(udhcpc.wait_for("event=renew", patience)) << udhcpc.output();
  EXPECT_EQ(address_in(udhcpc.output(), "renew"), address_in(udhcpc.output(), "bound"));
  EXPECT_THAT(udhcpc.output(), Not(HasSubstr("event=deconfig")));
}

class DhcpServerOfAFan : public ::testing::Test {
protected:
  FanPair fans{"vxlan"};
};

TEST_F(DhcpServerOfAFan, SurvivesItsStarterAndEverythingInItsSession) {
  {
    RunOptions options;
    options.netns = &fans.a;
    Argv argv{"setsid", "--wait", "sh", "-c", "\"$@\" && echo up && exec sleep 600", "sh", fanctl_path()};
    for (const std::string& word : fans.line("up", {"dhcp"})) {
      argv.push_back(word);
    }
    Background starter(argv, options);
    ASSERT_TRUE(starter.wait_for("up\n", patience)) << starter.output();
  } // the group is killed
  Container c(fans.a, "fan-250-0-27");
  EXPECT_TRUE(c.dhcp().has_value());
}

TEST_F(DhcpServerOfAFan, ReadsNothingOfTheSystemsDnsmasqConfiguration) {
  const Folder etc;
  for (const char* name : {"passwd", "group", "nsswitch.conf", "resolv.conf"}) {
    std::ifstream from(std::string("/etc/") + name);
    etc.write(name, std::string{std::istreambuf_iterator<char>(from), {}});
  }
  for (const char* poison : {"dnsmasq.conf", "ethers", "dnsmasq.d/x.conf", "default/dnsmasq"}) {
    std::filesystem::create_directories(std::filesystem::path(etc.path() + "/" + poison).parent_path());
    etc.write(poison, "this is no configuration\n");
  }
  RunOptions poisoned;
  poisoned.binds = {{etc.path(), "/etc"}};
  EXPECT_NE(fans.a.run({"dnsmasq", "--test"}, poisoned).status, 0) << "one that reads it does not start";
  fans.a.fanctl_must(fans.line("up", {"dhcp"}), poisoned);
  Container c(fans.a, "fan-250-0-27");
  const std::optional<Lease> lease = c.dhcp();
  ASSERT_TRUE(lease.has_value());
  EXPECT_EQ(lease->router, slice_a.at(1));
}

TEST_F(DhcpServerOfAFan, ANewMtuRestartsItAndOtherOptionsDoNot) {
  fans.a.fanctl_must(fans.line("up", {"dhcp"}));
  const pid_t first = server(fans.a);
  fans.a.fanctl_must(fans.line("up", {"dhcp", "no-nat", "expose", "all"}));
  EXPECT_EQ(server(fans.a), first);
  fans.a.fanctl_must(fans.line("up", {"dhcp", "mtu", "1400"}));
  EXPECT_NE(server(fans.a), first);
  Container c(fans.a, "fan-250-0-27");
  const std::optional<Lease> lease = c.dhcp();
  ASSERT_TRUE(lease.has_value());
  EXPECT_EQ(lease->mtu, 1400U);
  EXPECT_EQ(c.mtu(), 1400U);
}

TEST_F(DhcpServerOfAFan, IsStoppedAndItsLeasesRemovedByDownAndByUpWithoutDhcp) {
  fans.a.fanctl_must(fans.line("up", {"dhcp"}));
  EXPECT_TRUE(std::filesystem::exists(leases_file(fans.a, "fan-250-0-27")));
  fans.a.fanctl_must(fans.line("up"));
  EXPECT_TRUE(servers(fans.a).empty());
  EXPECT_FALSE(std::filesystem::exists(leases_file(fans.a, "fan-250-0-27")));
  fans.a.fanctl_must(fans.line("up", {"dhcp"}));
  fans.a.fanctl_must({"down", "fan-250-0-27"});
  EXPECT_TRUE(servers(fans.a).empty());
  EXPECT_FALSE(std::filesystem::exists(leases_file(fans.a, "fan-250-0-27")));
}

// The shell has the pattern by which the server is found in its own command line; a name may be a pattern of others.
TEST_F(DhcpServerOfAFan, IsStoppedByTheDryRunsLinesAlone) {
  for (const auto& [name, other] : {std::pair{"fan.1", "fan-1"}, std::pair{"a+b", "aab"}}) {
    fans.a.fanctl_must({"up", "250", "eth0/16", "type", "vxlan", "bridge", name, "dhcp"});
    fans.a.fanctl_must({"up", "251", "eth0/16", "type", "vxlan", "bridge", other, "dhcp"});
    const std::string lines =
        fans.a.fanctl_must({"up", "250", "eth0/16", "type", "vxlan", "bridge", name, "--dry-run"});
    ASSERT_THAT(lines, HasSubstr("kill $p"));
    fans.a.must({"unshare", "-m", "sh", "-ec", "mount -t bpf bpf /sys/fs/bpf\n" + lines});
    EXPECT_TRUE(eventually([&] { return servers(fans.a).size() == 1; }));
    EXPECT_EQ(fans.a.fanctl_must({"up", "251", "eth0/16", "type", "vxlan", "bridge", other, "dhcp", "--dry-run"}), "");
    EXPECT_EQ(fans.a.fanctl_must({"up", "250", "eth0/16", "type", "vxlan", "bridge", name, "--dry-run"}), "");
    fans.a.fanctl_must({"down", "-e"});
  }
}

// dnsmasq has a process for each such connection, which looks like the server itself.
TEST_F(DhcpServerOfAFan, IsOneWhileItAnswersDnsByTcp) {
  fans.a.fanctl_must(fans.line("up", {"dhcp"}));
  const pid_t first = server(fans.a);
  {
    const DnsConnection held(fans.a, slice_a.at(1));
    ASSERT_TRUE(eventually([&] { return servers(fans.a).size() == 2; }));
    EXPECT_EQ(fans.a.fanctl({"show", "--check"}).status, 0);
    EXPECT_EQ(fans.a.fanctl_must(fans.line("up", {"dhcp", "--dry-run"})), "");
    EXPECT_EQ(servers(fans.a).size(), 2U) << "the connection was not held";
    fans.a.fanctl_must(fans.line("down"));
  }
  EXPECT_TRUE(eventually([&] { return servers(fans.a).empty(); })) << first;
}

// Whoever is found under that name says which proxy all others use (VU#598349).
TEST_F(DhcpServerOfAFan, AnswersForTheNamesOfItsClientsButNotForWpad) {
  fans.a.fanctl_must(fans.line("up", {"dhcp"}));
  const Container one(fans.a, "fan-250-0-27");
  const Container two(fans.a, "fan-250-0-27");
  Container asking(fans.a, "fan-250-0-27");
  asking.address("250.0.27.5/24", slice_a.at(1));
  Background printer = client(one, "printer");
  Background wpad = client(two, "wpad");
  ASSERT_TRUE(eventually([&] { return !address_in(printer.output(), "bound").empty(); })) << printer.output();
  ASSERT_TRUE(eventually([&] { return !address_in(wpad.output(), "bound").empty(); })) << wpad.output();
  const auto answer = [&](const char* name) {
    return asking.run({"busybox", "nslookup", "-type=a", name, slice_a.at(1).str()}).out;
  };
  EXPECT_THAT(answer("printer"), HasSubstr(address_in(printer.output(), "bound")));
  EXPECT_THAT(answer("wpad"), Not(HasSubstr(address_in(wpad.output(), "bound"))));
  EXPECT_THAT(answer("wpad"), HasSubstr("NXDOMAIN"));
}

TEST_F(DhcpServerOfAFan, ThatWasKilledIsDriftAndDownDoesNotMind) {
  fans.a.fanctl_must(fans.line("up", {"dhcp"}));
  kill_server(fans.a);
  EXPECT_EQ(fans.a.fanctl({"show", "--check"}).status, 8);
  EXPECT_THAT(fans.a.fanctl({"show", "-v"}).out, HasSubstr("not running"));
  fans.a.fanctl_must({"down", "fan-250-0-27"});
  EXPECT_FALSE(std::filesystem::exists(leases_file(fans.a, "fan-250-0-27"))) << "leases of a dead server";
}

} // namespace
} // namespace fan::test
