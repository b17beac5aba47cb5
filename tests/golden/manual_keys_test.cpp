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

TEST(ExamplesForNetplan, AreRead) {
  const auto one = parse_fan_file(read_text(std::string(SOURCE_DIR) + "/netplan/examples/one-host.yaml"), "f");
  ASSERT_TRUE(one.ok()) << one.error().message;
  EXPECT_EQ(one->size(), 2U);
  const auto netplan =
      parse_fan_file(read_text(std::string(SOURCE_DIR) + "/netplan/examples/netplan-document.yaml"), "f");
  ASSERT_TRUE(netplan.ok()) << netplan.error().message;
  ASSERT_EQ(netplan->size(), 3U);
  EXPECT_EQ(netplan->at(0).spec.underlay_text, "lan0/16");
  EXPECT_EQ(netplan->at(1).spec.underlay_text, "bond0/16");
  EXPECT_TRUE(netplan->at(2).spec.reach);
}

} // namespace
} // namespace fan::test
