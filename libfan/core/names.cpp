#include "core/names.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/errors.h"
#include "core/object.h"

namespace fan {

namespace {

// isspace() of the kernel's own table (lib/ctype.c), which counts the Latin-1 no-break space.
bool is_kernel_space(unsigned char c) {
  return c == ' ' || (c >= '\t' && c <= '\r') || c == 0xa0;
}

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("._-+@=").find(c) != std::string_view::npos;
}

Mac mac_of(Address address) {
  const auto& b = address.bytes();
  return Mac{{mac_prefix[0], mac_prefix[1], b[12], b[13], b[14], b[15]}};
}

bool is_special(std::string_view name) {
  return name == "all" || name == "default";
}

} // namespace

std::string bridge_name(const Prefix& slice) {
  std::string name = "fan-" + slice.network().str();
  std::replace(name.begin(), name.end(), '.', '-');
  while (name.ends_with("-0"))
    name.resize(name.size() - 2);
  return name.size() <= longest_device_name ? name : fmt::format("fan-{:08x}", slice.network().v4());
}

std::string tunnel_name(Encapsulation encapsulation, std::uint16_t port) {
  return encapsulation == Encapsulation::ipip ? "fanip" : fmt::format("fanvx{}", port);
}

bool is_device_name(std::string_view name) {
  if (name.empty() || name.size() > longest_device_name || name == "." || name == ".." || is_special(name))
    return false;
  return std::none_of(name.begin(), name.end(), [](char c) {
    return c == '/' || c == ':' || c == '\0' || is_kernel_space(static_cast<unsigned char>(c));
  });
}

Result<void> validate_device_name(std::string_view name) {
  const auto wrong = [&](const std::string& why, const std::string& hint = "choose another name") {
    return usage_error(quoted(name) + " cannot be the name of a device: " + why, hint);
  };
  if (name.empty())
    return wrong("it is empty");
  if (name.size() > longest_device_name)
    return wrong(fmt::format("it has {} bytes", name.size()),
                 fmt::format("choose one of at most {} bytes", longest_device_name));
  if (is_special(name))
    return wrong("the kernel's settings use this word for other things");
  if (name == "." || name == "..")
    return wrong("it is a folder's name");
  if (name.front() == '-')
    return wrong("it begins with '-', as options do");
  const auto odd = std::find_if_not(name.begin(), name.end(), is_plain);
  if (odd != name.end())
    return wrong(quoted(std::string_view(&*odd, 1)) + " is in it", "use letters, digits and . _ - + @ = only");
  return {};
}

Mac bridge_mac(const Prefix& slice) {
  return mac_of(slice.at(1));
}

Mac tunnel_mac(Address host) {
  return mac_of(host);
}

bool is_ours(const LinkFact& link) {
  const bool signed_mac = link.mac.bytes[0] == mac_prefix[0] && link.mac.bytes[1] == mac_prefix[1];
  return link.group == link_group && (signed_mac || link.kind == "ipip");
}

std::string sign_command(const std::string& device, const Mac& mac) {
  return fmt::format("ip link set dev {}{} group {}", device, mac == Mac{} ? "" : " address " + mac.str(), link_group);
}

} // namespace fan
