// fanctl try on the real kernel: whatever happens to it, the host is as it was unless somebody confirmed.
#include <algorithm>
#include <csignal>
#include <fstream>
#include <map>
#include <sstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config_folder.h"
#include "fan_pair.h"
#include "held_lock.h"
#include "support/snapshot.h"
#include "writes.h"

namespace fan::test {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr int reverted = 12;

class Try : public ::testing::Test {
protected:
  Underlay underlay;
  Host& host = underlay.host("172.30.0.27/16");
  ConfigFolder folder;

  // `one` and a fan that was brought up by hand are up; the files want `one` changed, and `two` too.
  void SetUp() override {
    EXPECT_TRUE(eventually([&] { return link_field(host, "eth0", "state") == "UP"; })); // a veth's carrier comes late
    folder.write("a.yaml", yaml_fan("one", "250.0.0.0/8", ", host-reserve: 2"));
    host.fanctl_must({"apply", "--dir", folder.path()});
    host.fanctl_must({"up", "-o", "243.0.0.0/8", "-u", "eth0/16"});
    before = snapshot(host);
    folder.write("a.yaml", yaml_fan("one", "250.0.0.0/8", ", mtu: 1300"));
    folder.write("b.yaml", yaml_fan("two", "241.0.0.0/8"));
  }

  [[nodiscard]] Background start(const std::string& timeout = "60") const {
    RunOptions options;
    options.netns = &host;
    return {{fanctl_path(), "try", "--dir", folder.path(), "--timeout", timeout}, options};
  }
  [[nodiscard]] bool is_up(const char* bridge) const {
    return host.fanctl({"show"}).out.find(std::string("bridge ") + bridge) != std::string::npos;
  }
  [[nodiscard]] bool is_as_before() const { return difference(before, snapshot(host)).empty(); }
  void expect_reverted() const {
    EXPECT_TRUE(eventually([&] { return is_as_before(); }, std::chrono::seconds(30)))
        << difference(before, snapshot(host));
    EXPECT_EQ(host.fanctl({"try", "--confirm"}).status, 10);
  }

  // A trial under strace, which does not follow the process that reverts; and what strace saw.
  [[nodiscard]] std::pair<Outcome, std::string> traced(const Argv& more, const std::string& timeout) const {
    Argv argv{"strace", "-qq", "-s", "64", "-o", folder.file("trace"), "-e", "trace=sendto,sendmsg,bpf"};
    argv.insert(argv.end(), more.begin(), more.end());
    argv.insert(argv.end(), {fanctl_path(), "try", "--dir", folder.path(), "--timeout", timeout});
    const Outcome outcome = host.run(argv);
    std::ifstream file(folder.file("trace"));
    return {outcome, {std::istreambuf_iterator<char>(file), {}}};
  }

  // The n-th call of its name, counted from 1.
  struct Call {
    std::string name;
    unsigned nth;
  };
  // Those that change something.
  [[nodiscard]] std::vector<Call> writes_of_a_trial() const {
    const auto [outcome, trace] = traced({}, "1");
    EXPECT_EQ(outcome.status, reverted) << outcome.err;
    expect_reverted();
    std::map<std::string, unsigned> counts;
    std::vector<Call> found;
    std::istringstream lines(trace);
    for (std::string line; std::getline(lines, line);) {
      const std::string name = line.substr(0, line.find('('));
      const unsigned nth = ++counts[name];
      if (!writes_in(line).empty()) {
        found.push_back({name, nth});
      }
    }
    return found;
  }

  // Of the last call in it nothing came, as the process was killed.
  static bool has_changed_the_host(const std::string& trace) {
    std::vector<std::string> writes = writes_in(trace);
    if (!writes.empty()) {
      writes.pop_back();
    }
    return std::any_of(writes.begin(), writes.end(),
                       [](const std::string& line) { return line.find("RTM_") != std::string::npos; });
  }

  Snapshot before;
};

constexpr const char* asks = "Run `fanctl try --confirm` to keep this";

TEST_F(Try, ConfirmedFromElsewhereItStays) {
  Background trial = start();
  ASSERT_TRUE(trial.wait_for(asks)) << trial.output();
  EXPECT_THAT(trial.output(), HasSubstr("one: changed\ntwo: changed\n"));
  EXPECT_TRUE(is_up("two"));
  const Outcome second = host.fanctl({"try", "--dir", folder.path()});
  EXPECT_EQ(second.status, 6) << "one at a time";
  EXPECT_THAT(second.err, HasSubstr("another `fanctl try` is under way"));
  host.fanctl_must({"try", "--confirm"});
  EXPECT_EQ(trial.wait(), 0);
  EXPECT_THAT(trial.output(), HasSubstr("kept\n"));
  EXPECT_EQ(host.fanctl({"apply", "--check", "--dir", folder.path()}).status, 0);
  EXPECT_EQ(host.fanctl({"try", "--dir", folder.path()}).status, 0) << "nothing to try";
  EXPECT_EQ(host.fanctl({"try", "--confirm"}).status, 10);
}

// The first is held up where it has looked whether there is another, and has not yet said that it is there.
TEST_F(Try, OfTwoAtTheSameMomentOneBegins) {
  RunOptions options;
  options.netns = &host;
  Background first({"strace", "-qq", "-o", "/dev/null", "-e", "trace=?unlink,?unlinkat,?mknod,?mknodat", "-e",
                    "inject=?unlink,?unlinkat,?mknod,?mknodat:delay_enter=3000000:when=1", fanctl_path(), "try",
                    "--dir", folder.path(), "--timeout", "60"},
                   options);
  pause_for(std::chrono::seconds(1));
  Background second = start();
  ASSERT_TRUE(first.wait_for(asks)) << first.output();
  EXPECT_EQ(second.wait(std::chrono::seconds(60)), 6) << second.output();
  EXPECT_THAT(second.output(), HasSubstr("another `fanctl try` is under way"));
  host.fanctl_must({"try", "--confirm"});
  EXPECT_EQ(first.wait(), 0);
  EXPECT_TRUE(is_up("two"));
}

TEST_F(Try, ConfirmedByASignalItStays) {
  Background trial = start();
  ASSERT_TRUE(trial.wait_for(asks)) << trial.output();
  trial.signal(SIGUSR1);
  EXPECT_EQ(trial.wait(), 0);
  EXPECT_TRUE(is_up("two"));
}

TEST_F(Try, WithoutAWordItIsReverted) {
  Background trial = start("2");
  ASSERT_TRUE(trial.wait_for(asks)) << trial.output();
  EXPECT_TRUE(is_up("two"));
  EXPECT_EQ(trial.wait(), reverted);
  EXPECT_THAT(trial.output(), HasSubstr("reverted\n"));
  expect_reverted();
}

TEST_F(Try, InterruptedItIsRevertedAtOnce) {
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    Background trial = start();
    ASSERT_TRUE(trial.wait_for(asks)) << trial.output();
    trial.signal(number);
    EXPECT_EQ(trial.wait(), reverted) << number;
    expect_reverted();
  }
}

TEST_F(Try, KilledItIsReverted) {
  Background trial = start();
  ASSERT_TRUE(trial.wait_for(asks)) << trial.output();
  EXPECT_TRUE(is_up("two"));
  trial.signal(SIGKILL);
  EXPECT_EQ(trial.wait(), 128 + SIGKILL);
  expect_reverted();
}

TEST_F(Try, KilledInTheMiddleOfItsChangesItIsReverted) {
  const std::vector<Call> writes = writes_of_a_trial();
  constexpr std::size_t points = 10;
  ASSERT_GT(writes.size(), points);
  std::size_t half_done = 0; // with devices, addresses or routes changed already
  for (std::size_t n = 1; n <= points; ++n) {
    const Call& at = writes[writes.size() * n / (points + 1)];
    SCOPED_TRACE(fmt::format("{} {}", at.name, at.nth));
    const auto [outcome, trace] = traced({"-e", fmt::format("inject={}:signal=KILL:when={}", at.name, at.nth)}, "60");
    EXPECT_EQ(outcome.status, 128 + SIGKILL) << outcome.err;
    EXPECT_THAT(outcome.out, Not(HasSubstr(asks))) << "not all is done";
    half_done += has_changed_the_host(trace) ? 1 : 0;
    expect_reverted();
  }
  EXPECT_GE(half_done, points / 2);
}

TEST_F(Try, AFanThatCannotComeUpRevertsAll) {
  folder.write("c.yaml", "version: 1\nfans: {three: {overlay: 242, underlay: eth9/16}}\n");
  const Outcome outcome = host.fanctl({"try", "--dir", folder.path()});
  EXPECT_EQ(outcome.status, 7);
  EXPECT_THAT(outcome.err, HasSubstr("three: device 'eth9' does not exist"));
  EXPECT_THAT(outcome.out, HasSubstr("reverted\n"));
  expect_reverted();
}

// A container that came meanwhile does not keep a fan that goes, and a fan that was brought up by hand stays.
// Its time begins when it has its turn, and what others did before is theirs.
TEST_F(Try, WaitsForItsTurnBeforeItsTimeBegins) {
  HeldLock others(host);
  Background trial = start("1");
  pause_for(std::chrono::milliseconds(1500));
  EXPECT_EQ(trial.output(), "");
  others.release();
  ASSERT_TRUE(trial.wait_for(asks)) << trial.output();
  EXPECT_TRUE(is_up("two"));
  EXPECT_EQ(trial.wait(), reverted);
  expect_reverted();
}

TEST_F(Try, WhatWasSaidOfPortsIsSaidAgain) {
  const Container user(host, "one");
  host.fanctl_must(
      {"endpoint", "add", "--port", user.port(), "--address", "250.0.27.9", "--mac", user.mac().str(), "--secure"});
  host.fanctl_must({"broadcast", "reset", "--fan", "one"});
  const std::string listed =
      host.fanctl_must({"endpoint", "list"}) + host.fanctl_must({"broadcast", "list", "--fan", "one"});
  host.ip({"link set dev " + user.port() + " nomaster"}); // else the fan could not go
  folder.write("a.yaml", "version: 1\n");
  Background trial = start("1");
  ASSERT_TRUE(trial.wait_for(asks)) << trial.output();
  EXPECT_FALSE(is_up("one"));
  EXPECT_EQ(trial.wait(), reverted);
  host.ip({"link set dev " + user.port() + " master one"});
  EXPECT_EQ(host.fanctl_must({"endpoint", "list"}) + host.fanctl_must({"broadcast", "list", "--fan", "one"}), listed);
}

TEST_F(Try, WhatCameMeanwhile) {
  Background trial = start();
  ASSERT_TRUE(trial.wait_for(asks)) << trial.output();
  const Container user(host, "two");
  host.fanctl_must({"up", "-o", "245.0.0.0/8", "-u", "eth0/16"});
  trial.signal(SIGINT);
  EXPECT_EQ(trial.wait(), reverted);
  EXPECT_FALSE(is_up("two"));
  const std::string shown = host.fanctl_must({"show"});
  EXPECT_THAT(shown, HasSubstr("245.0.0.0/8"));
  EXPECT_THAT(shown, HasSubstr("host-reserve 2 auto bridge one"));
  host.fanctl_must({"show", "--check"});
}

// On a terminal, which script(1) makes, Enter keeps.
TEST_F(Try, OnATerminal) {
  const std::string command = fanctl_path() + " try --dir " + folder.path();
  RunOptions options;
  options.netns = &host;
  options.env = {"SHELL=/bin/sh"};
  const auto typed = [&](const char* keys) {
    options.input = keys;
    return host.run({"script", "-qefc", command, "/dev/null"}, options);
  };
  const Outcome entered = typed("\n");
  EXPECT_EQ(entered.status, 0) << entered.out << entered.err;
  EXPECT_THAT(entered.out, HasSubstr("Press Enter to keep this"));
  EXPECT_TRUE(is_up("two"));
}

TEST_F(Try, UsageErrors) {
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"try", "--timeout", "0"},
                                             {"try", "--timeout", "x"},
                                             {"try", "--timeout", "1", "--timeout", "2"},
                                             {"try", "--confirm", "--timeout", "1"},
                                             {"try", "--dri"}}) {
    EXPECT_EQ(host.fanctl(words).status, 2) << words.back();
  }
  EXPECT_TRUE(is_as_before());
}

} // namespace
} // namespace fan::test
