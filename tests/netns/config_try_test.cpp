// fanctl try on the real kernel: whatever happens to it, the host is as it was unless somebody confirmed.
#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config_folder.h"
#include "fan_pair.h"
#include "support/snapshot.h"

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
  for (int pause = 0; pause < 200; pause += 20) {
    Background trial = start();
    pause_for(std::chrono::milliseconds(pause));
    trial.signal(SIGKILL);
    (void)trial.wait();
    expect_reverted();
  }
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
