// Many fanctls at once in one network namespace, and one that is killed while it holds the lock.
#include <signal.h>

#include <list>

#include <gtest/gtest.h>

#include "netns/config_folder.h"
#include "support/snapshot.h"
#include "support/topology.h"

namespace fan::test {
namespace {

Argv fanctl_line(const Argv& words) {
  Argv argv{fanctl_path()};
  argv.insert(argv.end(), words.begin(), words.end());
  return argv;
}

class Race : public testing::Test {
protected:
  Race() : host_(underlay_.host("172.30.0.27/16")) {
    options_.netns = &host_;
    folder_.write("fans.yaml", yaml_fan("c", "242.0.0.0/8", ", encapsulation: vxlan"));
  }

  [[nodiscard]] bool is_up(const std::string& overlay) const { return host_.run(fanctl_line({"show", overlay})).ok(); }
  void expect_whole() const {
    const Outcome shown = host_.run(fanctl_line({"show", "--check", "-v"}));
    EXPECT_TRUE(shown.ok()) << shown.out << shown.err;
  }

  // Stands still in the middle of its changes, with the lock.
  Background holder() const {
    Argv argv{"strace", "-qq", "-o", "/dev/null", "-e", "trace=unlink,bpf", "-e", "inject=bpf:delay_enter=60s:when=40"};
    for (const std::string& word : fanctl_line({"up", "250.0.0.0/8", "eth0/16", "type", "vxlan"})) {
      argv.push_back(word);
    }
    Background held(argv, options_);
    EXPECT_TRUE(eventually([&] { return host_.fanctl({"down", "-e", "--wait", "0"}).status == 6; }));
    return held;
  }

  Underlay underlay_{NoForgers()};
  Host& host_;
  RunOptions options_;
  ConfigFolder folder_;
};

struct Tally {
  int ups = 0;
  int downs = 0; // those that found it up
};

// What a serial order can come to: as often down as up at most, and there is no fan only if somebody took it down.
void expect_serial(const Tally& tally, bool up) {
  EXPECT_LE(tally.downs, tally.ups);
  EXPECT_TRUE(up || tally.downs > 0);
  EXPECT_TRUE(!up || tally.ups > 0);
}

TEST_F(Race, OfFiftyEndsAsSomeOrderOfThemWould) {
  const Snapshot before = snapshot(host_);
  const std::vector<Argv> lines{{"up", "250.0.0.0/8", "eth0/16", "type", "vxlan"},
                                {"up", "241.0.0.0/8", "eth0/16", "type", "vxlan"},
                                {"down", "250.0.0.0/8", "eth0/16"},
                                {"show", "--json"},
                                {"up", "250.0.0.0/8", "eth0/16", "type", "vxlan", "mtu", "1400"},
                                {"apply", "--dir", folder_.path()},
                                {"down", "241.0.0.0/8", "eth0/16"},
                                {"show"}};
  std::list<std::pair<Argv, Background>> running;
  for (std::size_t n = 0; n < 50; ++n) {
    Argv line = lines[n % lines.size()];
    if (line.front() != "show") {
      line.insert(line.end(), {"--wait", "200"});
    }
    running.emplace_back(line, Background(fanctl_line(line), options_));
  }
  std::map<std::string, Tally> tallies; // by overlay
  for (auto& [line, process] : running) {
    const int status = process.wait(std::chrono::seconds(250));
    EXPECT_TRUE(status == 0 || (line[0] == "down" && status == 10)) << line[0] << ": " << status << "\n"
                                                                    << process.output();
    tallies[line.size() > 1 ? line[1] : ""].ups += line[0] == "up" && status == 0 ? 1 : 0;
    tallies[line.size() > 1 ? line[1] : ""].downs += line[0] == "down" && status == 0 ? 1 : 0;
  }
  for (const char* overlay : {"250.0.0.0/8", "241.0.0.0/8"}) {
    expect_serial(tallies[overlay], is_up(overlay));
  }
  EXPECT_TRUE(is_up("242.0.0.0/8"));
  expect_whole();
  host_.fanctl_must({"down", "-e"});
  EXPECT_EQ(difference(before, snapshot(host_)), "");
}

TEST_F(Race, AHolderThatIsKilledLetsTheNextOneIn) {
  Background held = holder();
  Background next(fanctl_line({"up", "250.0.0.0/8", "eth0/16", "type", "vxlan", "--wait", "200"}), options_);
  EXPECT_FALSE(eventually([&] { return !next.running(); }, std::chrono::milliseconds(300))) << next.output();
  kill(-held.pid(), SIGKILL); // strace and fanctl
  EXPECT_EQ(next.wait(std::chrono::seconds(200)), 0) << next.output();
  expect_whole();
}

TEST_F(Race, EveryCommandThatChangesWaitsAsLongAsItIsTold) {
  Background held = holder();
  const std::vector<Argv> lines{{"up", "241.0.0.0/8", "eth0/16", "type", "vxlan"},
                                {"down", "-e"},
                                {"apply", "--dir", folder_.path()},
                                {"try", "--dir", folder_.path()},
                                {"enable", "-o", "243.0.0.0/8", "-u", "eth0/16", "--dir", folder_.path()},
                                {"docker", "enable", "--file", folder_.file("daemon.json")}};
  for (Argv line : lines) {
    for (const char* seconds : {"0", "1"}) {
      Argv waiting = line;
      waiting.insert(waiting.end(), {"--wait", seconds});
      const Outcome refused = host_.run(fanctl_line(waiting));
      EXPECT_EQ(refused.status, 6) << describe(waiting, refused);
      EXPECT_NE(refused.err.find("--wait"), std::string::npos) << refused.err;
    }
  }
  EXPECT_TRUE(held.running()) << "none of them waited for it";
  EXPECT_FALSE(std::filesystem::exists(folder_.file("daemon.json")));
  EXPECT_FALSE(std::filesystem::exists(folder_.file("243.0.0.0-8_eth0-16.yaml"))) << "nothing is half done";
}

} // namespace
} // namespace fan::test
