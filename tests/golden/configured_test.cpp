// The commands that write a configuration or read one, over a host in memory.
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/errors.h"
#include "engine/forwarding_provider.h"
#include "fanctl/configuration_files.h"
#include "fanctl/output/json.h"
#include "golden.h"
#include "schema.h"

namespace fan::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class Configured : public ::testing::Test {
protected:
  Configured() {
    char name[] = "/tmp/fan-conf-XXXXXX";
    EXPECT_NE(mkdtemp(name), nullptr);
    folder = name;
  }
  ~Configured() override { std::filesystem::remove_all(folder); }

  [[nodiscard]] std::string file(const std::string& name) const { return folder + "/" + name; }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(file(name)) << text;
    chmod(file(name).c_str(), 0644);
  }
  // The command over the folder.
  Ran in_folder(std::vector<std::string> words) {
    words.insert(words.end(), {"--dir", folder});
    return run(world, words);
  }
  [[nodiscard]] std::string only_file() const {
    const std::filesystem::directory_iterator files(folder);
    EXPECT_EQ(std::distance(begin(files), end(files)), 1);
    return std::filesystem::directory_iterator(folder)->path();
  }

  MemoryWorld world;
  std::string folder;
};

const std::vector<std::string> enable{"enable", "-o", "250.0.0.0/8", "-u", "eth0/16"};
const std::vector<std::string> disable{"disable", "-o", "250", "-u", "eth0"};

TEST_F(Configured, EnableWritesAFileAndDisableRemovesIt) {
  Ran ran = in_folder(enable);
  EXPECT_EQ(ran.status, 0) << ran.err;
  const std::string path = only_file();
  EXPECT_EQ(path, file("250.0.0.0-8_eth0-16.yaml"));
  EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms(0644));
  EXPECT_THAT(read_text(path), HasSubstr("  fan-250:\n    overlay: 250.0.0.0/8\n    underlay: eth0/16\n"
                                         "    encapsulation: vxlan\n"));
  EXPECT_THAT(run(world, {"show"}).out, HasSubstr("auto bridge fan-250 type vxlan"));
  EXPECT_EQ(in_folder({"apply", "--check"}).status, 0);

  std::vector<std::string> with_dhcp = enable;
  with_dhcp.emplace_back("--dhcp");
  EXPECT_EQ(in_folder(with_dhcp).status, 0);
  EXPECT_THAT(read_text(only_file()), HasSubstr("    dhcp: true\n"));
  EXPECT_THAT(run(world, {"show"}).out, HasSubstr("dhcp host-reserve 1 auto bridge fan-250 type vxlan"));

  ran = in_folder(disable);
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_TRUE(std::filesystem::is_empty(folder));
  EXPECT_THAT(run(world, {"show"}).out, Not(HasSubstr("fan-250")));
  ran = in_folder(disable);
  EXPECT_EQ(ran.status, 10);
  EXPECT_THAT(ran.err, HasSubstr("this fan is not enabled: there is no " + path));
}

TEST_F(Configured, EnableThatFailsLeavesTheFileAsItWas) {
  EXPECT_EQ(in_folder({"enable", "-o", "250", "-u", "eth7/16"}).status, 3);
  EXPECT_TRUE(std::filesystem::is_empty(folder));
  ASSERT_EQ(in_folder(enable).status, 0);
  const std::string before = read_text(only_file());
  std::vector<std::string> impossible = enable;
  impossible.insert(impossible.end(), {"--host-reserve", "1000"});
  EXPECT_EQ(in_folder(impossible).status, 2);
  EXPECT_EQ(read_text(only_file()), before);
  EXPECT_EQ(in_folder({"apply", "--check"}).status, 0);
}

TEST_F(Configured, FilesOfOthersAreLeftAlone) {
  write("250.0.0.0-8_eth0-16.yaml", "version: 1\n");
  for (const auto& words : {enable, disable}) {
    const Ran ran = in_folder(words);
    EXPECT_EQ(ran.status, 3);
    EXPECT_THAT(ran.err, HasSubstr("was not written by fanctl, so it is left as it is"));
  }
  EXPECT_EQ(read_text(only_file()), "version: 1\n");
  std::filesystem::remove(only_file());
  write("mine.yaml", "version: 1\nfans: {mine: {overlay: 250, underlay: eth0}}\n");
  const Ran ran = in_folder(enable);
  EXPECT_EQ(ran.status, 3);
  EXPECT_THAT(ran.err, HasSubstr("this fan is in " + file("mine.yaml") + " already"));
  EXPECT_EQ(only_file(), file("mine.yaml"));
  EXPECT_EQ(world.host.transactions, 0U);
}

// Each would be an error of one of the files for the next `apply`.
TEST_F(Configured, EnableRefusesWhatAnotherFileHas) {
  ASSERT_EQ(in_folder(enable).status, 0);
  const std::string first = only_file();
  for (const std::vector<std::string>& other : std::vector<std::vector<std::string>>{
           {"-o", "250", "-u", "172.30.0.0/16"},
           {"-o", "250", "-u", "172.30.0.28/16"},
           {"-o", "250", "-u", "172.30.0.28/16", "--bridge", "other"},
       }) {
    std::vector<std::string> words{"enable"};
    words.insert(words.end(), other.begin(), other.end());
    const Ran ran = in_folder(words);
    EXPECT_EQ(ran.status, 3) << other[3];
    EXPECT_THAT(ran.err, HasSubstr("this fan is in " + first + " already")) << other[3];
    EXPECT_EQ(only_file(), first);
  }
  const Ran named = in_folder({"enable", "-o", "251", "-u", "eth0/16", "--bridge", "fan-250"});
  EXPECT_EQ(named.status, 3);
  EXPECT_THAT(named.err, HasSubstr("fan-250 is the name of another fan in " + first));
  EXPECT_EQ(only_file(), first);
  EXPECT_EQ(in_folder({"apply", "--check"}).status, 0);
}

// Who was trying a fan out and keeps it does not have to take it down.
TEST_F(Configured, EnableTakesOverWhatWasBroughtUpByHand) {
  ASSERT_EQ(run(world, {"up", "-o", "250", "-u", "eth0"}).status, 0);
  LinkFact port;
  port.ifindex = 100;
  port.name = "veth1";
  port.kind = "veth";
  world.host.base.links.push_back(port);
  world.host.base.links.back().master = world.host.facts()->link("fan-250-0-28")->ifindex;
  std::vector<std::string> with_reserve = enable;
  with_reserve.insert(with_reserve.end(), {"--host-reserve", "2"});
  Ran ran = in_folder(with_reserve);
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(read_text(only_file()), HasSubstr("  fan-250-0-28:\n    overlay: 250.0.0.0/8\n"));
  EXPECT_THAT(run(world, {"show"}).out, HasSubstr("fan-250-0-28     250.0.0.0/8          172.30.0.28/16       "
                                                  "host-reserve 2 auto"));
  EXPECT_EQ(in_folder({"apply", "--check"}).status, 0);
  EXPECT_EQ(in_folder(with_reserve).status, 0) << "once more";
  EXPECT_EQ(in_folder(disable).status, 11) << "the port is attached yet";
  world.host.base.links.pop_back();
  EXPECT_EQ(in_folder(disable).status, 0);
  EXPECT_TRUE(std::filesystem::is_empty(folder));
}

// The file in which it failed is as it was: no line of it is pointed at.
TEST_F(Configured, EnablePointsIntoNoFileThatIsGone) {
  ASSERT_EQ(run(world, {"up", "-o", "250", "-u", "eth0"}).status, 0);
  const Ran ran = in_folder({"enable", "-o", "250", "-u", "eth0", "--bridge", "fan-250"});
  EXPECT_EQ(ran.status, 3);
  EXPECT_THAT(ran.err, HasSubstr("a bridge is not renamed while it is up"));
  EXPECT_THAT(ran.err, Not(HasSubstr(folder)));
  EXPECT_TRUE(std::filesystem::is_empty(folder));
}

TEST_F(Configured, EnableNeedsPrivilegeBeforeItWrites) {
  world.refusal = Error{};
  world.refusal->kind = ErrorClass::privilege;
  world.refusal->message = "this process lacks CAP_NET_ADMIN";
  EXPECT_EQ(in_folder(enable).status, 4);
  EXPECT_TRUE(std::filesystem::is_empty(folder));
  EXPECT_EQ(in_folder({"enable", "250", "eth0", "off"}).status, 2);
}

// No record could hold the path: no folder is made for it, and no file written that nothing reads.
TEST_F(Configured, EnableAndImportMakeNothingWhereNoRecordCanPoint) {
  const std::string odd = folder + "/a b";
  std::vector<std::string> words = enable;
  words.insert(words.end(), {"--dir", odd + "/c"});
  const Ran ran = run(world, words);
  EXPECT_EQ(ran.status, 3);
  EXPECT_THAT(ran.err, HasSubstr("cannot be recorded with a fan"));
  write("fan", "250.0.0.0/8 eth0/16\n");
  EXPECT_EQ(run(world, {"import", file("fan"), "--write", "--dir", odd}).status, 3);
  EXPECT_FALSE(std::filesystem::exists(odd));
}

// It would be called so in messages only.
TEST_F(Configured, ANetworkHasNoBridgeToName) {
  const Ran ran = in_folder({"enable", "-o", "250", "-u", "172.30.0.0/16", "--bridge", "lan"});
  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, HasSubstr("--bridge names one"));
  EXPECT_TRUE(std::filesystem::is_empty(folder));
  write("fan", "250.0.0.0/8 172.30.0.0/16 bridge lan\n");
  const Ran imported = run(world, {"import", file("fan")});
  EXPECT_EQ(imported.status, 0);
  EXPECT_THAT(imported.err, HasSubstr("fan, line 1: bridge 'lan' is left out"));
}

// Who may not look is told so, once, and no line is blamed.
TEST_F(Configured, ADryRunThatMayNotLookIsRefusedAsAWhole) {
  struct Hidden : MemoryWorld {
    struct Provider : ForwardingProvider {
      using ForwardingProvider::ForwardingProvider;
      Result<ObservedSet> observe(const Scope& /*scope*/) override {
        return make_error(ErrorClass::privilege, "not allowed", "run it as root");
      }
    };
    Result<fan::Provider*> provider() override { return &hidden; }
    Provider hidden{host};
  } hidden;
  write("a.yaml",
        "version: 1\nfans:\n  one: {overlay: 250, underlay: eth0/16}\n  two: {overlay: 241, underlay: eth0/16}\n");
  write("fan", "250.0.0.0/8 eth0/16\n241.0.0.0/8 eth0/16\n");
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"apply", "--dry-run", "--dir", folder},
                                             {"apply", "--check", "--dir", folder},
                                             {"show", "--diff", "--dir", folder},
                                             {"up", "-a", "--dry-run", "--config", file("fan")}}) {
    const Ran ran = run(hidden, words);
    EXPECT_EQ(ran.status, 4) << words[0];
    const std::size_t first = ran.err.find("not allowed");
    EXPECT_NE(first, std::string::npos) << words[0] << ran.err;
    EXPECT_EQ(ran.err.find("not allowed", first + 1), std::string::npos) << ran.err;
  }
}

TEST_F(Configured, FanaticIsEnableDisableAndShow) {
  const auto fanatic = [&](const std::vector<std::string>& words) {
    cli::Console console;
    const auto status = static_cast<int>(cli::run_fanatic(words, world, console));
    return Ran{status, console.out, console.err};
  };
  EXPECT_EQ(fanatic({"enable-fan", "-u", "eth0/16", "-o", "250", "--dir", folder}).status, 0);
  EXPECT_THAT(fanatic({"show"}).out, HasSubstr("fan-250"));
  EXPECT_EQ(fanatic({"disable-fan", "-u", "eth0/16", "-o", "250", "--dir", folder}).status, 0);
  EXPECT_TRUE(std::filesystem::is_empty(folder));
  EXPECT_EQ(fanatic({}).status, 2);
  EXPECT_THAT(fanatic({"--help"}).out, HasSubstr("usage: fanatic enable-fan"));
  EXPECT_THAT(fanatic({"--version"}).out, HasSubstr("fanatic "));
  const Ran wrong = fanatic({"enable-docker"});
  EXPECT_EQ(wrong.status, 2);
  EXPECT_THAT(wrong.err, HasSubstr("unknown command 'enable-docker'"));
}

TEST_F(Configured, ImportPrintsWhatUbuntuFanHas) {
  write("fan", "# fan 240\n10.0.0.0/8 eth0/16 dhcp\n10.0.0.0/8 eth1/16 dhcp off\n241.0.0.0/8 eth0/16 dhpc\n"
               "242 eth0\n242 eth1\n");
  write("ubuntu-fan", "# settings\nENABLED=yes\n");
  Ran ran = run(world, {"import", file("fan"), file("ubuntu-fan")});
  EXPECT_EQ(ran.status, 7);
  EXPECT_EQ(ran.out,
            "version: 1\nfans:\n"
            "  # " +
                file("fan") +
                ", line 2\n"
                "  fan-10:\n    overlay: 10.0.0.0/8\n    underlay: eth0/16\n    encapsulation: ipip\n    dhcp: true\n"
                "  # " +
                file("fan") +
                ", line 3\n"
                "#   fan-10:\n#     overlay: 10.0.0.0/8\n#     underlay: eth1/16\n#     encapsulation: ipip\n"
                "#     dhcp: true\n"
                "  # " +
                file("fan") +
                ", line 5\n"
                "  fan-242:\n    overlay: 242\n    underlay: eth0\n    encapsulation: ipip\n"
                "  # " +
                file("fan") +
                ", line 6\n"
                "  fan-242-2:\n    overlay: 242\n    underlay: eth1\n    encapsulation: ipip\n");
  EXPECT_THAT(ran.err, HasSubstr("fan:4:21: unknown flag 'dhpc'"));
  EXPECT_THAT(ran.err, HasSubstr("'ENABLED=yes' has no meaning here"));
  ran = run(world, {"import", file("none")});
  EXPECT_EQ(ran.status, 3);
  EXPECT_THAT(ran.err, Not(HasSubstr("--config"))) << "which import does not have";
  EXPECT_THAT(run(world, {"up", "-a", "--config", file("none")}).err, HasSubstr("--config FILE"));
}

TEST_F(Configured, ImportWritesWhatApplyReads) {
  write("lxd", "config:\n  bridge.mode: fan\n  fan.overlay_subnet: 250.0.0.0/8\n"
               "  fan.underlay_subnet: 172.30.0.0/16\nname: lxdfan0\n");
  Ran ran = run(world, {"import", file("lxd"), "--write", "--dir", folder});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(ran.out, "");
  EXPECT_THAT(ran.err, HasSubstr(file("imported.yaml") + " is written"));
  EXPECT_EQ(world.host.transactions, 0U);
  ran = in_folder({"apply"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(run(world, {"show"}).out, HasSubstr("fan-250-0-28"));
  write("imported.yaml", "version: 1\n");
  EXPECT_EQ(run(world, {"import", file("lxd"), "--write", "--dir", folder}).status, 3);
  const cli::Json json = cli::Json::parse(run(world, {"import", "--json", file("lxd")}).out);
  const cli::Json schema = cli::Json::parse(read_text(std::string(SOURCE_DIR) + "/docs/schema/fanctl-1.json"));
  EXPECT_TRUE(complaints(schema, schema["$defs"]["import"], json, "", true).empty()) << json;
  EXPECT_TRUE(complaints(schema, schema, json, "", false).empty()) << json;
}

// Who then moves the old file away, as the note says, would lose the line that is wrong.
TEST_F(Configured, ImportWritesNothingWhenALineIsWrong) {
  write("fan", "250.0.0.0/8 eth0/16\n251.0.0.0/8 eth0/16 dhpc\n");
  const Ran ran = run(world, {"import", file("fan"), "--write", "--dir", folder});
  EXPECT_EQ(ran.status, 7);
  EXPECT_EQ(ran.out, "");
  EXPECT_THAT(ran.err, HasSubstr(file("imported.yaml") + " is not written"));
  EXPECT_THAT(ran.err, Not(HasSubstr("move /etc/network/fan away")));
  EXPECT_FALSE(std::filesystem::exists(file("imported.yaml")));
}

// The host is asked as often for many fans, in however many files, as for one of each name.
TEST_F(Configured, AConfigurationAsksForTheDevicesOnce) {
  struct Counting : Devices {
    [[nodiscard]] std::vector<DeviceName> all() const override {
      ++lists;
      return {{"eth0", {}}};
    }
    [[nodiscard]] Result<std::optional<std::string>> of_netplan_id(const std::string& id) const override {
      asked.push_back(id);
      return id == "lan" ? std::optional<std::string>("eth0") : std::nullopt;
    }
    mutable std::size_t lists = 0;
    mutable std::vector<std::string> asked;
  } devices;
  for (int n = 0; n < 20; ++n) {
    const std::string device = n % 3 == 0 ? "eth0" : (n % 3 == 1 ? "lan" : "gone0");
    write(std::to_string(n) + ".yaml", "version: 1\nfans:\n  f" + std::to_string(n) + ": {overlay: 10." +
                                           std::to_string(n) + ".0.0/16, underlay: " + device + "/24}\n");
  }
  const auto read = cli::read_configuration_files({{}, folder}, devices);
  ASSERT_TRUE(read);
  ASSERT_EQ(read->configuration.wanted.size(), 20U) << read->errors.size();
  EXPECT_EQ(read->configuration.wanted[1].spec.underlay.device, "eth0");
  EXPECT_EQ(devices.lists, 1U);
  std::sort(devices.asked.begin(), devices.asked.end());
  EXPECT_EQ(devices.asked, (std::vector<std::string>{"gone0", "lan"}));
}

TEST_F(Configured, ImportTakesAFanThatIsSaidTwiceOnce) {
  write("fan", "250.0.0.0/8 eth0/16 dhcp\n250 eth0 dhcp # again\n");
  Ran ran = run(world, {"import", file("fan"), "--write", "--dir", folder});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.err, HasSubstr("fan, line 2: says what is said before"));
  EXPECT_EQ(in_folder({"apply"}).status, 0);
  write("other", "250.0.0.0/8 eth0/16 dhcp\n250.0.0.0/8 eth0/16\n");
  ran = run(world, {"import", file("other")});
  EXPECT_EQ(ran.status, 7);
  EXPECT_THAT(ran.err,
              HasSubstr("other:2: this fan is said before, with other options: " + file("other") + ", line 1"));
}

TEST_F(Configured, DiffIsObjectByObject) {
  write("a.yaml", "version: 1\nfans:\n  one: {overlay: 250, underlay: eth0/16}\n");
  Ran ran = in_folder({"show", "--diff"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("one\n  + "));
  EXPECT_THAT(ran.out, Not(HasSubstr("  - bridge")));
  EXPECT_EQ(in_folder({"show", "--diff", "--check"}).status, 9);
  EXPECT_EQ(world.host.transactions, 0U);
  ASSERT_EQ(in_folder({"apply"}).status, 0);
  EXPECT_EQ(in_folder({"show", "--diff"}).out, "");
  EXPECT_EQ(in_folder({"show", "--diff", "--check"}).status, 0);
  write("a.yaml", "version: 1\nfans:\n  one: {overlay: 250, underlay: eth0/16, mtu: 1300}\n");
  write("b.yaml", "version: 1\nfans: {two: {overlay: 241}}\n");
  ran = in_folder({"show", "--diff"});
  EXPECT_EQ(ran.status, 7);
  EXPECT_THAT(ran.out, HasSubstr("  - bridge one"));
  EXPECT_THAT(ran.out, HasSubstr("  + bridge one"));
  EXPECT_THAT(ran.err, HasSubstr("b.yaml:2:13: underlay is missing"));
  EXPECT_THAT(run(world, {"show", "--diff", file("a.yaml")}).out, HasSubstr("mtu 1300"));
  EXPECT_EQ(run(world, {"show", "--dir", folder}).status, 2);
  EXPECT_EQ(run(world, {"show", "--diff", "--stats"}).status, 2);
}

// One place matches them, whatever the command.
TEST_F(Configured, AFanIsNamedByBridgeOverlaySliceOrPair) {
  write("a.yaml",
        "version: 1\nfans:\n  one: {overlay: 250, underlay: eth0/16}\n  two: {overlay: 241, underlay: eth0/16}\n");
  ASSERT_EQ(in_folder({"apply"}).status, 0);
  const std::vector<std::vector<std::string>> names{
      {"one"},
      {"250"},
      {"250.0.0.0/8"},
      {"250.0.28.0/24"},
      {"250", "eth0/16"},
      {"-o", "250", "-u", "eth0"},
      {"250", "172.30.0.28"},
      {"250", "172.30.0.0/16"},
  };
  for (const auto& name : names) {
    for (const char* command : {"show", "down"}) {
      std::vector<std::string> words{command};
      words.insert(words.end(), name.begin(), name.end());
      const Ran ran = run(world, words);
      EXPECT_EQ(ran.status, 0) << command << " " << name.front() << ": " << ran.err;
      EXPECT_THAT(ran.out, Not(HasSubstr("two")));
    }
    EXPECT_THAT(run(world, {"show"}).out, Not(HasSubstr("bridge one"))) << name.front();
    ASSERT_EQ(in_folder({"apply"}).status, 0);
  }
  for (const char* name : {"one", "250", "250.0.28.0/24"}) {
    const Ran ran = run(world, {"explain", "250.0.27.2", name});
    EXPECT_THAT(ran.out, HasSubstr("172.30.0.28 -> 172.30.0.27")) << name << ran.err;
  }
  EXPECT_THAT(run(world, {"explain", "250.0.27.2", "two"}).out, HasSubstr("outside"));
  for (const char* name : {"three", "25", "251", "250.0.27.0/24", "", "one "}) {
    for (const char* command : {"show", "down"}) {
      EXPECT_EQ(run(world, {command, name}).status, 10) << command << " " << name;
    }
  }
}

} // namespace
} // namespace fan::test
