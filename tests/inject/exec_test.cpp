// The one program that `up` starts fails to be executed, or is killed as it is about to be: at execve(2) itself, which
// the other tests here let go of, as what a child becomes is not fanctl's.
#include <signal.h>

#include <gtest/gtest.h>

#include "inject/calls.h"
#include "support/snapshot.h"
#include "support/topology.h"

namespace fan::test {
namespace {

class Exec : public testing::Test {
protected:
  Exec() : host_(underlay_.host("172.30.0.27/16")) {
    host_.fanctl_must({"up", "241.0.0.0/8", "eth0/16", "type", "vxlan", "dhcp"});
  }

  void expect_undone_after(const Injected& run, const std::string& what, const Snapshot& before) {
    const Outcome& outcome = run.outcome;
    EXPECT_TRUE(run.happened()) << what << describe(line_, outcome);
    EXPECT_TRUE(outcome.status > 0 && outcome.status < 126 && outcome.status != 7) << what << describe(line_, outcome);
    EXPECT_NE(outcome.err.find("dnsmasq"), std::string::npos) << what << describe(line_, outcome);
    EXPECT_EQ(difference(before, quick_snapshot(host_)), "") << what << describe(line_, outcome);
  }

  Underlay underlay_{NoForgers()};
  Host& host_;
  const Argv up_{"up", "250.0.0.0/8", "eth0/16", "type", "vxlan", "dhcp"};
  const Argv line_{fanctl_path(), up_[0], up_[1], up_[2], up_[3], up_[4], up_[5]};
  // In each process the first one that follows that which makes it fanctl: strace does not count that one.
  const Call exec_{"execve", 1, true, "execve", "execve"};
};

// execve(2)'s errors that a program which is there can have.
constexpr const char* errors[] = {"EACCES", "EAGAIN", "EIO",   "ELOOP",   "EMFILE", "ENFILE",
                                  "ENOENT", "ENOMEM", "EPERM", "ENOEXEC", "E2BIG",  "ETXTBSY"};

TEST_F(Exec, OfTheDhcpServerFailsAndUpIsUndone) {
  const Snapshot before = quick_snapshot(host_);
  for (const char* error : errors) {
    expect_undone_after(run_failing_with(error, host_, line_, exec_), error, before);
  }
  host_.fanctl_must(up_);
  EXPECT_TRUE(host_.fanctl({"show", "--check"}).ok());
}

TEST_F(Exec, OfTheDhcpServerIsWhereItIsKilledAndUpIsUndone) {
  const Snapshot before = quick_snapshot(host_);
  expect_undone_after(run_killed(host_, line_, exec_), "KILL", before);
  host_.fanctl_must(up_);
  EXPECT_TRUE(host_.fanctl({"show", "--check"}).ok());
}

// The fan stays as it was: whole but for its server.
TEST_F(Exec, OfADhcpServerThatIsToComeBackFailsAndIsTriedAgain) {
  host_.fanctl_must({"down", "241.0.0.0/8"});
  host_.fanctl_must(up_);
  const std::vector<pid_t> servers = host_.processes(); // of the host's network namespace: nothing else runs in it
  ASSERT_EQ(servers.size(), 1U);
  ASSERT_EQ(kill(servers.front(), SIGKILL), 0);
  ASSERT_TRUE(eventually([&] { return host_.fanctl({"show", "--check"}).status == 8; }));
  for (const Injected& run : {run_failing_with("ENOMEM", host_, line_, exec_), run_killed(host_, line_, exec_)}) {
    EXPECT_TRUE(run.happened()) << describe(line_, run.outcome);
    EXPECT_NE(run.outcome.status, 0) << describe(line_, run.outcome);
    EXPECT_EQ(host_.fanctl({"show", "--check"}).status, 8);
  }
  host_.fanctl_must(up_);
  EXPECT_TRUE(host_.fanctl({"show", "--check"}).ok());
}

} // namespace
} // namespace fan::test
