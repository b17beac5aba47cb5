#include "linux/netlink/attributes.h"

#include <algorithm>

#include <arpa/inet.h>

namespace fan::netlink {

Attributes::Attributes(const void* first, std::size_t length) {
  const auto* at = static_cast<const unsigned char*>(first);
  while (length >= static_cast<std::size_t>(NLA_HDRLEN)) {
    const auto* raw = reinterpret_cast<const nlattr*>(at);
    if (raw->nla_len < NLA_HDRLEN || raw->nla_len > length)
      return;
    const unsigned type = raw->nla_type & static_cast<unsigned>(NLA_TYPE_MASK);
    if (type < by_type_.size())
      by_type_[type] = raw;
    const std::size_t step = std::min<std::size_t>(NLA_ALIGN(raw->nla_len), length);
    at += step;
    length -= step;
  }
}

Attributes Attributes::of(const nlmsghdr& message, std::size_t header_length) {
  const std::size_t skip = NLMSG_HDRLEN + NLMSG_ALIGN(header_length);
  if (message.nlmsg_len <= skip)
    return {};
  return {reinterpret_cast<const unsigned char*>(&message) + skip, message.nlmsg_len - skip};
}

const nlattr* Attributes::find(unsigned type) const {
  return type < by_type_.size() ? by_type_[type] : nullptr;
}

std::optional<Attribute> Attributes::get(unsigned type) const {
  const nlattr* raw = find(type);
  return raw == nullptr ? std::nullopt : std::optional(Attribute(raw));
}

Attributes Attributes::nest(unsigned type) const {
  const auto outer = get(type);
  return outer ? Attributes(outer->data(), outer->size()) : Attributes();
}

std::optional<std::uint16_t> Attributes::be16(unsigned type) const {
  const auto raw = number<std::uint16_t>(type);
  return raw ? std::optional(ntohs(*raw)) : std::nullopt;
}

std::string Attributes::text(unsigned type) const {
  const auto attribute = get(type);
  return attribute ? attribute->text() : std::string();
}

std::optional<Address> Attributes::v4(unsigned type) const {
  const auto raw = number<std::uint32_t>(type);
  return raw ? std::optional(Address(ntohl(*raw))) : std::nullopt;
}

std::optional<Mac> Attributes::mac(unsigned type) const {
  const auto attribute = get(type);
  Mac mac;
  if (!attribute || attribute->size() != mac.bytes.size())
    return std::nullopt;
  std::copy_n(attribute->data(), mac.bytes.size(), mac.bytes.begin());
  return mac;
}

} // namespace fan::netlink
