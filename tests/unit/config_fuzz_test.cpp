// Seeded random damage to configurations in YAML: an answer with a place inside the text, whatever the bytes; what is
// accepted can be recorded. The sanitizer build sees the rest.
#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "config/fan_file.h"
#include "core/words.h"

namespace fan {
namespace {

constexpr int rounds = 6000;

const std::vector<std::string> good = {
    "version: 1\nfans:\n  fan-250:\n    overlay: 250.0.0.0/8\n    underlay: eth0/16\n    accept: [vxlan, ipip]\n"
    "    dhcp: true\nmappings:\n  - {overlay: 251.0.0.0/8, underlay: 10.2.0.0/16}\n",
    "network:\n  version: 2\n  ethernets:\n    lan: {match: {name: 'en*'}, set-name: lan0}\n  fans:\n"
    "    f: {overlay: 250, underlay: lan/16, expose: [250.0.28.5, all], nat: no, ttl-security: 3}\n",
    "version: 1\nfans:\n  \"f\": {overlay: 250, underlay: default, mtu: 1400, vni: 7, port: 4789}\n"};

const std::vector<std::string> pieces = {
    "[",   "]",  "{",         "}",     ": ",     "- ",       "? ",          "&a ",      "*a",       "!!str ",
    "|\n", ">-", "\"",        "'",     "#",      "\n",       "\n  ",        "\t",       "---\n",    "...\n",
    "%",   "<<", "overlay: ", "fans:", "reach:", "version:", "\r\n",        "\xff\xfe", "\xc3\xa4", "~",
    ",",   "@",  "`",         "null",  "dhcp: ", "yes",      "\xef\xbb\xbf"};

// `text` with a few bytes replaced, removed, doubled, cut off, or with a piece put in.
std::string damaged(std::string text, std::mt19937& random) {
  const auto below = [&](std::size_t n) { return random() % n; };
  for (std::size_t n = 1 + below(4); n > 0 && !text.empty(); --n) {
    const std::size_t at = below(text.size());
    switch (below(8)) {
    case 0:
      text[at] = static_cast<char>(below(256));
      break;
    case 1:
      text.erase(at, 1 + below(9));
      break;
    case 2:
      text.insert(at, text.substr(at, 1 + below(40)));
      break;
    case 3:
      text.resize(at);
      break;
    default:
      text.insert(at, pieces[below(pieces.size())]);
    }
  }
  return text;
}

void expect_placed(const Error& error, const std::string& text) {
  ASSERT_FALSE(error.message.empty()) << text;
  ASSERT_EQ(error.kind, ErrorClass::usage) << text;
  ASSERT_TRUE(error.place.has_value()) << text;
  ASSERT_GE(error.place->line, 1) << error.message << "\n" << text;
  ASSERT_LE(error.place->line, std::count(text.begin(), text.end(), '\n') + 2) << error.message << "\n" << text;
  ASSERT_GE(error.place->column, 1) << error.message << "\n" << text;
}

TEST(Fuzz, FanFiles) {
  std::mt19937 random(4);
  int accepted = 0;
  for (int i = 0; i < rounds; ++i) {
    const std::string text = damaged(good[random() % good.size()], random);
    const auto fans = parse_fan_file(text, "f.yaml");
    if (!fans.ok()) {
      expect_placed(fans.error(), text);
      continue;
    }
    ++accepted;
    for (const FileFan& fan : *fans) {
      const auto again = parse_words(words_of(fan.spec));
      ASSERT_TRUE(again.ok()) << text;
      ASSERT_EQ(*again, fan.spec) << text;
    }
  }
  EXPECT_GT(accepted, rounds / 20) << "the input is not only rubbish";
  EXPECT_LT(accepted, rounds * 19 / 20);
}

} // namespace
} // namespace fan
