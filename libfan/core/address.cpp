#include "core/address.h"

#include <optional>

#include <fmt/format.h>

#include "core/errors.h"
#include "core/number.h"

namespace fan {

namespace {

// "172.30.0.28" as a number in host byte order.
std::optional<std::uint32_t> parse_v4(std::string_view text) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) {
    const std::size_t dot = text.find('.');
    if ((dot == std::string_view::npos) != (i == 3))
      return std::nullopt;
    const auto byte = parse_number(text.substr(0, dot), 255);
    if (!byte)
      return std::nullopt;
    value = value << 8U | *byte;
    text.remove_prefix(dot == std::string_view::npos ? text.size() : dot + 1);
  }
  return value;
}

std::optional<std::uint8_t> parse_hex_byte(std::string_view two) {
  std::uint8_t value = 0;
  for (const char c : two) {
    const char low = static_cast<char>(c | 0x20);
    if (c >= '0' && c <= '9')
      value = static_cast<std::uint8_t>(value << 4U | (c - '0'));
    else if (low >= 'a' && low <= 'f')
      value = static_cast<std::uint8_t>(value << 4U | (low - 'a' + 10));
    else
      return std::nullopt;
  }
  return value;
}

} // namespace

Result<Address> Address::parse(std::string_view text) {
  if (const auto value = parse_v4(text))
    return Address(*value);
  if (text.find(':') != std::string_view::npos)
    return usage_error(quoted(text) + " is not an IPv4 address", "a fan is IPv4 only for now");
  return usage_error(quoted(text) + " is not an IPv4 address",
                     "write four numbers from 0 to 255 without leading zeros, as in 172.30.0.28");
}

std::string Address::str() const {
  std::string text; // by hand: thousands of keys are made of these
  for (std::size_t i = 12; i < 16; ++i) {
    const unsigned byte = bytes_[i];
    if (byte >= 100)
      text += static_cast<char>('0' + byte / 100);
    if (byte >= 10)
      text += static_cast<char>('0' + byte / 10 % 10);
    text += static_cast<char>('0' + byte % 10);
    if (i < 15)
      text += '.';
  }
  return text;
}

Result<Prefix> Prefix::make(Address network, unsigned length) {
  if (length > 32)
    return usage_error(fmt::format("{}/{} is not a network: the prefix length is at most 32", network.str(), length));
  const Prefix p = of(network, length);
  if (p.network() != network)
    return usage_error(
        fmt::format("{}/{} is not a network: it has bits set after the first {}", network.str(), length, length),
        "perhaps " + p.str() + " was meant");
  return p;
}

Result<Prefix> Prefix::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos)
    return usage_error(quoted(text) + " is not a network: the prefix length is missing", "write it as in 250.0.0.0/8");
  auto network = Address::parse(text.substr(0, slash));
  if (!network)
    return std::move(network).error().within(quoted(text) + " is not a network");
  const auto length = parse_number(text.substr(slash + 1), 32);
  if (!length)
    return usage_error(quoted(text) + " is not a network: the prefix length is a number from 0 to 32");
  return make(*network, *length);
}

std::string Prefix::str() const {
  return fmt::format("{}/{}", network_.str(), length_);
}

Result<Mac> Mac::parse(std::string_view text) {
  const auto wrong = [&] {
    return usage_error(quoted(text) + " is not an Ethernet address", "write six bytes as in 02:fa:00:00:00:01");
  };
  if (text.size() != 17)
    return wrong();
  Mac mac;
  for (std::size_t i = 0; i < 6; ++i) {
    const auto byte = parse_hex_byte(text.substr(i * 3, 2));
    if (!byte || (i < 5 && text[i * 3 + 2] != ':'))
      return wrong();
    mac.bytes[i] = *byte;
  }
  return mac;
}

std::string Mac::str() const {
  constexpr const char* digits = "0123456789abcdef";
  std::string text(17, ':');
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    text[i * 3] = digits[bytes[i] >> 4U];
    text[i * 3 + 1] = digits[bytes[i] & 15U];
  }
  return text;
}

} // namespace fan
