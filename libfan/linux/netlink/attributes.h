// Reading netlink attributes without trusting their lengths. Views into somebody else's buffer: they may not outlive
// the message. Anything absent, short or of unknown type reads as nothing; nothing here fails.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>

#include <linux/netlink.h>

#include "core/address.h"

namespace fan::netlink {

// One attribute: a view of its payload.
class Attribute {
public:
  explicit Attribute(const nlattr* raw) : raw_(raw) {}

  [[nodiscard]] const unsigned char* data() const { return reinterpret_cast<const unsigned char*>(raw_) + NLA_HDRLEN; }
  [[nodiscard]] std::size_t size() const { return raw_->nla_len - static_cast<std::size_t>(NLA_HDRLEN); }

  // A number in HOST byte order; nothing when the payload is shorter than T.
  template <class T>
  [[nodiscard]] std::optional<T> number() const {
    if (size() < sizeof(T))
      return std::nullopt;
    T value;
    std::memcpy(&value, data(), sizeof value);
    return value;
  }
  // Text up to the first NUL or the end of the payload.
  [[nodiscard]] std::string text() const {
    const char* begin = reinterpret_cast<const char*>(data());
    return {begin, strnlen(begin, size())};
  }

private:
  const nlattr* raw_;
};

// The attributes of one message or one nest, by type; a repeated type reads as its last one.
class Attributes {
public:
  Attributes(const void* first, std::size_t length);
  // Those that follow a family header of `header_length` bytes in a whole message.
  static Attributes of(const nlmsghdr& message, std::size_t header_length);

  [[nodiscard]] bool has(unsigned type) const { return find(type) != nullptr; }
  [[nodiscard]] std::optional<Attribute> get(unsigned type) const;
  // The attributes inside attribute `type`; empty when it is absent.
  [[nodiscard]] Attributes nest(unsigned type) const;

  [[nodiscard]] std::optional<std::uint8_t> u8(unsigned type) const { return number<std::uint8_t>(type); }
  [[nodiscard]] std::optional<std::uint32_t> u32(unsigned type) const { return number<std::uint32_t>(type); }
  [[nodiscard]] std::optional<std::uint64_t> u64(unsigned type) const { return number<std::uint64_t>(type); }
  // A 16-bit number sent in network byte order, returned in host byte order.
  [[nodiscard]] std::optional<std::uint16_t> be16(unsigned type) const;
  [[nodiscard]] std::string text(unsigned type) const; // "" when absent
  [[nodiscard]] std::optional<Address> v4(unsigned type) const;
  [[nodiscard]] std::optional<Mac> mac(unsigned type) const; // exactly six bytes

private:
  Attributes() = default;
  template <class T>
  [[nodiscard]] std::optional<T> number(unsigned type) const {
    const nlattr* raw = find(type);
    return raw == nullptr ? std::nullopt : Attribute(raw).number<T>();
  }
  [[nodiscard]] const nlattr* find(unsigned type) const;

  // Above every type that is read here (IFLA_… of 6.x end at 70); in place, because a dump makes one of these a
  // message.
  std::array<const nlattr*, 80> by_type_{};
};

// The family header of a message, nothing when the message is too short to hold one.
template <class Header>
const Header* header_of(const nlmsghdr& message) {
  if (message.nlmsg_len < NLMSG_HDRLEN + sizeof(Header))
    return nullptr;
  return reinterpret_cast<const Header*>(reinterpret_cast<const unsigned char*>(&message) + NLMSG_HDRLEN);
}

} // namespace fan::netlink
