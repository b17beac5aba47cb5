// Many fanctls at once in one network namespace, and one that is killed while it holds the lock.
#include <signal.h>

#include <algorithm>
#include <list>
#include <map>
#include <optional>

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

// One of those that ran at once, and how it ended.
struct Ran {
  Argv line;
  int status = 0;
};
using Order = std::vector<Ran>;

bool is(const Ran& ran, const char* verb, int status) {
  return ran.line.front() == verb && ran.status == status;
}

// A serial order of the commands about one overlay that ends with `last`, or with a `down` where there is none: a down
// that found nothing comes before every up, and each other one behind an up. Nothing: there is no such order.
std::optional<Order> order_of(Order all, const std::optional<Argv>& last) {
  Order ups;
  Order downs;
  Order order;
  for (Ran& ran : all) {
    (is(ran, "up", 0) ? ups : is(ran, "down", 0) ? downs : order).push_back(std::move(ran));
  }
  if (last) {
    const auto found = std::find_if(ups.begin(), ups.end(), [&](const Ran& ran) { return ran.line == *last; });
    if (found == ups.end()) {
      return std::nullopt;
    }
    std::rotate(found, found + 1, ups.end());
  }
  if (ups.size() < downs.size() + (last ? 1 : 0) || (!last && downs.empty() && !ups.empty())) {
    return std::nullopt;
  }
  // As many ups behind one another as there are too many, and then by turns.
  while (ups.size() > downs.size() + (last ? 1 : 0)) {
    order.push_back(std::move(ups.front()));
    ups.erase(ups.begin());
  }
  for (std::size_t n = 0; n < ups.size(); ++n) {
    order.push_back(std::move(ups[n]));
    if (n < downs.size()) {
      order.push_back(std::move(downs[n]));
    }
  }
  return order;
}

// What a host is like: the kernel's objects, and what fanctl says of them. Elements of a set have no order.
struct State {
  Snapshot kernel;
  std::string shown;
};

State state_of(const Host& host) {
  State state{{}, host.fanctl_must({"show", "--json"})};
  for (const std::string& line : snapshot(host).lines) {
    if (!line.starts_with("nft: ")) {
      state.kernel.lines.push_back(line);
      continue;
    }
    // nft breaks a set's lines where it likes: each element is a line here.
    for (std::size_t at = 0; at < line.size();) {
      const std::size_t end = std::min(line.find_first_of(",{}", at), line.size());
      const std::string part = line.substr(at, end - at);
      if (const std::size_t first = part.find_first_not_of(" \t"); first != std::string::npos) {
        state.kernel.lines.push_back("nft: " + part.substr(first, part.find_last_not_of(' ') + 1 - first));
      }
      at = end + 1;
    }
  }
  return state;
}

const Argv plain{"up", "250.0.0.0/8", "eth0/16", "type", "vxlan"};
const Argv smaller{"up", "250.0.0.0/8", "eth0/16", "type", "vxlan", "mtu", "1400"};
const Argv other{"up", "241.0.0.0/8", "eth0/16", "type", "vxlan"};

TEST_F(Race, OfFiftyEndsAsSomeOrderOfThemDoes) {
  const Snapshot before = snapshot(host_);
  const std::vector<Argv> lines{plain,
                                other,
                                {"down", "250.0.0.0/8", "eth0/16"},
                                {"show", "--json"},
                                smaller,
                                {"apply", "--dir", folder_.path()},
                                {"down", "241.0.0.0/8", "eth0/16"},
                                {"show"}};
  std::list<std::pair<Argv, Background>> running;
  for (std::size_t n = 0; n < 50; ++n) {
    Argv line = lines[n % lines.size()];
    if (line.front() != "show") {
      line.insert(line.end(), {"--wait", "200"});
    }
    running.emplace_back(lines[n % lines.size()], Background(fanctl_line(line), options_));
  }
  std::map<std::string, Order> ran; // by overlay
  for (auto& [line, process] : running) {
    const int status = process.wait(std::chrono::seconds(250));
    EXPECT_TRUE(status == 0 || (line[0] == "down" && status == 10)) << line[0] << ": " << status << "\n"
                                                                    << process.output();
    ran[line[0] == "up" || line[0] == "down" ? line[1] : ""].push_back({line, status});
  }
  expect_whole();
  const State raced = state_of(host_);
  // How the two fans ended; `apply` and `show` are always told the same.
  std::optional<Argv> last;
  if (is_up("250.0.0.0/8")) {
    last = link_field(host_, "fan-250-0-27", "mtu") == "1400" ? smaller : plain;
  }
  const auto first = order_of(ran["250.0.0.0/8"], last);
  const auto second = order_of(ran["241.0.0.0/8"], is_up("241.0.0.0/8") ? std::optional(other) : std::nullopt);
  ASSERT_TRUE(first && second) << "no order of them ends so";
  host_.fanctl_must({"down", "-e"});
  EXPECT_EQ(difference(before, snapshot(host_)), "");
  for (const Order& order : {ran[""], *first, *second}) {
    for (const Ran& one : order) {
      const Outcome again = host_.run(fanctl_line(one.line));
      EXPECT_EQ(again.status, one.status) << describe(one.line, again);
    }
  }
  const State serial = state_of(host_);
  EXPECT_EQ(difference(serial.kernel, raced.kernel), "");
  EXPECT_EQ(serial.shown, raced.shown);
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
