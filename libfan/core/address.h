// Addresses as values: 128 bits wide and family-neutral, so that IPv6 can come without a new layout.
// Pure: no socket header, no system call.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace fan {

// An IP address, 16 bytes in network byte order. IPv4 is held IPv4-mapped (RFC 4291 section 2.5.5.2: ::ffff:a.b.c.d),
// which is also how the BPF maps hold it. Default: the unspecified IPv4 address 0.0.0.0.
class Address {
public:
  constexpr Address() : Address(std::uint32_t{0}) {}
  // An IPv4 address from a number in HOST byte order: 0xac1e001c is 172.30.0.28.
  constexpr explicit Address(std::uint32_t v4_host_order)
      : bytes_{0,
               0,
               0,
               0,
               0,
               0,
               0,
               0,
               0,
               0,
               0xff,
               0xff,
               static_cast<std::uint8_t>(v4_host_order >> 24U),
               static_cast<std::uint8_t>(v4_host_order >> 16U),
               static_cast<std::uint8_t>(v4_host_order >> 8U),
               static_cast<std::uint8_t>(v4_host_order)} {}

  // Exactly four decimal numbers 0..255 without leading zeros. Error class: usage.
  static Result<Address> parse(std::string_view text);

  [[nodiscard]] constexpr const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }
  // The IPv4 address as a number in HOST byte order.
  [[nodiscard]] constexpr std::uint32_t v4() const {
    return (std::uint32_t{bytes_[12]} << 24U) | (std::uint32_t{bytes_[13]} << 16U) | (std::uint32_t{bytes_[14]} << 8U) |
           std::uint32_t{bytes_[15]};
  }
  [[nodiscard]] std::string str() const;

  auto operator<=>(const Address&) const = default;

private:
  std::array<std::uint8_t, 16> bytes_;
};

// A network: invariant: length 0..32 and no bit set below it. Made only by `make` and `parse`, or from an address by
// `of`.
class Prefix {
public:
  constexpr Prefix() = default; // 0.0.0.0/0

  // Refuses host bits set and length > 32 (class usage; the hint names the network that was probably meant).
  static Result<Prefix> make(Address network, unsigned length);
  // "A.B.C.D/N"; refuses everything else (class usage).
  static Result<Prefix> parse(std::string_view text);
  // The network of `length` bits that `address` is in. Precondition: length <= 32.
  static constexpr Prefix of(Address address, unsigned length) {
    Prefix p;
    p.length_ = static_cast<std::uint8_t>(length);
    p.network_ = Address(address.v4() & mask_bits(length));
    return p;
  }

  // The netmask of `length` bits as a number in HOST byte order.
  static constexpr std::uint32_t mask_bits(unsigned length) {
    return length == 0 ? 0U : ~std::uint32_t{0} << (32U - length);
  }

  [[nodiscard]] constexpr Address network() const { return network_; }
  [[nodiscard]] constexpr unsigned length() const { return length_; }
  [[nodiscard]] constexpr Address netmask() const { return Address(mask_bits(length_)); }
  // All host bits one.
  [[nodiscard]] constexpr Address broadcast() const { return Address(network_.v4() | ~mask_bits(length_)); }
  // The n-th address counted from the network address. Precondition: n < 2^(32-length).
  [[nodiscard]] constexpr Address at(std::uint32_t n) const { return Address(network_.v4() + n); }
  [[nodiscard]] constexpr bool contains(Address a) const { return (a.v4() & mask_bits(length_)) == network_.v4(); }
  [[nodiscard]] constexpr bool contains(const Prefix& other) const {
    return other.length_ >= length_ && contains(other.network_);
  }
  [[nodiscard]] constexpr bool overlaps(const Prefix& other) const { return contains(other) || other.contains(*this); }
  [[nodiscard]] std::string str() const; // "250.0.28.0/24"

  auto operator<=>(const Prefix&) const = default;

private:
  Address network_;
  std::uint8_t length_ = 0;
};

// An Ethernet address, in transmission order.
struct Mac {
  std::array<std::uint8_t, 6> bytes{};

  // "02:fa:00:00:00:01", lower or upper case. Error class: usage.
  static Result<Mac> parse(std::string_view text);
  [[nodiscard]] std::string str() const; // lower case
  auto operator<=>(const Mac&) const = default;
};

} // namespace fan
