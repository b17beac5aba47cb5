// What unit tests start from: specs by their words, and a host with two network cards. Header only, no kernel.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "core/facts.h"
#include "core/fan.h"
#include "core/mapping.h"
#include "core/names.h"
#include "core/object.h"
#include "core/resolve.h"
#include "core/words.h"

namespace fan::given {

inline Address address(const std::string& text) {
  auto parsed = Address::parse(text);
  EXPECT_TRUE(parsed.ok()) << text;
  return parsed.ok() ? *parsed : Address();
}

inline Prefix prefix(const std::string& text) {
  auto parsed = Prefix::parse(text);
  EXPECT_TRUE(parsed.ok()) << text;
  return parsed.ok() ? *parsed : Prefix();
}

inline Mapping mapping(const std::string& overlay, const std::string& underlay) {
  auto made = Mapping::make(prefix(overlay), prefix(underlay));
  EXPECT_TRUE(made.ok()) << overlay << " " << underlay;
  return made.ok() ? *made : *Mapping::make(Prefix::of(Address(0xfa000000U), 8), Prefix::of(Address(0xac1e0000U), 16));
}

// "250 eth0/16 dhcp"
inline FanSpec spec(const std::string& words) {
  auto parsed = parse_words(split_words(words));
  EXPECT_TRUE(parsed.ok()) << words << ": " << (parsed.ok() ? "" : parsed.error().message);
  return parsed.ok() ? *parsed : FanSpec();
}

// eth0 172.30.0.28/16, eth1 10.1.2.3/24 (default route), both not forwarding.
inline Facts host() {
  Facts facts;
  const auto link = [&](std::uint32_t ifindex, const std::string& name) {
    LinkFact fact;
    fact.ifindex = ifindex;
    fact.name = name;
    fact.up = true;
    fact.mtu = 1500;
    facts.links.push_back(fact);
  };
  link(1, "lo");
  link(2, "eth0");
  link(3, "eth1");
  facts.addresses = {{1, address("127.0.0.1"), 8, false, false, true},
                     {2, address("172.30.0.28"), 16, false, false, false},
                     {3, address("10.1.2.3"), 24, false, false, false}};
  facts.default_device = "eth1";
  return facts;
}

inline LinkFact& add_link(Facts& facts, const std::string& name, const std::string& kind) {
  LinkFact fact;
  fact.ifindex = static_cast<std::uint32_t>(facts.links.size() + 10);
  fact.name = name;
  fact.kind = kind;
  facts.links.push_back(fact);
  return facts.links.back();
}

inline void sign(LinkFact& link) {
  link.group = link_group;
  link.mac = Mac{{mac_prefix[0], mac_prefix[1], 1, 2, 3, 4}};
}

// The fan that `words` mean on `facts`, with its first candidate and a path MTU of 1500.
inline Fan fan(const std::string& words, const Facts& facts = host(), const std::vector<Fan>& others = {}) {
  const FanSpec wanted = spec(words);
  auto found = candidates(wanted, facts);
  EXPECT_TRUE(found.ok()) << words << ": " << (found.ok() ? "" : found.error().message);
  const Candidate first = found.ok() ? found->front() : Candidate{address("172.30.0.28"), "eth0"};
  auto made = make_fan(wanted, first, 1500, facts, others);
  EXPECT_TRUE(made.ok()) << words << ": " << (made.ok() ? "" : made.error().message);
  return made.ok() ? *made : Fan{wanted, mapping("250.0.0.0/8", "172.30.0.0/16"), first.host, "", 0, "", {}};
}

} // namespace fan::given
