// What of YAML is read, what is refused, and where an error says that it is.
#include "config/yaml_document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fan {
namespace {

using testing::HasSubstr;
using NodeKind = YamlNode::Kind;

TEST(Yaml, NodesKnowTheirPlaces) {
  const auto document = YamlDocument::parse("version: 1\nfans:\n  a: {x: [1, two], y: \"3\"}\n", "f.yaml");
  ASSERT_TRUE(document.ok()) << document.error().message;
  const YamlNode* fans = document->root().find("fans");
  ASSERT_NE(fans, nullptr);
  const auto& [name, entry] = fans->entries.at(0);
  EXPECT_EQ(name.text, "a");
  EXPECT_EQ(name.line, 3);
  EXPECT_EQ(name.column, 3);
  EXPECT_EQ(entry.find("x")->kind, NodeKind::list);
  EXPECT_EQ(entry.find("x")->items.at(1).text, "two");
  EXPECT_EQ(entry.find("x")->items.at(1).column, 14);
  EXPECT_EQ(entry.find("y")->text, "3");
  EXPECT_EQ(entry.find("z"), nullptr);
  const TextPlace place = document->place_of(entry.find("x")->items.at(1));
  EXPECT_EQ(place.file, "f.yaml");
  EXPECT_EQ(place.line, 3);
  EXPECT_EQ(place.excerpt, "  a: {x: [1, two], y: \"3\"}");
}

TEST(Yaml, NothingIsConverted) {
  const auto document = YamlDocument::parse("a: 010\nb: yes\nc: ~\nd: 'null'\ne:\nf: 0x1f\n", "f");
  ASSERT_TRUE(document.ok()) << document.error().message;
  EXPECT_EQ(document->root().find("a")->text, "010");
  EXPECT_EQ(document->root().find("b")->text, "yes");
  EXPECT_EQ(document->root().find("c")->kind, NodeKind::null);
  EXPECT_EQ(document->root().find("d")->text, "null");
  EXPECT_EQ(document->root().find("e")->kind, NodeKind::null);
  EXPECT_EQ(document->root().find("f")->text, "0x1f");
}

TEST(Yaml, EmptyTextsHaveNoRoot) {
  for (const char* text : {"", "\n\n", "# nothing\n", "---\n"}) {
    const auto document = YamlDocument::parse(text, "f");
    ASSERT_TRUE(document.ok()) << text << ": " << document.error().message;
    EXPECT_EQ(document->root().kind, NodeKind::null) << text;
  }
}

TEST(Yaml, LinesMayEndInCarriageReturns) {
  const auto document = YamlDocument::parse("a: 1\r\nb: 2\r\n", "f");
  ASSERT_TRUE(document.ok()) << document.error().message;
  EXPECT_EQ(document->root().find("b")->text, "2");
  EXPECT_EQ(document->place_at(1, 1).excerpt, "a: 1");
}

std::string nested(int depth) {
  return std::string(static_cast<std::size_t>(depth), '[') + std::string(static_cast<std::size_t>(depth), ']');
}

std::string indented(int depth) {
  std::string text;
  for (int i = 0; i < depth; ++i)
    text += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
  return text;
}

TEST(Yaml, IsRefusedWithAPlace) {
  const struct {
    std::string text;
    int line, column;
    const char* message;
  } table[] = {
      {"a: &x 1\nb: *x\n", 1, 4, "an anchor (&)"},
      {"a: 1\nb: *x\n", 2, 4, "this is not YAML"},
      {"&x a: 1\n", 1, 1, "an anchor (&)"},
      {"a: 1\nb: 2\na: 3\n", 3, 1, "the key 'a' is there twice"},
      {"a: {b: 1, b: 2}\n", 1, 11, "the key 'b' is there twice"},
      {"a: 1\n---\nb: 2\n", 3, 1, "a second document"},
      {"a: !!int 1\n", 1, 4, "a tag (!)"},
      {"a: !new {b: 1}\n", 1, 4, "a tag (!)"},
      {"{a: 1}: 2\n", 1, 1, "a key has to be a plain word"},
      {"? [a, b]\n: 2\n", 1, 3, "a key has to be a plain word"},
      {"~: 2\n", 1, 1, "a key has to be a plain word"},
      {"a: 1\n\tb: 2\n", 2, 1, "this is not YAML"},
      {"a: [1, 2\n", 2, 1, "this is not YAML"},
      {"a: b: c\n", 1, 5, "this is not YAML"},
      {"a: 1\n b: 2\n", 2, 3, "this is not YAML"},
      {std::string("a: 1\nb: \0\n", 10), 2, 4, "a control character ('\\x00')"},
      {"a: \x1b[31m\n", 1, 4, "a control character ('\\x1b')"},
      {nested(33), 1, 33, "more than 32"},
      {nested(300000), 1, 33, "more than 32"},
      {indented(34), 33, 33, "more than 32"},
  };
  for (const auto& row : table) {
    const auto document = YamlDocument::parse(row.text, "f.yaml");
    const std::string shown = row.text.substr(0, 60);
    ASSERT_FALSE(document.ok()) << shown;
    EXPECT_THAT(document.error().message, HasSubstr(row.message)) << shown;
    EXPECT_EQ(document.error().kind, ErrorClass::usage);
    ASSERT_TRUE(document.error().place.has_value()) << shown;
    EXPECT_EQ(document.error().place->file, "f.yaml");
    EXPECT_EQ(document.error().place->line, row.line) << shown;
    EXPECT_EQ(document.error().place->column, row.column) << shown;
  }
  EXPECT_TRUE(YamlDocument::parse(nested(32), "f").ok());
}

TEST(Yaml, HugeTextsAreRefused) {
  const auto huge = YamlDocument::parse(std::string(largest_yaml + 1, '\n'), "f");
  ASSERT_FALSE(huge.ok());
  EXPECT_THAT(huge.error().message, HasSubstr("1048576 bytes"));
  ASSERT_TRUE(huge.error().place.has_value());
  EXPECT_EQ(huge.error().place->file, "f") << "once, and not in the message too";
  std::string large;
  while (large.size() < largest_yaml - 16)
    large += "k" + std::to_string(large.size()) + ": 1\n";
  EXPECT_TRUE(YamlDocument::parse(large, "f").ok());
}

// Bytes that somebody mistyped or that are no YAML at all: an answer, whatever it is, and no crash.
TEST(Yaml, SurvivesEveryShortTextOfItsOwnPunctuation) {
  const std::string bytes = "a:-[]{}&*!|>'\"#%@`,? \n\t\x80";
  for (const char a : bytes)
    for (const char b : bytes)
      for (const char c : bytes) {
        const std::string text{a, b, c, '\n', a, b};
        const auto document = YamlDocument::parse(text, "f");
        if (!document.ok()) {
          EXPECT_NE(document.error().message, "");
        }
      }
}

} // namespace
} // namespace fan
