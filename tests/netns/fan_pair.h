// Two hosts of one underlay, each with a fan, for the tests of this folder; once over each encapsulation.
#pragma once

#include <string>

#include <gtest/gtest.h>

#include "core/encapsulation.h"
#include "support/topology.h"

namespace fan::test {

inline bool kernel_has(Encapsulation encapsulation) {
  const Netns probe;
  const std::string kind{name_of(encapsulation)};
  return probe.run({"ip", "link", "add", "probe", "type", kind, "external"}).ok() ||
         probe.run({"ip", "link", "add", "probe", "type", kind, "dstport", "8472", "external"}).ok();
}

// An encapsulation, and whether fans take the shortcut over it.
struct Over {
  Over(Encapsulation over, bool by_shortcut = false) : encapsulation(over), shortcut(by_shortcut) {} // NOLINT
  operator Encapsulation() const { return encapsulation; }                                           // NOLINT
  [[nodiscard]] std::string name() const { return std::string(name_of(encapsulation)) + (shortcut ? "_shortcut" : ""); }
  Encapsulation encapsulation;
  bool shortcut;
};

// A suite that is run once over each encapsulation; skipped where the kernel lacks it.
class OverEach : public ::testing::TestWithParam<Over> {
protected:
  OverEach() { up_by_shortcut = GetParam().shortcut; }
  ~OverEach() override { up_by_shortcut = false; }
  void SetUp() override {
    const Encapsulation encapsulation = GetParam();
    if (!kernel_has(encapsulation)) {
      GTEST_SKIP() << "no-" << name_of(encapsulation) << ": this kernel has no " << name_of(encapsulation);
    }
  }
  [[nodiscard]] static std::string type() { return std::string(name_of(GetParam().encapsulation)); }
};

#define FAN_OVER_EACH(suite)                                                                                           \
  INSTANTIATE_TEST_SUITE_P(Over, suite, ::testing::Values(Encapsulation::vxlan, Encapsulation::ipip),                  \
                           [](const auto& info) { return info.param.name(); })
// Once more with the shortcut, over vxlan; shortcut_test.cpp has it over both.
#define FAN_OVER_EACH_AND_BY_SHORTCUT(suite)                                                                           \
  INSTANTIATE_TEST_SUITE_P(                                                                                            \
      Over, suite, ::testing::Values(Encapsulation::vxlan, Encapsulation::ipip, Over{Encapsulation::vxlan, true}),     \
      [](const auto& info) { return info.param.name(); })

// 172.30.0.27 and 172.30.0.28 in 172.30.0.0/16, the announcement's hosts. Containers get the second address of the
// slice.
struct FanPair {
  explicit FanPair(std::string encapsulation)
      : type(std::move(encapsulation)), a(underlay.host("172.30.0.27/16")), b(underlay.host("172.30.0.28/16")) {}

  // `fanctl up 250.0.0.0/8 eth0/16 type T WORDS…` on both.
  void up(const std::vector<std::string>& words = {}) {
    for (Host* host : {&a, &b}) {
      host->fanctl_must(line("up", words));
    }
  }

  [[nodiscard]] std::vector<std::string> line(const std::string& verb,
                                              const std::vector<std::string>& words = {}) const {
    std::vector<std::string> all{verb, "250.0.0.0/8", "eth0/16", "type", type};
    all.insert(all.end(), words.begin(), words.end());
    return all;
  }

  [[nodiscard]] Container container_a(const std::string& cidr = "250.0.27.2/24") const {
    Container c(a, "fan-250-0-27");
    c.address(cidr, *Address::parse("250.0.27.1"));
    return c;
  }
  [[nodiscard]] Container container_b(const std::string& cidr = "250.0.28.2/24") const {
    Container c(b, "fan-250-0-28");
    c.address(cidr, *Address::parse("250.0.28.1"));
    return c;
  }

  std::string type;
  Underlay underlay;
  Host& a;
  Host& b;
};

inline const Address at_a{0xfa001b02U}; // 250.0.27.2
inline const Address at_b{0xfa001c02U}; // 250.0.28.2

} // namespace fan::test
