#include "fanctl/docker/address_pools.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/number.h"

namespace fan::cli::docker {

namespace {

using nlohmann::json;

struct BuiltIn {
  std::uint32_t network; // host byte order
  unsigned length;
};
constexpr std::array built_in{BuiltIn{0xac110000U, 16}, BuiltIn{0xac120000U, 16}, BuiltIn{0xac130000U, 16},
                              BuiltIn{0xac140000U, 14}, BuiltIn{0xac180000U, 14}, BuiltIn{0xac1c0000U, 14},
                              BuiltIn{0xc0a80000U, 16}};

// Networks to propose instead, from the least used parts of RFC 1918 and from RFC 2544's.
constexpr std::array proposals{BuiltIn{0x0ac90000U, 16}, BuiltIn{0x0ae60000U, 16}, BuiltIn{0xc6120000U, 16},
                               BuiltIn{0xac1f0000U, 16}, BuiltIn{0xc0a80000U, 16}};

std::optional<Prefix> prefix_in(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) {
    return std::nullopt;
  }
  const std::string text = found->get<std::string>();
  const std::size_t slash = text.find('/');
  const Result<Address> address = Address::parse(text.substr(0, slash));
  if (!address || slash == std::string::npos) {
    return std::nullopt;
  }
  const Result<std::uint32_t> length = number_between(text.substr(slash + 1), 1, 32);
  return length ? std::optional(Prefix::of(*address, *length)) : std::nullopt; // `bip` has host bits
}

std::vector<Prefix> configured(const json& document) {
  std::vector<Prefix> pools;
  const auto listed = document.find("default-address-pools");
  if (listed == document.end() || !listed->is_array()) {
    return pools;
  }
  for (const json& entry : *listed) {
    if (const std::optional<Prefix> base = entry.is_object() ? prefix_in(entry, "base") : std::nullopt) {
      pools.push_back(*base);
    }
  }
  return pools;
}

} // namespace

std::vector<Prefix> address_pools(std::string_view daemon_json) {
  json document = json::parse(daemon_json, nullptr, false);
  if (!document.is_object()) {
    document = json::object();
  }
  std::vector<Prefix> pools = configured(document);
  if (pools.empty()) {
    for (const BuiltIn& pool : built_in) {
      pools.push_back(Prefix::of(Address(pool.network), pool.length));
    }
  }
  if (const std::optional<Prefix> bip = prefix_in(document, "bip")) {
    pools.push_back(*bip);
  }
  return pools;
}

std::optional<std::string> meeting(const std::vector<Prefix>& pools, const Prefix& overlay, const Prefix& underlay) {
  const auto met = std::find_if(pools.begin(), pools.end(),
                                [&](const Prefix& pool) { return pool.overlaps(overlay) || pool.overlaps(underlay); });
  if (met == pools.end()) {
    return std::nullopt;
  }
  const bool is_overlay = met->overlaps(overlay);
  const auto free = std::find_if(proposals.begin(), proposals.end(), [&](const BuiltIn& proposal) {
    const Prefix base = Prefix::of(Address(proposal.network), proposal.length);
    return !base.overlaps(overlay) && !base.overlaps(underlay);
  });
  const std::string base =
      free == proposals.end() ? "A NETWORK OF ITS OWN" : Prefix::of(Address(free->network), free->length).str();
  return fmt::format(
      "Docker takes addresses for its networks from {}, which meets the {} {}; this line in "
      "/etc/docker/daemon.json moves it away: \"default-address-pools\": [{{\"base\": \"{}\", \"size\": 24}}]",
      met->str(), is_overlay ? "overlay" : "underlay", (is_overlay ? overlay : underlay).str(), base);
}

} // namespace fan::cli::docker
