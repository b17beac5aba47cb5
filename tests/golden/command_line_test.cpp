// What can be told from a command line without a kernel: class, exit status and message, and nothing changed.
#include <gtest/gtest.h>

#include "core/errors.h"
#include "fanctl/output/json.h"
#include "golden.h"

namespace fan::test {
namespace {

struct Case {
  std::vector<std::string> words;
  int status;
  std::string says; // part of standard error
  std::string hints = "";
};

std::string spelled(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) {
    out += " [" + word + "]";
  }
  return out;
}

void expect_refused(MemoryWorld& world, const Case& bad) {
  SCOPED_TRACE(spelled(bad.words));
  const ObservedSet before = world.host.objects;
  const Ran ran = run(world, bad.words);
  EXPECT_EQ(ran.status, bad.status);
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(ran.err.rfind("fanctl: ", 0), 0U) << ran.err;
  EXPECT_NE(ran.err.find(bad.says), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find(bad.hints), std::string::npos) << ran.err;
  EXPECT_EQ(world.host.transactions, 0U);
  EXPECT_EQ(world.host.objects.size(), before.size());
}

TEST(CommandLine, UsageErrors) {
  const std::string o = "250.0.0.0/8";
  const std::string u = "eth0/16";
  const std::vector<Case> cases{
      {{"upp"}, 2, "unknown command 'upp'", "did you mean 'up'?"},
      {{"shwo"}, 2, "unknown command 'shwo'", "did you mean 'show'?"},
      {{"frobnicate"}, 2, "unknown command 'frobnicate'", "the commands are"},
      {{"--vresion"}, 2, "unknown option '--vresion'"},
      {{""}, 2, "unknown command ''"},
      {{"help", "upp"}, 2, "unknown command 'upp'"},
      {{"up"}, 2, "up: "},
      {{"up", o}, 2, "up 250.0.0.0/8: "},
      {{"up", o, u, "--dry-rum"}, 2, "unknown option '--dry-rum'", "did you mean --dry-run?"},
      {{"up", o, u, "--bridg=x"}, 2, "unknown option '--bridg'", "did you mean --bridge?"},
      {{"up", o, u, "-x"}, 2, "unknown option '-x'"},
      {{"up", o, u, "dhpc"}, 2, "'dhpc'", "did you mean 'dhcp'?"},
      {{"up", o, u, "--mtu"}, 2, "--mtu wants a value"},
      {{"up", o, u, "--mtu="}, 2, "--mtu wants a value"},
      {{"up", o, u, "--mtu", "lots"}, 2, "'lots'"},
      {{"up", o, u, "--mtu", "-1"}, 2, "mtu"},
      {{"up", o, u, "--dhcp", "--dhcp"}, 2, "flag 'dhcp' is given twice", "give it once"},
      {{"up", o, u, "--dhcp", "--dhcp", "--dhcp"}, 2, "flag 'dhcp' is given twice", "give it once"},
      {{"up", o, u, "--dhcp=99999999999999999999"}, 2, "--dhcp takes no value"},
      {{"up", o, u, "--dhcp=1x"}, 2, "--dhcp takes no value", "give it alone"},
      {{"up", o, u, "--dhcp=true"}, 2, "--dhcp takes no value"},
      {{"show", "--json=false"}, 2, "--json takes no value"},
      {{"up", o, u, "--type", "gre"}, 2, "'gre'"},
      {{"up", o, u, "--vni", "16777216"}, 2, "16777216"},
      {{"up", o, u, "--port", "65536"}, 2, "65536"},
      {{"up", o, u, "--host-reserve", "0"}, 2, "host-reserve"},
      {{"up", o, u, "host-reserve", "254"}, 2, "254"},
      {{"up", o, u, "--ttl-security", "256"}, 2, "ttl-security"},
      {{"up", o, u, "--accept", "ipip,gre"}, 2, "'gre'"},
      {{"up", o, u, "--expose", "250.0.28.1/24"}, 2, "250.0.28."},
      {{"up", o, u, "--bridge", "a-name-that-is-too-long"}, 2, "a-name-that-is-too-long"},
      {{"up", o, u, "--bridge", "all"}, 2, "'all'"},
      {{"up", o, u, "--bridge", "default"}, 2, "'default'"},
      {{"up", o, u, "--bridge", "fan%d"}, 2, "%"},
      {{"up", o, u, "type", "vxlan", "--type", "vxlan"}, 2, "'type' is given as a word and as --type"},
      {{"up", o, u, "dhcp", "--dhcp"}, 2, "'dhcp' is given as a word and as --dhcp"},
      {{"up", o, u, "--vni", "1", "--vni", "2", "--type", "vxlan"}, 2, "vni"},
      {{"up", o, u, "--type", "ipip", "--type", "vxlan"}, 2, "type"},
      {{"up", "-o", o}, 2, "--underlay is missing"},
      {{"up", "-u", u}, 2, "--overlay is missing"},
      {{"up", "-u", u, "-o", o, "-o", "251"}, 2, "--overlay is given 2 times"},
      {{"up", "-u", u, "-o", o, "251.0.0.0/8", "eth0"}, 2, "'251.0.0.0/8'"},
      {{"up", "250/33", u}, 2, "250/33"},
      {{"up", "250.0.0.0/33", u}, 2, "33"},
      {{"up", "250.0.0.0/16", "eth0/16"}, 2, "16"},
      {{"up", "250.0.0.0/24", "eth0/16"}, 2, "16"},
      {{"up", "250.1.0.0/8", u}, 2, "250.0.0.0/8"},
      {{"up", "240.0.0.0/15", "eth0/16"}, 2, "/31"},
      {{"up", "172.0.0.0/8", u}, 2, "overlap"},
      {{"up", "127.0.0.0/8", u}, 2, "127.0.0.0/8"},
      {{"up", "224.0.0.0/8", u}, 2, "224.0.0.0"},
      {{"up", o, "172.30.0.256"}, 2, "172.30.0.256"},
      {{"up", o, "172.30.0.28/32"}, 2, "172.30.0.28/32 is one address, and no underlay", "172.30.0.28/16"},
      {{"up", o, u, "--wait", "soon"}, 2, "--wait 'soon'"},
      {{"up", "-a", o, u}, 2, "-a takes its fans from the configuration"},
      {{"up", "-a", "--dhcp"}, 2, "-a takes its fans from the configuration"},
      {{"up", o, u, "--config", "f"}, 2, "--config goes with -a"},
      {{"up", "-a", "--config", ""}, 2, "--config wants the name of a file"},
      {{"up", "250", "--dhcp"}, 2, "up: options of a fan go with its two networks", "has its options in its file"},
      {{"up", "--mtu", "1400"}, 2, "up: options of a fan go with its two networks"},
      {{"down"}, 2, "down: "},
      {{"down", "-a", "-e"}, 2, "contradict"},
      {{"down", "-e", o, u}, 2, "-a and -e take no fan"},
      {{"down", o, u, "--dhcp"}, 2, "unknown option '--dhcp'"},
      {{"show", "a", "b"}, 2, "'a' is not a network"},
      {{"show", "--stat"}, 2, "unknown option '--stat'", "did you mean --stats?"},
      {{"explain"}, 2, "the address is missing"},
      {{"explain", "250.0.28"}, 2, "250.0.28"},
      {{"explain", "250.0.28.1", "-o", "250"}, 2, "--underlay is missing"},
      {{"explain", "250.0.28.2", "--vni", "5"}, 2, "explain: options of a fan go with its two networks"},
      {{"explain", "250.0.28.2", "250", "--vni", "5"}, 2, "explain: options of a fan go with its two networks"},
      {{"metrics", "x"}, 2, "metrics: 'x' is one word too many"},
      {{"--version", "x"}, 2, "--version: 'x' is one word too many"},
      {{"trace"}, 2, "source and destination are needed"},
      {{"trace", "250.0.28.2"}, 2, "source and destination are needed", "fanctl trace SRC DST"},
      {{"trace", "250.0.28.2", "250.0.27.2", "250.0.27.3"}, 2, "'250.0.27.3' is one word too many"},
      {{"trace", "250.0.28.2", "250.0.27"}, 2, "250.0.27"},
      {{"trace", "250.0.28.2", "224.0.0.1"}, 2, "224.0.0.1 is no single machine's"},
      {{"trace", "127.0.0.1", "250.0.28.2"}, 2, "127.0.0.1 is no single machine's"},
      {{"trace", "250.0.28.2", "250.0.27.2", "--proto", "256"}, 2, "--proto"},
      {{"trace", "250.0.28.2", "250.0.27.2", "--proto", "gre"}, 2, "--proto", "icmp, tcp, udp"},
      {{"trace", "250.0.28.2", "250.0.27.2", "--dport", "80"}, 2, "icmp has no ports", "--proto tcp"},
      {{"trace", "250.0.28.2", "250.0.27.2", "--proto", "tcp", "--dport", "65536"}, 2, "--dport"},
      {{"trace", "250.0.28.2", "250.0.27.2", "--size", "65536"}, 2, "--size"},
      {{"trace", "250.0.28.2", "250.0.27.2", "--size", "27"}, 2, "a packet of 27 bytes cannot be"},
      {{"trace", "250.0.28.2", "250.0.27.2", "--size", "84", "--size", "85"}, 2, "--size is given twice"},
  };
  for (const Case& bad : cases) {
    MemoryWorld world;
    expect_refused(world, bad);
  }
}

TEST(CommandLine, HostStateErrors) {
  const std::string o = "250.0.0.0/8";
  const std::vector<Case> cases{
      {{"up", o, "eht0/16"}, 3, "'eht0'", "eth0"},
      {{"up", o, "172.30.0.99/16"}, 3, "172.30.0.99", "172.30.0.28"},
      {{"up", o, "10.0.0.0/16"}, 3, "10.0.0.0/16"},
      {{"down", o, "eth0/16"}, 10, "no such fan is up"},
      {{"down", "fan-250-0-28"}, 10, "no such fan is up", "no fan is up on this host"},
      {{"show", "fan-250-0-28"}, 10, "no such fan is up", "no fan is up on this host"},
      {{"show", o, "eth0/16"}, 10, "no such fan is up: 250.0.0.0/8 eth0/16"},
      {{"show", "x"}, 10, "show: no such fan is up: 'x'"},
      {{"endpoint", "add", "nofan", "--port", "veth1", "--address", "250.0.28.2", "--mac", "02:00:00:00:00:01"},
       10,
       "endpoint add: no such fan is up: 'nofan'"},
      {{"explain", "250.0.28.1", "fan-250-0-28"}, 10, "no such fan is up"},
      {{"up", "fan-250"}, 10, "no fan 'fan-250' is in the configuration"},
      {{"explain", "250.0.28.1"}, 3, "no fan is up on this host", "-o OVERLAY -u UNDERLAY"},
      {{"trace", "250.0.28.2", "250.0.27.2"}, 3, "no fan is up on this host"},
      {{"up", "-a", "--config", "/nonexistent/fan"},
       3,
       "/nonexistent/fan: up -a: cannot be read: No such file or directory",
       "--config FILE"},
      {{"up", "-a", "--config", "/"}, 3, "/: up -a: cannot be read: "},
  };
  for (const Case& bad : cases) {
    MemoryWorld world;
    expect_refused(world, bad);
  }
}

TEST(CommandLine, PrivilegeAndLockComeBeforeAnything) {
  MemoryWorld world;
  world.refusal = make_error(ErrorClass::privilege, "this process lacks CAP_NET_ADMIN", "run it as root");
  expect_refused(world, {{"up", "250", "eth0"}, 4, "up 250 eth0: this process lacks CAP_NET_ADMIN"});
  expect_refused(world, {{"down", "-e"}, 4, "down -e: this process lacks CAP_NET_ADMIN"});
  EXPECT_EQ(run(world, {"show"}).status, 0);
  EXPECT_EQ(run(world, {"up", "250", "eth0", "--dry-run"}).status, 0);
  world.refusal.reset();
  world.locked_by_another = true;
  expect_refused(world, {{"up", "250", "eth0"}, 6, "another fanctl is at work"});
}

TEST(CommandLine, ControlBytesComeOutEscapedAndLongWordsCut) {
  MemoryWorld world;
  const Ran odd = run(world, {"up", "250", "eth\x1b[31m0", "\n"});
  EXPECT_EQ(odd.status, 2);
  EXPECT_EQ(odd.err.find('\x1b'), std::string::npos);
  const Ran bytes = run(world, {"up", "240", "\xff\xfe"}); // in the title of the error, too
  EXPECT_EQ(bytes.status, 3);
  EXPECT_EQ(bytes.err.find('\xff'), std::string::npos) << bytes.err;
  EXPECT_NE(bytes.err.find("up 240 \\xff\\xfe"), std::string::npos) << bytes.err;
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{std::string(100000, 'x')},
                                             {"up", std::string(100000, 'x'), "eth0"},
                                             {"up", "250", std::string(100000, '\x01')},
                                             {"show", std::string(100000, 'y')}}) {
    const Ran ran = run(world, words);
    EXPECT_NE(ran.status, 0);
    EXPECT_LT(ran.err.size(), 2000U);
  }
}

TEST(CommandLine, TooManyWordsAreNoMatter) {
  MemoryWorld world;
  const Ran ran = run(world, std::vector<std::string>(20000, "up"));
  EXPECT_EQ(ran.status, 2);
  EXPECT_LT(ran.err.size(), 2000U);
}

TEST(CommandLine, WithJsonTheErrorIsADocumentOnStandardOutput) {
  MemoryWorld world;
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"up", "250/33", "eth0", "--json"},
                                             {"--json", "show", "--stat"},
                                             {"frobnicate", "--json"},
                                             {"down", "250", "eth0", "--json"}}) {
    SCOPED_TRACE(spelled(words));
    const Ran ran = run(world, words);
    EXPECT_EQ(ran.err, "");
    const cli::Json document = cli::Json::parse(ran.out);
    EXPECT_EQ(document["schema"], 1);
    EXPECT_EQ(document["error"]["exit_status"], ran.status);
  }
}

// Programs need not read the message for what is known apart.
TEST(CommandLine, AFileThatCannotBeReadIsNamedApartFromTheMessage) {
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"import", "/nonexistent/fan", "--json"}, {"up", "-a", "--config", "/nonexistent/fan", "--json"}}) {
    MemoryWorld world;
    const Ran ran = run(world, words);
    EXPECT_EQ(ran.status, 3);
    const cli::Json error = cli::Json::parse(ran.out)["error"];
    EXPECT_EQ(error["file"], "/nonexistent/fan");
    EXPECT_EQ(error["errno"], ENOENT);
    EXPECT_TRUE(error["line"].is_null());
  }
}

TEST(CommandLine, VersionIsOneLine) {
  MemoryWorld world;
  const Ran ran = run(world, {"--version"});
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.out.rfind("fanctl ", 0), 0U);
  EXPECT_EQ(ran.out.find('\n'), ran.out.size() - 1);
}

// The same fan however it is spelled; what came up is what is compared.
std::string fan_of(const std::vector<std::string>& words) {
  MemoryWorld world;
  std::vector<std::string> with_json = words;
  with_json.insert(with_json.begin(), "--json");
  const Ran ran = run(world, with_json);
  EXPECT_EQ(ran.status, 0) << spelled(words) << ran.out;
  cli::Json fans = cli::Json::parse(ran.out)["fans"];
  fans[0].erase("typed");
  return fans.dump();
}

TEST(CommandLine, OptionsAndWordsInAnyOrderMeanTheSame) {
  const std::string by_words =
      fan_of({"up", "250", "eth0", "type", "vxlan", "dhcp", "host-reserve", "2", "bridge", "lan", "vni", "5"});
  const std::vector<std::vector<std::string>> spellings{
      {"up", "250.0.0.0/8", "eth0/16", "--type", "vxlan", "--dhcp", "--host-reserve", "2", "--bridge", "lan", "--vni",
       "5"},
      {"up", "--vni=5", "250", "--dhcp", "eth0", "--bridge=lan", "host-reserve", "2", "--type=vxlan"},
      {"up", "-u", "eth0", "-o", "250", "dhcp", "--vni", "5", "bridge", "lan", "--host-reserve", "2"},
      {"up", "--dhcp", "-o250", "-ueth0", "--host-reserve=2", "vni", "5", "--bridge", "lan"},
      {"-v", "up", "250", "eth0", "--vni", "5", "--type", "vxlan", "--", "dhcp", "host-reserve", "2", "bridge", "lan"},
  };
  for (const std::vector<std::string>& words : spellings) {
    EXPECT_EQ(fan_of(words), by_words) << spelled(words);
  }
}

TEST(CommandLine, TheTypeDependsOnTheForm) {
  EXPECT_NE(fan_of({"up", "250", "eth0"}).find("\"type\":\"ipip\""), std::string::npos);
  EXPECT_NE(fan_of({"up", "-o", "250", "-u", "eth0"}).find("\"type\":\"vxlan\""), std::string::npos);
  EXPECT_NE(fan_of({"up", "-o", "250", "-u", "eth0", "--type", "ipip"}).find("\"type\":\"ipip\""), std::string::npos);
  EXPECT_NE(fan_of({"up", "-o", "250", "-u", "eth0", "type", "ipip"}).find("\"type\":\"ipip\""), std::string::npos);
}

TEST(CommandLine, ANameThatIsAlsoAWordIsNoWord) {
  EXPECT_NE(fan_of({"up", "250", "eth0", "bridge", "dhcp", "--dhcp"}).find("\"bridge\":\"dhcp\""), std::string::npos);
}

} // namespace
} // namespace fan::test
