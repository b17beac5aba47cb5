#include "core/any_prefix.h"

#include <algorithm>

#include <arpa/inet.h>

#include <fmt/format.h>

#include "core/errors.h"
#include "core/number.h"

namespace fan {

namespace {

using Bytes = std::array<std::uint8_t, 16>;

constexpr unsigned v4_offset = 96; // of IPv4 in its mapped form

// The address without, or with all, of the bits after the first `length`.
Bytes masked(Bytes address, unsigned length, bool ones) {
  for (unsigned bit = length; bit < 128; ++bit) {
    const auto one = static_cast<std::uint8_t>(0x80U >> (bit % 8));
    std::uint8_t& byte = address[bit / 8];
    byte = static_cast<std::uint8_t>(ones ? byte | one : byte & ~one);
  }
  return address;
}

bool is_mapped(const Bytes& address) {
  return Address(0).bytes() == masked(address, v4_offset, false);
}

} // namespace

std::string ipv6_text(const Bytes& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  return inet_ntop(AF_INET6, address.data(), text.data(), text.size()) == nullptr ? "" : text.data();
}

// Without leading zeros.
std::string ipv6_number(const Bytes& address) {
  std::string digits;
  for (const std::uint8_t byte : address) {
    digits += fmt::format("{:02x}", byte);
  }
  const std::size_t first = digits.find_first_not_of('0');
  return "0x" + (first == std::string::npos ? "0" : digits.substr(first));
}

AnyPrefix::AnyPrefix(const Prefix& prefix)
    : network_(prefix.network().bytes()), length_(static_cast<std::uint8_t>(v4_offset + prefix.length())) {}

Result<AnyPrefix> AnyPrefix::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (text.find(':') == std::string_view::npos) {
    auto v4 = Prefix::parse(slash == std::string_view::npos ? std::string(text) + "/32" : std::string(text));
    return v4 ? Result<AnyPrefix>(*v4) : std::move(v4).error();
  }
  const std::string word(text.substr(0, slash));
  Bytes bytes{};
  if (inet_pton(AF_INET6, word.c_str(), bytes.data()) != 1) {
    return usage_error(quoted(text) + " is not an IPv6 network", "write it as in 2001:db8:1::/48");
  }
  const auto length =
      slash == std::string_view::npos ? std::optional<std::uint32_t>(128) : parse_number(text.substr(slash + 1), 128);
  if (!length) {
    return usage_error(quoted(text) + " is not a network: the prefix length is a number from 0 to 128");
  }
  if (is_mapped(bytes) && *length >= v4_offset) {
    return usage_error(quoted(text) + " is IPv4", "write it as in 10.1.0.0/16");
  }
  const AnyPrefix prefix(masked(bytes, *length, false), *length);
  if (prefix.network_ != bytes) {
    return usage_error(fmt::format("{} is not a network: it has bits set after the first {}", quoted(text), *length),
                       "perhaps " + prefix.str() + " was meant");
  }
  return prefix;
}

bool AnyPrefix::overlaps(const AnyPrefix& other) const {
  const unsigned shorter = std::min(length_, other.length_);
  return is_v6_ == other.is_v6_ && masked(network_, shorter, false) == masked(other.network_, shorter, false);
}

std::string AnyPrefix::address() const {
  return is_v6_ ? ipv6_text(network_)
                : fmt::format("{}.{}.{}.{}", network_[12], network_[13], network_[14], network_[15]);
}

std::string AnyPrefix::str() const {
  return fmt::format("{}/{}", address(), is_v6_ ? length_ : length_ - v4_offset);
}

std::string AnyPrefix::element() const {
  return length_ == 128 ? address() : str();
}

std::string AnyPrefix::numbers() const {
  const std::string first = ipv6_number(network_);
  return length_ == 128 ? first : first + "-" + ipv6_number(masked(network_, length_, true));
}

} // namespace fan
