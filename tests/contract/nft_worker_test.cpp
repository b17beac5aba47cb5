// The process that libnftables runs in: what it does when it, or its master, is killed.
#include <algorithm>
#include <csignal>
#include <fstream>
#include <iterator>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <fmt/format.h>

#include "linux/nft/context.h"
#include "nft_world.h"

using namespace fan;
using namespace fan::test;

namespace {

// The only child of a process of one thread; 0: it has none.
pid_t child_of(pid_t process) {
  std::ifstream file(fmt::format("/proc/{0}/task/{0}/children", process));
  pid_t child = 0;
  file >> child;
  return child;
}

bool is_gone(pid_t process) {
  std::ifstream file(fmt::format("/proc/{}/stat", process));
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return text.empty() || text.find(") Z ") != std::string::npos; // whoever inherited it is to wait for it
}

class Worker : public testing::Test {
protected:
  Netns host;
  Inside inside{host};
};

nft::Context opened() {
  auto context = nft::Context::open();
  EXPECT_TRUE(context.ok());
  return std::move(context).value();
}

std::string run(nft::Context& context, const std::string& commands) {
  const Result<std::string> text = context.run(commands);
  EXPECT_TRUE(text.ok()) << text.error().message;
  return text.ok() ? *text : "";
}

} // namespace

TEST_F(Worker, OneProcessServesAllCommandsAndIsGoneAfterwards) {
  {
    nft::Context context = opened();
    run(context, "add table ip one");
    const pid_t worker = child_of(getpid());
    ASSERT_GT(worker, 0);
    EXPECT_EQ(run(context, "list tables"), "table ip one\n");
    EXPECT_FALSE(context.run("add chain ip nowhere c").ok());
    EXPECT_EQ(run(context, "list tables"), "table ip one\n") << "a text is one answer's, not two";
    EXPECT_EQ(child_of(getpid()), worker);
  }
  EXPECT_EQ(child_of(getpid()), 0);
}

TEST_F(Worker, AProcessThatIsGoneIsAnErrorOfOneCommand) {
  nft::Context context = opened();
  run(context, "add table ip one");
  ASSERT_EQ(kill(child_of(getpid()), SIGKILL), 0);
  const Result<std::string> lost = context.run("add table ip two");
  ASSERT_FALSE(lost.ok());
  EXPECT_NE(lost.error().message.find("libnftables gave up"), std::string::npos) << lost.error().message;
  EXPECT_EQ(run(context, "list tables"), "table ip one\n");
}

TEST_F(Worker, SignalsThatEndACommandAreItsMastersBusiness) {
  nft::Context context = opened();
  run(context, "add table ip one");
  const pid_t worker = child_of(getpid());
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP}) {
    ASSERT_EQ(kill(worker, signal), 0);
  }
  EXPECT_EQ(run(context, "list tables"), "table ip one\n");
  EXPECT_EQ(child_of(getpid()), worker);
}

TEST_F(Worker, AThreadInAnotherNamespaceGetsAnother) {
  nft::Context context = opened();
  run(context, "add table ip one");
  const Netns other;
  {
    const Inside there(other);
    EXPECT_EQ(run(context, "list tables"), "");
  }
  EXPECT_EQ(run(context, "list tables"), "table ip one\n");
}

// The second one's process has what the first one's talks by open, too.
TEST_F(Worker, ManyEndInAnyOrder) {
  std::optional<nft::Context> first = opened();
  run(*first, "add table ip one");
  std::optional<nft::Context> second = opened();
  run(*second, "add table ip two");
  first.reset();
  EXPECT_EQ(run(*second, "list tables"), "table ip one\ntable ip two\n");
  second.reset();
  EXPECT_EQ(child_of(getpid()), 0);
}

TEST_F(Worker, EndsWithItsMaster) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t master = fork();
  if (master == 0) {
    nft::Context context = opened();
    run(context, "add table ip one");
    const pid_t worker = child_of(getpid());
    (void)!write(ends[1], &worker, sizeof worker);
    pause();
    _exit(0);
  }
  pid_t worker = 0;
  ASSERT_EQ(read(ends[0], &worker, sizeof worker), static_cast<ssize_t>(sizeof worker));
  EXPECT_GT(worker, 0);
  EXPECT_FALSE(is_gone(worker));
  kill(master, SIGKILL);
  waitpid(master, nullptr, 0);
  EXPECT_TRUE(eventually([&] { return is_gone(worker); }));
}
