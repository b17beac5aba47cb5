// A network of either family, for what is filtered and not routed: what a secured port may send from. A fan itself is
// IPv4 (core/address.h). Pure.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/address.h"
#include "core/result.h"

namespace fan {

// In network byte order: as inet_ntop(3) writes it, and as nft writes what it compares as a number, "0xfe80…".
std::string ipv6_text(const std::array<std::uint8_t, 16>& address);
std::string ipv6_number(const std::array<std::uint8_t, 16>& address);

// Invariant: length 0..128, of an IPv4 one 96..128 in ::ffff:0:0/96, and no bit set below it.
class AnyPrefix {
public:
  AnyPrefix(const Prefix& prefix); // NOLINT(google-explicit-constructor): each of these is one

  // "10.1.0.0/16", "2001:db8::/64"; an address alone is a network of its own. Refuses host bits (class usage; the hint
  // names the network that was probably meant), zones, and IPv4 that is written as IPv6.
  static Result<AnyPrefix> parse(std::string_view text);

  [[nodiscard]] bool is_v4() const { return !is_v6_; }
  [[nodiscard]] bool overlaps(const AnyPrefix& other) const;
  [[nodiscard]] std::string str() const; // with its length, as inet_ntop(3) writes it: "2001:db8::/64"
  // As nft lists it: a single address without its length.
  [[nodiscard]] std::string element() const;
  // The numbers from the first address to the last, as nft lists what it compares as numbers: "0x…-0x…", or one.
  [[nodiscard]] std::string numbers() const;

  auto operator<=>(const AnyPrefix&) const = default;

private:
  using Bytes = std::array<std::uint8_t, 16>;
  AnyPrefix(const Bytes& network, unsigned length)
      : is_v6_(true), network_(network), length_(static_cast<std::uint8_t>(length)) {}
  [[nodiscard]] std::string address() const;

  bool is_v6_ = false; // first, so that IPv4 comes first in an order
  Bytes network_{};
  std::uint8_t length_ = 0;
};

} // namespace fan
