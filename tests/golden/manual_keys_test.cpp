// Every key of a configuration is in fanctl.yaml(5), and no other.
#include <algorithm>
#include <regex>
#include <set>

#include <gtest/gtest.h>

#include "config/fan_file.h"
#include "golden.h"

namespace fan::test {
namespace {

std::set<std::string> items_of_manual() {
  const std::string manual = read_text(std::string(SOURCE_DIR) + "/man/fanctl.yaml.5");
  const std::regex item("\n\\.It Cm ([a-z-]+)");
  std::set<std::string> items;
  for (std::sregex_iterator i(manual.begin(), manual.end(), item), end; i != end; ++i) {
    items.insert((*i)[1]);
  }
  return items;
}

TEST(ManualOfTheFile, HasEveryKeyAndNoOther) {
  std::set<std::string> keys{"version", "fans", "mappings"};
  for (const char* key : fan_file_keys()) {
    keys.insert(key);
  }
  for (const char* key : fan_file_dhcp_keys()) {
    keys.insert(key);
  }
  EXPECT_GE(keys.size(), 20U);
  EXPECT_EQ(items_of_manual(), keys);
}

// The examples of the manual are read as any file.
TEST(ManualOfTheFile, ItsExamplesAreRight) {
  const std::string manual = read_text(std::string(SOURCE_DIR) + "/man/fanctl.yaml.5");
  const std::string begin = ".Bd -literal -offset indent\n";
  std::size_t examples = 0;
  for (std::size_t at = manual.find(begin); at != std::string::npos; at = manual.find(begin, at + 1)) {
    const std::size_t from = at + begin.size();
    const std::string text = manual.substr(from, manual.find(".Ed", from) - from);
    const auto fans = parse_fan_file(text, "fanctl.yaml.5");
    ASSERT_TRUE(fans.ok()) << fans.error().message << "\n" << text;
    EXPECT_FALSE(fans->empty()) << text;
    ++examples;
  }
  EXPECT_EQ(examples, 2U);
}

} // namespace
} // namespace fan::test
