// Seeded random input over every parser of text that is not ours. What is accepted must survive its own round trip,
// what is refused must say why; the sanitizer build sees the rest.
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "config/legacy_file.h"
#include "core/record.h"
#include "core/words.h"
#include "given.h"

namespace fan {
namespace {

constexpr int rounds = 30000;

class Garbler {
public:
  explicit Garbler(unsigned seed) : random_(seed) {}

  unsigned below(unsigned n) { return static_cast<unsigned>(random_() % n); }

  // A piece of what parsers look for, or bytes of any kind.
  std::string piece() {
    static const std::vector<std::string> pieces = {"250",
                                                    "250.0.0.0/8",
                                                    "eth0/16",
                                                    "172.30.0.28",
                                                    "172.30.0.0/16",
                                                    "default",
                                                    "dhcp",
                                                    "host-reserve",
                                                    "1",
                                                    "auto",
                                                    "bridge",
                                                    "b0",
                                                    "type",
                                                    "vxlan",
                                                    "ipip",
                                                    "accept",
                                                    "ipip,vxlan",
                                                    "vni",
                                                    "port",
                                                    "4789",
                                                    "mtu",
                                                    "1400",
                                                    "no-nat",
                                                    "expose",
                                                    "all",
                                                    "250.0.28.0/25",
                                                    "ttl-security",
                                                    "strict",
                                                    "host-access",
                                                    "none",
                                                    "block-metadata",
                                                    "snooping",
                                                    "secure",
                                                    "proxy-arp",
                                                    "shortcut",
                                                    "off",
                                                    ";",
                                                    "host=172.30.0.28",
                                                    "device=eth0",
                                                    "mtu=1480",
                                                    "bridge=b",
                                                    "was=eth0:0",
                                                    "more",
                                                    "fanctl/1",
                                                    "fanctl/2",
                                                    "#",
                                                    "\n",
                                                    "\r\n",
                                                    "\t",
                                                    "/",
                                                    "=",
                                                    ":"};
    if (below(8) != 0)
      return pieces[below(static_cast<unsigned>(pieces.size()))];
    std::string bytes;
    for (unsigned n = below(20); n > 0; --n)
      bytes += static_cast<char>(below(256));
    return bytes;
  }

  std::string line() {
    std::string text = below(2) != 0 ? "250 eth0/16" : "";
    for (unsigned n = below(10); n > 0; --n)
      text += (below(10) != 0 ? " " : "") + piece();
    return text;
  }

  // `text` with some bytes replaced, removed or doubled.
  std::string damaged(std::string text) {
    for (unsigned n = 1 + below(3); n > 0 && !text.empty(); --n) {
      const unsigned at = below(static_cast<unsigned>(text.size()));
      switch (below(4)) {
      case 0:
        text[at] = static_cast<char>(below(256));
        break;
      case 1:
        text.erase(at, 1 + below(5));
        break;
      case 2:
        text.insert(at, text.substr(at, 1 + below(9)));
        break;
      default:
        text.resize(at);
      }
    }
    return text;
  }

private:
  std::mt19937 random_;
};

TEST(Fuzz, Words) {
  Garbler garbler(1);
  int accepted = 0;
  for (int i = 0; i < rounds; ++i) {
    const std::string line = garbler.line();
    const auto words =
        garbler.below(2) != 0 ? split_words(line) : std::vector<std::string>{line, garbler.piece(), garbler.piece()};
    const TextPlace place{"f", 1, 0, line};
    const auto spec = parse_words(words, &place);
    if (!spec.ok()) {
      ASSERT_FALSE(spec.error().message.empty());
      ASSERT_EQ(spec.error().kind, ErrorClass::usage);
      ASSERT_GE(spec.error().place->column, 1);
      ASSERT_LE(spec.error().place->column, static_cast<int>(line.size()) + 1);
      continue;
    }
    ++accepted;
    const auto again = parse_words(words_of(*spec));
    ASSERT_TRUE(again.ok()) << line;
    ASSERT_EQ(*again, *spec) << line;
  }
  EXPECT_GT(accepted, rounds / 100) << "the input is not only rubbish";
}

TEST(Fuzz, Records) {
  Garbler garbler(2);
  const std::vector<std::string> good = {
      record_of(given::fan("250.0.0.0/8 eth0/16 dhcp")),
      record_of(given::fan("250 172.30.0.28 type vxlan bridge b expose 250.0.28.0/25")),
      alias_of(given::fan("250 default/16 auto mtu 1000"))};
  int accepted = 0;
  for (int i = 0; i < rounds; ++i) {
    const std::string text =
        garbler.below(4) == 0 ? "fanctl/1 " + garbler.line() : garbler.damaged(good[garbler.below(3)]);
    const auto fan = parse_record(text);
    if (!fan.ok()) {
      ASSERT_EQ(fan.error().kind, ErrorClass::host_state);
      continue;
    }
    ++accepted;
    const auto again = parse_record(record_of(*fan));
    ASSERT_TRUE(again.ok()) << text << ": " << again.error().message;
    ASSERT_EQ(*again, *fan) << text;
    ASSERT_LE(alias_of(*fan).size(), alias_max) << text;
  }
  EXPECT_GT(accepted, rounds / 100);
}

TEST(Fuzz, LegacyFiles) {
  Garbler garbler(3);
  for (int i = 0; i < rounds / 10; ++i) {
    std::string text;
    for (int line = 0; line < 10; ++line)
      text += garbler.line() + "\n";
    const auto lines = parse_legacy(text, "f");
    ASSERT_TRUE(lines.ok());
    for (const LegacyLine& line : *lines) {
      ASSERT_GE(line.place.line, 1);
      ASSERT_TRUE(line.spec.ok() || line.spec.error().place->column >= 1);
    }
  }
}

} // namespace
} // namespace fan
