#include "fanctl/output/json.h"

#include "core/dns_domain.h"
#include "core/words.h"
#include "fanctl/exit_status.h"

namespace fan::cli {

namespace {

Json or_null(const std::string& text) {
  return text.empty() ? Json() : Json(text);
}

Json or_null(int number) {
  return number == 0 ? Json() : Json(number);
}

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

Json expose_of(const FanSpec& spec) {
  if (spec.expose_all) {
    return "all";
  }
  Json list = Json::array();
  for (const Prefix& prefix : spec.expose) {
    list.push_back(prefix.str());
  }
  return list;
}

// By name; `cidr` is null where the pool is no network.
Json pools_of(const Fan& fan) {
  Json pools = Json::object();
  for (const Pool& pool : fan.spec.pools) {
    const std::optional<Prefix> network = network_of(pool, fan.slice());
    pools[pool.name] = Json{{"first", fan.slice().at(pool.first).str()},
                            {"last", fan.slice().at(pool.last).str()},
                            {"cidr", network ? Json(network->str()) : Json()}};
  }
  return pools;
}

Json accepted_by(const Fan& fan) {
  Json list = Json::array();
  for (const Encapsulation encapsulation : {Encapsulation::ipip, Encapsulation::vxlan}) {
    if (fan.accepts(encapsulation)) {
      list.push_back(name_of(encapsulation));
    }
  }
  return list;
}

// VNI and UDP port are vxlan's; a fan that neither sends nor receives vxlan has none.
void add_vxlan(Json& json, const Fan& fan) {
  const bool vxlan = fan.accepts(Encapsulation::vxlan);
  json["vni"] = vxlan ? Json(fan.vni()) : Json();
  json["port"] = vxlan ? Json(fan.port()) : Json();
}

} // namespace

Json document_of(const std::string& command) {
  return Json{{"schema", json_schema}, {"command", command}};
}

Json to_json(const Error& error) {
  const TextPlace place = error.place.value_or(TextPlace{});
  return Json{{"class", word_for(error.kind)},     {"exit_status", static_cast<int>(status_of(error.kind))},
              {"message", error.message},          {"hint", or_null(error.hint)},
              {"errno", or_null(error.sys_errno)}, {"kernel", or_null(error.kernel_text)},
              {"file", or_null(place.file)},       {"line", or_null(place.line)},
              {"column", or_null(place.column)}};
}

Json to_json(const Fan& fan) {
  const FanSpec& spec = fan.spec;
  Json json{{"bridge", fan.bridge},
            {"overlay", fan.mapping.overlay().str()},
            {"underlay", fan.mapping.underlay().str()},
            {"typed", Json{{"overlay", spec.overlay_text}, {"underlay", spec.underlay_text}}},
            {"host", fan.host.str()},
            {"device", fan.device},
            {"slice", fan.slice().str()},
            {"gateway", fan.gateway().str()},
            {"mtu", fan.mtu},
            {"type", name_of(spec.encapsulation)},
            {"accept", accepted_by(fan)}};
  add_vxlan(json, fan);
  json["host_reserve"] = spec.host_reserve;
  json["dhcp"] = spec.dhcp;
  json["nat"] = spec.nat;
  json["reach"] = spec.reach;
  json["strict"] = spec.strict;
  json["snooping"] = spec.snooping;
  json["proxy_arp"] = spec.proxy_arp;
  json["secure"] = spec.secure;
  json["isolate"] = spec.isolate;
  json["host_access"] = name_of(spec.host_access);
  json["block_metadata"] = spec.block_metadata;
  json["shortcut"] = spec.shortcut;
  json["auto"] = spec.autostart;
  json["origin"] = or_null(spec.origin);
  json["ttl_security"] = or_null(spec.ttl_security);
  json["expose"] = expose_of(spec);
  json["pools"] = pools_of(fan);
  json["lease_time"] = spec.dhcp ? Json(spec.lease.value_or(default_lease)) : Json();
  json["domain"] = or_null(spec.domain);
  return json;
}

Json to_json(const Change& change) {
  const char* action = !change.before ? "create" : change.after ? "change" : "remove";
  return Json{{"action", action},
              {"kind", kind_of(change.object())},
              {"key", key_of(change.object())},
              {"before", change.before ? to_json(*change.before) : Json()},
              {"after", change.after ? to_json(*change.after) : Json()},
              {"because", change.because}};
}

std::string text_of(const Json& document) {
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string error_document(const Error& error) {
  return text_of(Json{{"schema", json_schema}, {"error", to_json(error)}});
}

} // namespace fan::cli
