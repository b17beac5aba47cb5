#include "core/object.h"

#include <initializer_list>
#include <string_view>

#include <fmt/format.h>

#include "core/overloaded.h"

namespace fan {
namespace {

const char* word(Direction direction) {
  return direction == Direction::ingress ? "ingress" : "egress";
}

// "ruleset" and "set slices ..." are the firewall's, as they always were.
const char* prefix_of(NftTable table) {
  return table == NftTable::inet ? "" : " bridge";
}

// A thousand endpoints have six thousand keys.
std::string joined(std::initializer_list<std::string_view> parts) {
  std::size_t length = 0;
  for (const std::string_view part : parts) {
    length += part.size();
  }
  std::string text;
  text.reserve(length);
  for (const std::string_view part : parts) {
    text += part;
  }
  return text;
}

} // namespace

const char* word_for(PortFlagName flag) {
  switch (flag) {
  case PortFlagName::proxy_arp_wifi:
    return "proxy_arp_wifi";
  case PortFlagName::bcast_flood:
    return "bcast_flood";
  case PortFlagName::learning:
    break;
  }
  return "learning";
}

bool is_on_at_first(PortFlagName flag) {
  return flag != PortFlagName::proxy_arp_wifi;
}

bool is_port_object(const Object& object) {
  const auto* neighbour = std::get_if<Neighbour>(&object);
  return (neighbour != nullptr && neighbour->protocol != 0) || std::holds_alternative<FdbEntry>(object) ||
         std::holds_alternative<PortFlag>(object);
}

std::string key_of(const Object& object) {
  return std::visit(
      Overloaded{
          [](const Tunnel& o) { return "tunnel " + o.name; },
          [](const Bridge& o) { return "bridge " + o.name; },
          [](const Ruleset& o) { return std::string("ruleset") + prefix_of(o.table); },
          [](const SetElement& o) {
            return joined({"set", prefix_of(o.table), " ", o.set, " ", o.element});
          },
          [](const RecordRow& o) { return "record " + o.bridge; },
          [](const MappingRow& o) { return "mapping " + o.overlay.str(); },
          [](const SliceRow& o) { return "slice " + o.slice.str(); },
          [](const NeverRow& o) { return "never " + o.address.str(); },
          [](const ShortcutRow& o) { return "shortcut " + o.slice.str(); },
          [](const Classifier& o) { return fmt::format("classifier {} {}", o.device, word(o.direction)); },
          [](const Sysctl& o) { return "sysctl " + o.key; },
          [](const InterfaceAddress& o) {
            return fmt::format("address {} {}/{}", o.device, o.address.str(), o.prefix_length);
          },
          [](const LinkUp& o) { return "up " + o.device; },
          [](const Querier& o) { return "querier " + o.bridge; },
          [](const Neighbour& o) {
            return joined({"neighbour ", o.device, " ", o.address.str()});
          },
          [](const FdbEntry& o) {
            return joined({"fdb ", o.bridge, " ", o.mac.str()});
          },
          [](const PortFlag& o) {
            return joined({"flag ", o.port, " ", word_for(o.flag)});
          },
          [](const Route& o) { return "route " + o.destination.str(); },
          [](const DhcpServer& o) { return "dhcp " + o.bridge; },
      },
      object);
}

std::size_t rank_of(const Object& object) {
  return object.index();
}

std::string kind_of(const Object& object) {
  const std::string key = key_of(object);
  return key.substr(0, key.find(' '));
}

std::optional<std::string> device_of(const Object& object) {
  using Device = std::optional<std::string>;
  return std::visit(Overloaded{
                        [](const Classifier& o) -> Device { return o.device; },
                        [](const InterfaceAddress& o) -> Device { return o.device; },
                        [](const LinkUp& o) -> Device { return o.device; },
                        [](const Querier& o) -> Device { return o.bridge; },
                        [](const Neighbour& o) -> Device { return o.device; },
                        [](const FdbEntry& o) -> Device { return o.bridge; },
                        [](const PortFlag& o) -> Device { return o.port; },
                        [](const Route& o) -> Device { return o.device; },
                        [](const auto&) -> Device { return std::nullopt; },
                    },
                    object);
}

} // namespace fan
