// fanctl fails, and is killed, at its system calls, one after the other. Afterwards the host is as it was or as it
// shall be; after a kill `up` makes the fan whole and `down` leaves nothing. Forged packets of every kind are sent all
// the while, and none comes to a container.
#include <functional>
#include <iostream>

#include <gtest/gtest.h>

#include <fmt/format.h>

#include "inject/calls.h"
#include "netns/config_folder.h"
#include "support/snapshot.h"
#include "support/topology.h"

namespace fan::test {
namespace {

constexpr const char* bridge = "fan-250-0-27";

// Points of a test, so that the whole level takes two minutes. There are more where there are more kinds of writes.
constexpr std::size_t most_failures = 40;
constexpr std::size_t most_kills = 40;
constexpr std::size_t most_signals = 36;
constexpr std::size_t most_of_apply = 40;
// At one point of so many, the state after it stands while every forged packet is sent.
constexpr std::size_t points_a_round = 10;

class Inject : public testing::Test {
protected:
  Inject() : a_(underlay_.host("172.30.0.27/16")), b_(underlay_.host("172.30.0.28/16")), empty_(quick_snapshot(a_)) {
    b_.fanctl_must({"up", "250.0.0.0/8", "eth0/16", "type", "vxlan"});
    a_.ip({fmt::format("link add c0 type veth peer name eth0 netns {}", container_.path()), "link set c0 up"});
    container_.ip({"addr add 250.0.27.2/24 dev eth0", "link set eth0 up", "route add default via 250.0.27.1"});
    watched_ = underlay_.forged().watch_container(container_);
    empty_ = quick_snapshot(a_);
  }

  [[nodiscard]] Outcome fanctl(const Argv& words) const { return a_.run(line(words)); }
  void must(const Argv& words) const {
    const Outcome outcome = fanctl(words);
    ASSERT_TRUE(outcome.ok()) << describe(words, outcome);
  }
  [[nodiscard]] static Argv line(const Argv& words) {
    Argv argv{fanctl_path()};
    argv.insert(argv.end(), words.begin(), words.end());
    return argv;
  }

  // Whoever is on a half-made bridge must not be reached either. False: there is none.
  [[nodiscard]] bool attach(const std::string& to) const {
    if (!a_.run({"ip", "link", "show", "dev", to}).ok()) {
      return false;
    }
    a_.must({"ip", "link", "set", "c0", "master", to});
    return true;
  }
  void detach() const { a_.must({"ip", "link", "set", "c0", "nomaster"}); }
  [[nodiscard]] bool is_attached(const std::string& to) const { return link_field(a_, "c0", "master") == to; }

  void expect_whole(const std::string& where) const {
    const Outcome shown = fanctl({"show", "--check", "-v"});
    EXPECT_TRUE(shown.ok() && shown.out.find(bridge) != std::string::npos) << where << "\n" << describe({}, shown);
  }
  void expect_empty(const std::string& where) const { expect_state(empty_, where); }
  void expect_state(const Snapshot& state, const std::string& where) const {
    const std::string differs = difference(state, quick_snapshot(a_));
    EXPECT_TRUE(differs.empty()) << where << "\n" << differs.substr(0, 1500);
  }
  void clear() const {
    detach();
    must({"down", "-e"});
  }

  // What is done at each point.
  struct Case {
    std::function<void()> prepare;
    Argv command;
    std::function<void()> make_whole; // after a kill
    std::string bridge;               // what the container is on
    // Whether it is on it while the command runs, and stays on it whatever becomes of the command. Else the bridge
    // comes or goes with the command.
    bool during = true;
    bool stays = true;
  };

  void prepare(const Case& one) const {
    one.prepare();
    if (one.during) {
      ASSERT_TRUE(attach(one.bridge));
    }
  }

  // After a command that did not come to its end, or may not have: the container is on the bridge that is left.
  void expect_container_unreached(const Case& one, const std::string& where) const {
    EXPECT_TRUE(!one.stays || is_attached(one.bridge)) << where;
    if (attach(one.bridge) && looks_++ % points_a_round == 0) {
      underlay_.forged().come_round();
      EXPECT_EQ(underlay_.forged().arrived(), "") << where;
    }
  }
  // What the tests compare with: the container is on no bridge, but was, which the kernel does not forget.
  [[nodiscard]] Snapshot state(const Case& one) const {
    (void)attach(one.bridge);
    detach();
    return quick_snapshot(a_);
  }

  std::vector<Call> calls(const Case& one) const {
    prepare(one);
    return calls_of(a_, line(one.command));
  }

  std::vector<Call> points(const Case& one, std::size_t most) const {
    const std::vector<Call> all = calls(one);
    EXPECT_GT(all.size(), 100U) << "strace sees what the command calls";
    EXPECT_LT(all.size(), 10000U) << "and it waits for nothing; the last one: " << all.back().name << " "
                                  << all.back().nth << ": " << all.back().text;
    std::vector<Call> chosen = selection(all, most);
    std::cout << chosen.size() << " of " << all.size() << " calls, FANCTL_INJECT_OFFSET=" << selection_offset()
              << std::endl;
    return chosen;
  }

  struct Point {
    Call call;
    Injected run;
  };

  // Of calls that wait for another process there are not always as many, so one can be missed. Then the command is
  // traced again, and the point is taken where the call is now.
  template <class Run>
  Point inject(const Case& one, Call call, Run run) const {
    for (int attempt = 1;; ++attempt) {
      prepare(one);
      Point point{call, run(a_, line(one.command), call)};
      if (point.run.happened() || attempt == attempts) {
        return point;
      }
      if (attempt > 1 && call.nth > 1) {
        --call.nth; // it was not reached though it was there: one before it is
      }
      if (const std::optional<Call> now = counterpart(call, calls(one))) {
        call = *now;
      }
    }
  }
  static constexpr int attempts = 5;

  static int failed_parts() {
    const testing::TestResult& result = *testing::UnitTest::GetInstance()->current_test_info()->result();
    int failed = 0;
    for (int n = 0; n < result.total_part_count(); ++n) {
      failed += result.GetTestPartResult(n).failed() ? 1 : 0;
    }
    return failed;
  }

  // Each point is planned, comes to pass, and is survived when `check` finds nothing wrong after it.
  template <class Run, class Check>
  void at_each(const Case& one, std::size_t most, Run run, Check check) const {
    const std::vector<Call> chosen = points(one, most);
    std::size_t injected = 0;
    std::size_t survived = 0;
    for (const Call& call : chosen) {
      const int before = failed_parts();
      const Point point = inject(one, call, run);
      EXPECT_TRUE(point.run.happened()) << "not reached: " << where(call, point.run.outcome);
      injected += point.run.happened() ? 1 : 0;
      check(point);
      survived += point.run.happened() && failed_parts() == before ? 1 : 0;
    }
    std::cout << chosen.size() << " planned, " << injected << " injected, " << survived << " survived" << std::endl;
    EXPECT_EQ(injected, chosen.size());
    EXPECT_EQ(survived, chosen.size());
  }

  static std::string where(const Call& call, const Outcome& outcome) {
    return fmt::format("{} {}: {}\nstatus {}: {}", call.name, call.nth, call.text.substr(0, 200), outcome.status,
                       outcome.err);
  }

  // Before main() it is the dynamic loader that fails.
  static bool is_loaders(const Outcome& outcome) {
    return outcome.status == 127 && outcome.err.find("error while loading shared libraries") != std::string::npos;
  }

  struct Ends {
    Snapshot before;
    Snapshot after;
  };
  Ends ends_of(const Case& one) const {
    prepare(one);
    Snapshot before = state(one);
    prepare(one);
    must(one.command);
    return {std::move(before), state(one)};
  }

  void fail_everywhere(const Case& one) const {
    const Ends ends = ends_of(one);
    at_each(one, most_failures, run_failing, [&](const Point& point) {
      const Outcome& outcome = point.run.outcome;
      EXPECT_TRUE(outcome.status < 126 || is_loaders(outcome)) << where(point.call, outcome);
      expect_container_unreached(one, where(point.call, outcome));
      detach();
      if (outcome.status == 7 && point.run.times > 1) {
        // It went on failing, so undoing failed as well, and said so.
        EXPECT_NE(outcome.err.find("undo failed"), std::string::npos) << where(point.call, outcome);
        one.make_whole();
        expect_whole(where(point.call, outcome));
        return;
      }
      expect_state(outcome.status == 0 ? ends.after : ends.before, where(point.call, outcome));
    });
    clear();
    expect_empty("in the end");
  }

  // A half-made fan is never shown as whole.
  void expect_shown_as_it_is(Argv command, const std::string& where) const {
    if (command.front() != "up") {
      return;
    }
    const Outcome shown = fanctl({"show", "--check"});
    command.insert(command.end(), {"--dry-run", "--json"});
    const bool is_whole = fanctl(command).out.find("\"key\"") == std::string::npos;
    EXPECT_TRUE(shown.status == 0 || shown.status == 8) << where << describe({}, shown);
    EXPECT_TRUE(is_whole || shown.status == 8 || shown.out.find(bridge) == std::string::npos) << where << shown.out;
  }

  // What is to hold after a signal: the command's outcome, whether it said that it was interrupted, and where.
  using Judge = std::function<void(const Outcome&, bool, const std::string&)>;

  void signal_everywhere(const Case& one, const std::string& signal, const Judge& judge) const {
    std::size_t interrupted = 0;
    const auto run = [&](const Netns& netns, const Argv& argv, const Call& call) {
      return run_signalled(netns, argv, call, signal);
    };
    at_each(one, most_signals, run, [&](const Point& point) {
      const Outcome& outcome = point.run.outcome;
      const std::string where_ = where(point.call, outcome);
      const bool says_so = outcome.err.find("interrupted by SIG" + signal) != std::string::npos;
      EXPECT_NE(outcome.status, 7) << where_;
      interrupted += says_so ? 1 : 0;
      expect_container_unreached(one, where_);
      detach();
      judge(outcome, says_so, where_);
    });
    EXPECT_GT(interrupted, 0U);
    clear();
  }

  // A signal that ends a command takes back what it had done.
  void signal_everywhere(const Case& one, const std::string& signal) const {
    const Ends ends = ends_of(one);
    signal_everywhere(one, signal, [&](const Outcome& outcome, bool says_so, const std::string& where_) {
      if (outcome.status > 128 && outcome.err.find("fanctl:") != std::string::npos) {
        EXPECT_TRUE(says_so) << where_;
      }
      expect_state(outcome.status == 0 ? ends.after : ends.before, where_);
    });
  }

  void kill_everywhere(const Case& one) const {
    std::size_t killed = 0;
    at_each(one, most_kills, run_killed, [&](const Point& point) {
      const std::string where_ = where(point.call, point.run.outcome);
      expect_container_unreached(one, where_);
      expect_shown_as_it_is(one.command, where_);
      if (++killed % 2 == 0) { // else straight down
        one.make_whole();
        expect_whole(where_);
      }
      clear();
      expect_empty(where_);
    });
  }

  Underlay underlay_;
  Host& a_;
  Host& b_;
  Netns container_;
  ForgedTraffic::Handle watched_;
  Snapshot empty_;
  mutable std::size_t looks_ = 0; // at states in which the container is on a bridge
  const ConfigFolder old_;        // what `apply` finds
  const ConfigFolder wanted_;     // and what it is asked for

  const Argv up_{"up", "250.0.0.0/8", "eth0/16", "type", "vxlan", "dhcp"};

  Case up() const {
    return {[this] { clear(); }, up_, [this] { must(up_); }, bridge, false, false};
  }
  Case down() const {
    return {[this] { must(up_); },
            {"down", "250.0.0.0/8", "eth0/16", "--force"},
            [this] { must(up_); },
            bridge,
            true,
            false};
  }
  Case repair() const {
    return {[this] {
              must(up_);
              a_.must({"ip", "link", "del", "fanvx8472"});
              a_.must({"ip", "link", "set", bridge, "alias", "mine"});
            },
            up_, [this] { must(up_); }, bridge};
  }
  // One fan changes, one comes, one goes.
  Case apply() const {
    old_.write("1.yaml", yaml_fan("a", "250.0.0.0/8", ", encapsulation: vxlan"));
    old_.write("2.yaml", yaml_fan("b", "241.0.0.0/8", ", encapsulation: vxlan"));
    wanted_.write("1.yaml", yaml_fan("a", "250.0.0.0/8", ", encapsulation: vxlan, mtu: 1400"));
    wanted_.write("2.yaml", yaml_fan("c", "242.0.0.0/8", ", encapsulation: vxlan"));
    return {[this] {
              clear();
              must({"apply", "--dir", old_.path()});
            },
            {"apply", "--dir", wanted_.path()},
            [this] {
              must({"apply", "--dir", wanted_.path()});
            },
            "a"};
  }
  // What comes to the same: one fan goes, one changes, one comes.
  std::vector<Argv> parts() const {
    return {{"down", "241.0.0.0/8"}, {"apply", wanted_.file("1.yaml")}, {"apply", wanted_.file("2.yaml")}};
  }
  // The host with some of these done: with each part of them, or only with the first ones.
  std::vector<Snapshot> states_between(const Case& one, const std::vector<Argv>& parts, bool in_order) const {
    std::vector<Snapshot> states;
    for (unsigned done = 0; done < 1U << parts.size(); ++done) {
      if (in_order && (done & (done + 1)) != 0) {
        continue;
      }
      prepare(one);
      for (std::size_t n = 0; n < parts.size(); ++n) {
        if ((done >> n & 1U) != 0) {
          must(parts[n]);
        }
      }
      states.push_back(state(one));
    }
    return states;
  }
  void expect_one_of(const std::vector<Snapshot>& states, const std::string& where) const {
    const Snapshot now = quick_snapshot(a_);
    std::string differs;
    for (const Snapshot& state : states) {
      const std::string one = difference(state, now);
      if (one.empty()) {
        return;
      }
      differs = differs.empty() || one.size() < differs.size() ? one : differs;
    }
    ADD_FAILURE() << where << "\nthe nearest state differs by\n" << differs.substr(0, 1500);
  }
};

// The control: without fanctl's programs and rules, what the others look for is there to be seen.
TEST_F(Inject, WhereNobodyKeepsThemOutForgedPacketsComeToTheContainer) {
  const ForgedTraffic::Handle open = underlay_.forged().doors_open();
  a_.set_sysctl("net/ipv4/ip_forward", "1");
  a_.ip({fmt::format("link add {} type bridge", bridge), fmt::format("addr add 250.0.27.1/24 dev {}", bridge),
         fmt::format("link set {} up", bridge)});
  ASSERT_TRUE(attach(bridge));
  EXPECT_TRUE(underlay_.forged().arrives("plain, ")) << underlay_.forged().arrived();
  detach();
  a_.ip({fmt::format("link del {}", bridge)});
}

TEST_F(Inject, UpFailsAtEachCall) {
  fail_everywhere(up());
}

TEST_F(Inject, UpIsKilledAtEachCall) {
  kill_everywhere(up());
}

TEST_F(Inject, DownFailsAtEachCall) {
  fail_everywhere(down());
}

TEST_F(Inject, DownIsKilledAtEachCall) {
  kill_everywhere(down());
}

TEST_F(Inject, RepairFailsAtEachCall) {
  fail_everywhere(repair());
}

TEST_F(Inject, RepairIsKilledAtEachCall) {
  kill_everywhere(repair());
}

// The querier takes several requests, and what is left between two of them is seen and put right.
TEST_F(Inject, AChangeOfSnoopingIsKilledAtEachCall) {
  Argv snooping = up_;
  snooping.emplace_back("snooping");
  for (const bool on : {true, false}) {
    SCOPED_TRACE(on ? "on" : "off");
    const Argv& from = on ? up_ : snooping;
    const Argv& to = on ? snooping : up_;
    const Case one{[&] { must(from); }, to, [&] { must(to); }, bridge};
    const Ends ends = ends_of(one);
    at_each(one, most_kills / 2, run_killed, [&](const Point& point) {
      const std::string where_ = where(point.call, point.run.outcome);
      expect_container_unreached(one, where_);
      one.make_whole();
      expect_whole(where_);
      detach();
      expect_state(ends.after, where_);
    });
  }
  clear();
  expect_empty("in the end");
}

TEST_F(Inject, UpIsInterruptedAtEachCall) {
  signal_everywhere(up(), "INT");
}

TEST_F(Inject, DownIsTerminatedAtEachCall) {
  signal_everywhere(down(), "TERM");
}

// nohup(1), and a command that a shell has put into the background.
TEST_F(Inject, SignalsThatAreIgnoredInterruptNothing) {
  for (const std::string signal : {"INT", "HUP"}) {
    must(up_);
    const Outcome outcome =
        a_.run({"env", "--ignore-signal=" + signal, "strace", "-f", "-b", "execve", "-qq", "-o", "/dev/null", "-e",
                "trace=sendto", "-e", "inject=sendto:signal=" + signal, fanctl_path(), "down", "250.0.0.0/8"});
    EXPECT_EQ(outcome.status, 0) << signal << describe({}, outcome);
    expect_empty(signal);
  }
}

TEST_F(Inject, ApplyFailsAtEachCall) {
  const Case one = apply();
  const std::vector<Snapshot> states = states_between(one, parts(), false);
  at_each(one, most_of_apply, run_failing, [&](const Point& point) {
    const Outcome& outcome = point.run.outcome;
    EXPECT_TRUE(outcome.status < 126 || is_loaders(outcome)) << where(point.call, outcome);
    expect_container_unreached(one, where(point.call, outcome));
    detach();
    if (point.run.times == 1) { // each fan is as it was or as it shall be
      expect_one_of(outcome.status == 0 ? std::vector{states.back()} : states, where(point.call, outcome));
      const Outcome shown = fanctl({"show", "--check", "-v"});
      EXPECT_TRUE(shown.ok()) << where(point.call, outcome) << describe({}, shown);
    }
    one.make_whole();
    EXPECT_EQ(fanctl({"apply", "--dir", wanted_.path(), "--check"}).status, 0) << where(point.call, outcome);
  });
  clear();
  expect_empty("in the end");
}

// What is done together is done or not begun: the fans that go, and then all others.
TEST_F(Inject, ApplyIsInterruptedAtEachCall) {
  const Case one = apply();
  const std::vector<Snapshot> states =
      states_between(one, {{"down", "241.0.0.0/8"}, {"apply", "--dir", wanted_.path()}}, true);
  signal_everywhere(one, "INT", [&](const Outcome& outcome, bool says_so, const std::string& where_) {
    EXPECT_TRUE(!says_so || outcome.status == 130) << where_;
    expect_one_of(outcome.status == 0 ? std::vector{states.back()} : states, where_);
  });
}

TEST_F(Inject, ApplyIsKilledAtEachCall) {
  const Case one = apply();
  at_each(one, most_of_apply, run_killed, [&](const Point& point) {
    const std::string where_ = where(point.call, point.run.outcome);
    expect_container_unreached(one, where_);
    one.make_whole();
    EXPECT_EQ(fanctl({"apply", "--dir", wanted_.path(), "--check"}).status, 0) << where_;
    clear();
    expect_empty(where_);
  });
}

} // namespace
} // namespace fan::test
