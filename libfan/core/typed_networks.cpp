// What a person types for an overlay and for an underlay.
#include <algorithm>

#include <fmt/format.h>

#include "core/errors.h"
#include "core/names.h"
#include "core/number.h"
#include "core/words.h"

namespace fan {

namespace {

bool looks_like_address(std::string_view text) {
  return text.find('.') != std::string_view::npos &&
         std::all_of(text.begin(), text.end(), [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
}

Result<UnderlayRef> underlay_from_address(std::string_view text, unsigned length) {
  auto address = Address::parse(text);
  if (!address)
    return std::move(address).error();
  if (length == 32)
    return usage_error(fmt::format("{}/32 is one address, and no underlay: that has other hosts", text),
                       fmt::format("write the length of the whole underlay, as in {}/16", text));
  UnderlayRef ref;
  ref.prefix_length = length;
  if (auto network = Prefix::make(*address, length); network) {
    ref.kind = UnderlayRef::Kind::network;
    ref.network = *network;
  } else {
    ref.kind = UnderlayRef::Kind::address;
    ref.address = *address;
  }
  return ref;
}

Result<UnderlayRef> underlay_from_name(std::string_view text, unsigned length) {
  UnderlayRef ref;
  ref.prefix_length = length;
  if (text == "default") {
    ref.kind = UnderlayRef::Kind::default_route;
    return ref;
  }
  if (text.find(':') != std::string_view::npos)
    return usage_error(quoted(text) + " is neither an IPv4 address nor the name of a device",
                       "a fan is IPv4 only for now; for an alias like eth0:1 write its address");
  if (!is_device_name(text))
    return usage_error(quoted(text) + " is neither an address nor the name of a device",
                       "write an address, a device (at most 15 bytes) or 'default', and perhaps a length: eth0/16");
  ref.device = std::string(text);
  return ref;
}

} // namespace

Result<Prefix> parse_overlay(std::string_view text) {
  if (const auto first = parse_number(text, 255))
    return Prefix::make(Address(*first << 24U), 8);
  const std::string_view before = text.substr(0, text.find('/'));
  if (const auto address = Address::parse(before); address && before.size() == text.size())
    return usage_error(quoted(text) + " is not an overlay: the prefix length is missing",
                       fmt::format("write {}/8, say", before));
  auto overlay = Prefix::parse(text);
  if (!overlay) {
    Error error = std::move(overlay).error();
    if (error.hint.empty() || parse_number(before, 255))
      error.hint = "write a network with its length, as in 250.0.0.0/8, or only its first number, 250";
    return error;
  }
  if (overlay->length() == 0)
    return usage_error(quoted(text) + " is not an overlay: it is every address there is",
                       "choose a network, as 250.0.0.0/8");
  return overlay;
}

Result<UnderlayRef> parse_underlay(std::string_view text) {
  const std::size_t slash = text.find('/');
  unsigned length = 16;
  if (slash != std::string_view::npos) {
    auto typed = number_between(text.substr(slash + 1), 1, 32);
    if (!typed)
      return std::move(typed).error().within("prefix length of underlay " + quoted(text));
    length = *typed;
  }
  const std::string_view name = text.substr(0, slash);
  return looks_like_address(name) ? underlay_from_address(name, length) : underlay_from_name(name, length);
}

} // namespace fan
