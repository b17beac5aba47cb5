// The one program that `up` starts fails to be executed, or is killed as it is about to be: at execve(2) itself, which
// the other tests here let go of, as what a child becomes is not fanctl's.
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include <fmt/format.h>

#include "support/snapshot.h"
#include "support/topology.h"

namespace fan::test {
namespace {

class Exec : public testing::Test {
protected:
  Exec() : host_(underlay_.host("172.30.0.27/16")) {
    host_.fanctl_must({"up", "241.0.0.0/8", "eth0/16", "type", "vxlan", "dhcp"});
  }
  ~Exec() override { std::filesystem::remove(trace_); }
  Exec(const Exec&) = delete;
  Exec& operator=(const Exec&) = delete;

  // In each process the first execve that follows the one which makes it fanctl: strace does not count that.
  Outcome run_with(const std::string& what) {
    std::filesystem::remove(trace_);
    Argv argv{"strace",     "-f", "-qq", "-o", trace_, "-e", "trace=execve", "-e", "inject=execve:" + what + ":when=1",
              fanctl_path()};
    argv.insert(argv.end(), up_.begin(), up_.end());
    return host_.run(argv);
  }
  [[nodiscard]] std::string trace() const {
    std::ifstream file(trace_);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  void expect_undone_after(const std::string& what, const std::string& sign) {
    const Snapshot before = quick_snapshot(host_);
    const Outcome outcome = run_with(what);
    EXPECT_NE(trace().find(sign), std::string::npos) << what << "\n" << trace();
    EXPECT_TRUE(outcome.status > 0 && outcome.status < 126 && outcome.status != 7) << what << describe(up_, outcome);
    EXPECT_NE(outcome.err.find("dnsmasq"), std::string::npos) << what << describe(up_, outcome);
    EXPECT_EQ(difference(before, quick_snapshot(host_)), "") << what << describe(up_, outcome);
  }

  Underlay underlay_{NoForgers()};
  Host& host_;
  const Argv up_{"up", "250.0.0.0/8", "eth0/16", "type", "vxlan", "dhcp"};
  const std::string trace_ = fmt::format("/tmp/fan-exec-{}", getpid());
};

// execve(2)'s errors that a program which is there can have.
constexpr const char* errors[] = {"EACCES", "EAGAIN", "EIO",   "ELOOP",   "EMFILE", "ENFILE",
                                  "ENOENT", "ENOMEM", "EPERM", "ENOEXEC", "E2BIG",  "ETXTBSY"};

TEST_F(Exec, OfTheDhcpServerFailsAndUpIsUndone) {
  for (const char* error : errors) {
    expect_undone_after(std::string("error=") + error, "(INJECTED)");
  }
  host_.fanctl_must(up_);
  EXPECT_TRUE(host_.fanctl({"show", "--check"}).ok());
}

TEST_F(Exec, OfTheDhcpServerIsWhereItIsKilledAndUpIsUndone) {
  expect_undone_after("signal=KILL", "+++ killed by SIGKILL +++");
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
  for (const char* what : {"error=ENOMEM", "signal=KILL"}) {
    const Outcome outcome = run_with(what);
    EXPECT_NE(outcome.status, 0) << what << describe(up_, outcome);
    EXPECT_EQ(host_.fanctl({"show", "--check"}).status, 8) << what;
  }
  host_.fanctl_must(up_);
  EXPECT_TRUE(host_.fanctl({"show", "--check"}).ok());
}

} // namespace
} // namespace fan::test
