// Every kind of kernel object as JSON: its attributes under the names they have in core/object.h.
#include "fanctl/output/json.h"

namespace fan::cli {

namespace {

const char* family_of(NftTable table) {
  return table == NftTable::inet ? "inet" : "bridge";
}

Json fields(const Tunnel& o) {
  return {{"name", o.name},
          {"type", name_of(o.encapsulation)},
          {"port", o.port},
          {"mac", o.mac.str()},
          {"mtu", o.mtu},
          {"qdisc", o.qdisc},
          {"master", o.master.empty() ? Json() : Json(o.master)}};
}

Json fields(const Bridge& o) {
  return {{"name", o.name}, {"mac", o.mac.str()}, {"mtu", o.mtu}, {"alias", o.alias}};
}

Json fields(const Ruleset& o) {
  return {{"table", table_name}, {"family", family_of(o.table)}, {"version", o.version}};
}

Json fields(const SetElement& o) {
  return {{"set", o.set}, {"element", o.element}, {"data", o.data}, {"family", family_of(o.table)}};
}

Json fields(const MappingRow& o) {
  return {
      {"overlay", o.overlay.str()}, {"underlay", o.underlay.str()}, {"vni", o.vni}, {"type", name_of(o.encapsulation)}};
}

Json fields(const SliceRow& o) {
  return {{"slice", o.slice.str()},
          {"host", o.host.str()},
          {"overlay", o.overlay.str()},
          {"underlay", o.underlay.str()},
          {"vni", o.vni},
          {"accept_ipip", o.accept_ipip},
          {"accept_vxlan", o.accept_vxlan},
          {"least_ttl", o.least_ttl},
          {"strict", o.strict},
          {"open", o.open},
          {"reserve", o.reserve},
          {"port", o.port}};
}

Json fields(const NeverRow& o) {
  return {{"address", o.address.str()}};
}

Json fields(const ShortcutRow& o) {
  return {{"slice", o.slice.str()}, {"bridge", o.bridge}};
}

Json fields(const RecordRow& o) {
  return {{"bridge", o.bridge}, {"text", o.text}};
}

Json fields(const Classifier& o) {
  return {{"device", o.device},
          {"direction", o.direction == Direction::ingress ? "ingress" : "egress"},
          {"program", o.program},
          {"build", o.build},
          {"first", o.first}};
}

Json fields(const Sysctl& o) {
  return {{"name", o.key}, {"value", o.value}};
}

Json fields(const InterfaceAddress& o) {
  return {{"device", o.device},
          {"address", o.address.str()},
          {"prefix_length", o.prefix_length},
          {"connected", o.connected}};
}

Json fields(const LinkUp& o) {
  return {{"device", o.device}};
}

Json fields(const Querier& o) {
  return {{"bridge", o.bridge}, {"response_interval", o.response_interval}, {"on", o.on}};
}

Json fields(const Neighbour& o) {
  return {{"device", o.device}, {"address", o.address.str()}, {"mac", o.mac.str()}, {"protocol", o.protocol}};
}

Json fields(const FdbEntry& o) {
  return {{"device", o.bridge},
          {"mac", o.mac.str()},
          {"port", o.port.empty() ? Json() : Json(o.port)},
          {"sticky", o.sticky}};
}

Json fields(const PortFlag& o) {
  return {{"device", o.port}, {"flag", word_for(o.flag)}, {"on", !is_on_at_first(o.flag)}};
}

Json fields(const Route& o) {
  return {{"destination", o.destination.str()},
          {"via", o.via.str()},
          {"device", o.device},
          {"source", o.source.str()},
          {"mtu", o.mtu},
          {"first", o.first},
          {"only", o.only}};
}

Json fields(const DhcpServer& o) {
  return {{"bridge", o.bridge}, {"argv", o.argv}};
}

} // namespace

Json to_json(const Object& object) {
  return std::visit([](const auto& o) { return fields(o); }, object);
}

} // namespace fan::cli
