#include "config/legacy_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "given.h"

namespace fan {
namespace {

using testing::HasSubstr;

std::vector<LegacyLine> parse(const std::string& text) {
  auto lines = parse_legacy(text, "/etc/network/fan");
  EXPECT_TRUE(lines.ok());
  return lines.ok() ? std::move(lines).value() : std::vector<LegacyLine>{};
}

TEST(LegacyFile, AsCloudInitWritesIt) {
  const auto lines = parse("# fan 240\n"
                           "10.0.0.0/8 eth0/16 dhcp\n"
                           "10.0.0.0/8 eth1/16 dhcp off\n"
                           "# fan 241\n"
                           "241.0.0.0/8 eth0/16 dhcp\n");
  ASSERT_EQ(lines.size(), 3U);
  for (const LegacyLine& line : lines)
    ASSERT_TRUE(line.spec.ok()) << line.spec.error().message;
  EXPECT_EQ(*lines[0].spec, given::spec("10.0.0.0/8 eth0/16 dhcp"));
  EXPECT_TRUE(lines[1].spec->off);
  EXPECT_EQ(lines[1].place.line, 3);
  EXPECT_EQ(lines[2].spec->overlay.str(), "241.0.0.0/8");
  EXPECT_EQ(lines[2].place.line, 5);
}

TEST(LegacyFile, BlanksCommentsAndLineEnds) {
  const auto lines = parse("\xef\xbb\xbf\r\n  \t \r\n#\n\t250\teth0/16   dhcp # here\r\n240 eth0#there\n\n241 eth0");
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(*lines[0].spec, given::spec("250 eth0/16 dhcp"));
  EXPECT_EQ(lines[0].place.line, 4);
  EXPECT_EQ(*lines[1].spec, given::spec("240 eth0"));
  EXPECT_EQ(*lines[2].spec, given::spec("241 eth0"));
  EXPECT_EQ(lines[2].place.line, 7);
  EXPECT_TRUE(parse("").empty());
  EXPECT_TRUE(parse("\n\n").empty());
}

TEST(LegacyFile, OneBrokenLineDoesNotDisturbTheOthers) {
  const auto lines = parse("250 eth0 dhcp\n  240 eth0 dhpc # typo\n241 eth0\n");
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_TRUE(lines[0].spec.ok());
  EXPECT_TRUE(lines[2].spec.ok());
  ASSERT_FALSE(lines[1].spec.ok());
  const Error& error = lines[1].spec.error();
  EXPECT_THAT(error.message, HasSubstr("did you mean 'dhcp'?"));
  ASSERT_TRUE(error.place.has_value());
  EXPECT_EQ(error.place->file, "/etc/network/fan");
  EXPECT_EQ(error.place->line, 2);
  EXPECT_EQ(error.place->column, 12);
  EXPECT_EQ(error.place->excerpt, "  240 eth0 dhpc # typo");
}

TEST(LegacyFile, OddBytesAreRefusedWithTheirColumn) {
  const struct {
    std::string line;
    int column;
  } table[] = {
      {std::string("250 eth0\0 dhcp", 14), 9},
      {"250 eth0 \x1b[31m", 10},
      {"250 \reth0", 5},
      {"250 eth0 dhcp\f", 14},
      {"250 eth0 dhcp " + std::string(2000, 'x'), 1025},
  };
  for (const auto& row : table) {
    const auto lines = parse(row.line + "\n240 eth0\n");
    ASSERT_EQ(lines.size(), 2U);
    ASSERT_FALSE(lines[0].spec.ok());
    EXPECT_EQ(lines[0].spec.error().kind, ErrorClass::usage);
    EXPECT_EQ(lines[0].spec.error().place->column, row.column);
    for (const char c : lines[0].spec.error().place->excerpt)
      ASSERT_TRUE(c == '\t' || (c >= 0x20 && c < 0x7f));
    EXPECT_TRUE(lines[1].spec.ok());
  }
}

TEST(LegacyFile, AHugeFileIsRefused) {
  EXPECT_TRUE(parse_legacy(std::string(largest_legacy_file, '#'), "f").ok());
  const auto huge = parse_legacy(std::string(largest_legacy_file + 1, '#'), "f");
  ASSERT_FALSE(huge.ok());
  EXPECT_EQ(huge.error().kind, ErrorClass::usage);
  ASSERT_TRUE(huge.error().place.has_value());
  EXPECT_EQ(huge.error().place->file, "f");
}

} // namespace
} // namespace fan
