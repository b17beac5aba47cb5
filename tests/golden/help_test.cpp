// --help of every command, to the byte, and the manual page knows every option of it.
#include <regex>

#include <gtest/gtest.h>

#include "golden.h"

namespace fan::test {
namespace {

TEST(Help, IsAsWritten) {
  MemoryWorld world;
  expect_golden("help.txt", run(world, {"help"}).out);
  for (const cli::Command& command : cli::commands()) {
    const std::string name(command.name);
    const Ran ran = run(world, {name, "--help"});
    EXPECT_EQ(ran.status, 0);
    EXPECT_EQ(ran.err, "");
    expect_golden("help-" + name + ".txt", ran.out);
    EXPECT_EQ(run(world, {"help", name}).out, ran.out);
    EXPECT_EQ(run(world, {name, "-h"}).out, ran.out);
  }
}

TEST(Help, NothingAskedIsAUsageErrorWithTheHelp) {
  MemoryWorld world;
  const Ran ran = run(world, {});
  EXPECT_EQ(ran.status, 2);
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(ran.err, run(world, {"--help"}).out);
}

TEST(Help, OfHelpIsTheHelp) {
  MemoryWorld world;
  const Ran ran = run(world, {"help", "help"});
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.out, run(world, {"help"}).out);
}

TEST(Help, LinesFitATerminalOfAHundredAndThirtyColumns) {
  MemoryWorld world;
  for (const cli::Command& command : cli::commands()) {
    std::istringstream lines(command.help());
    for (std::string line; std::getline(lines, line);) {
      EXPECT_LE(line.size(), 130U) << line;
    }
  }
}

// Options as they begin a line of the help: "  -o, --overlay OVERLAY", "      --json".
std::set<std::string> options_of(const std::string& help) {
  std::set<std::string> options;
  const std::regex option("\n  (?:-([a-z]), |    )(--[a-z-]+)");
  for (std::sregex_iterator i(help.begin(), help.end(), option), end; i != end; ++i) {
    options.insert((*i)[2]);
    if ((*i)[1].matched) {
      options.insert("-" + (*i)[1].str());
    }
  }
  return options;
}

// In mdoc an option is "Fl -json" or "Fl o".
std::set<std::string> options_of_manual() {
  std::set<std::string> options;
  const std::string manual = read_text(std::string(SOURCE_DIR) + "/man/fanctl.8");
  const std::regex flag("\\bFl (-?[a-z][a-z-]*)");
  for (std::sregex_iterator i(manual.begin(), manual.end(), flag), end; i != end; ++i) {
    options.insert("-" + (*i)[1].str());
  }
  return options;
}

TEST(Manual, KnowsEveryOption) {
  const std::set<std::string> known = options_of_manual();
  for (const cli::Command& command : cli::commands()) {
    const std::set<std::string> options = options_of(command.help());
    EXPECT_GE(options.size(), 3U) << command.name;
    for (const std::string& option : options) {
      EXPECT_TRUE(known.count(option) == 1) << option << " of `fanctl " << command.name << "` is not in man/fanctl.8";
    }
  }
}

TEST(Manual, HasNoOptionThatIsNone) {
  std::set<std::string> real{"--version", "--help"};
  for (const cli::Command& command : cli::commands()) {
    real.merge(options_of(command.help()));
  }
  for (const std::string& option : options_of_manual()) {
    EXPECT_TRUE(real.count(option) == 1) << option << " is in man/fanctl.8 and nowhere else";
  }
}

} // namespace
} // namespace fan::test
