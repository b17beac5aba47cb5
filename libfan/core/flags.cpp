#include "core/flags.h"

#include <algorithm>
#include <type_traits>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/dns_domain.h"
#include "core/errors.h"
#include "core/mtu.h"
#include "core/names.h"
#include "core/number.h"
#include "core/suggest.h"
#include "core/words.h"

namespace fan {

namespace {

// Each reserved address is one more address on the bridge; nobody has asked for as many.
constexpr std::uint32_t most_reserved = 1024;
constexpr std::uint32_t most_vni = 0xffffff;

// Puts a number into an optional or plain field of any integer type.
template <class Field>
Result<void> take_number(std::string_view text, std::uint32_t least, std::uint32_t most, Field& field) {
  auto value = number_between(text, least, most);
  if (!value)
    return std::move(value).error();
  if constexpr (std::is_integral_v<Field>)
    field = static_cast<Field>(*value);
  else
    field = static_cast<typename Field::value_type>(*value);
  return {};
}

Result<void> take_bridge(FanSpec& spec, std::string_view text) {
  if (auto valid = validate_device_name(text); !valid)
    return valid;
  if (text.starts_with("fanip") || text.starts_with("fanvx"))
    return usage_error(quoted(text) + " is kept for tunnel devices", "choose another name for the bridge");
  spec.bridge = std::string(text);
  return {};
}

Result<void> take_type(FanSpec& spec, std::string_view text) {
  auto encapsulation = parse_encapsulation(text);
  if (!encapsulation)
    return std::move(encapsulation).error();
  spec.encapsulation = *encapsulation;
  return {};
}

Result<void> take_accept(FanSpec& spec, std::string_view text) {
  for (bool more = true; more;) {
    const std::size_t comma = text.find(',');
    auto encapsulation = parse_encapsulation(text.substr(0, comma));
    if (!encapsulation)
      return std::move(encapsulation).error();
    spec.accept.insert(*encapsulation);
    more = comma != std::string_view::npos;
    text.remove_prefix(more ? comma + 1 : text.size());
  }
  return {};
}

Result<void> take_expose(FanSpec& spec, std::string_view text) {
  if (text == "all") {
    spec.expose_all = true;
    return {};
  }
  auto prefix = Prefix::parse(text.find('/') == std::string_view::npos ? std::string(text) + "/32" : std::string(text));
  if (!prefix)
    return usage_error(quoted(text) + " is not a part of a slice",
                       "write 'all', an address, or a network as in 250.0.28.128/25");
  if (std::find(spec.expose.begin(), spec.expose.end(), *prefix) == spec.expose.end())
    spec.expose.push_back(*prefix);
  if (spec.expose.size() > most_exposed)
    return usage_error(fmt::format("more than {} exposed networks", most_exposed),
                       "use larger networks, or 'expose all'");
  return {};
}

Result<void> take_pool(FanSpec& spec, std::string_view text) {
  auto pool = parse_pool(text);
  if (!pool)
    return std::move(pool).error();
  if (auto apart = check_apart(spec.pools, *pool); !apart)
    return apart;
  const auto place =
      std::find_if(spec.pools.begin(), spec.pools.end(), [&](const Pool& other) { return other.first > pool->first; });
  spec.pools.insert(place, std::move(pool).value());
  return {};
}

Result<void> take_lease(FanSpec& spec, std::string_view text) {
  auto seconds = parse_lease(text);
  if (!seconds)
    return std::move(seconds).error();
  spec.lease = *seconds;
  return {};
}

Result<void> take_domain(FanSpec& spec, std::string_view text) {
  auto domain = parse_domain(text);
  if (!domain)
    return std::move(domain).error();
  spec.domain = std::move(domain).value();
  return {};
}

Result<void> take_host_access(FanSpec& spec, std::string_view text) {
  for (const HostAccess access : {HostAccess::all, HostAccess::dhcp, HostAccess::none})
    if (text == name_of(access)) {
      spec.host_access = access;
      return {};
    }
  return usage_error(quoted(text) + " is no kind of access to the host", "there are three: dhcp, all and none");
}

Result<void> take_origin(FanSpec& spec, std::string_view text) {
  if (!text.starts_with('/'))
    return usage_error(quoted(text) + " is not an absolute path");
  spec.origin = std::string(text);
  return {};
}

const Flag flags[] = {
    {"dhcp", nullptr,
     [](FanSpec& s, std::string_view) {
       s.dhcp = true;
       return Result<void>();
     }},
    {"host-reserve", "a number of addresses",
     [](FanSpec& s, std::string_view t) { return take_number(t, 1, most_reserved, s.host_reserve); }},
    {"auto", nullptr,
     [](FanSpec& s, std::string_view) {
       s.autostart = true;
       return Result<void>();
     }},
    {"bridge", "the name of a bridge", take_bridge},
    {"type", "ipip or vxlan", take_type},
    {"accept", "ipip, vxlan or ipip,vxlan", take_accept},
    {"vni", "a number", [](FanSpec& s, std::string_view t) { return take_number(t, 1, most_vni, s.vni); }},
    {"port", "a UDP port", [](FanSpec& s, std::string_view t) { return take_number(t, 1, 65535, s.port); }},
    {"mtu", "a number of bytes",
     [](FanSpec& s, std::string_view t) { return take_number(t, least_mtu, most_mtu, s.mtu); }},
    {"no-nat", nullptr,
     [](FanSpec& s, std::string_view) {
       s.nat = false;
       return Result<void>();
     }},
    {"expose", "a network or 'all'", take_expose, true},
    {"ttl-security", "a number of hops",
     [](FanSpec& s, std::string_view t) { return take_number(t, 1, 255, s.ttl_security); }},
    {"pool", "NAME=FIRST-LAST", take_pool, true},
    {"lease-time", "a time", take_lease},
    {"domain", "a domain", take_domain},
    {"reach", nullptr,
     [](FanSpec& s, std::string_view) {
       s.reach = true;
       return Result<void>();
     }},
    {"strict", nullptr,
     [](FanSpec& s, std::string_view) {
       s.strict = true;
       return Result<void>();
     }},
    {"no-isolate", nullptr,
     [](FanSpec& s, std::string_view) {
       s.isolate = false;
       return Result<void>();
     }},
    {"host-access", "dhcp, all or none", take_host_access},
    {"block-metadata", nullptr,
     [](FanSpec& s, std::string_view) {
       s.block_metadata = true;
       return Result<void>();
     }},
    {"snooping", nullptr,
     [](FanSpec& s, std::string_view) {
       s.snooping = true;
       return Result<void>();
     }},
    {"proxy-arp", nullptr,
     [](FanSpec& s, std::string_view) {
       s.proxy_arp = true;
       return Result<void>();
     }},
    {"secure", nullptr,
     [](FanSpec& s, std::string_view) {
       s.secure = true;
       return Result<void>();
     }},
    {"shortcut", nullptr,
     [](FanSpec& s, std::string_view) {
       s.shortcut = true;
       return Result<void>();
     }},
    {"off", nullptr,
     [](FanSpec& s, std::string_view) {
       s.off = true;
       return Result<void>();
     }},
    {"origin", "the path of a file", take_origin},
};

} // namespace

const Flag* find_flag(std::string_view word) {
  const auto found = std::find_if(std::begin(flags), std::end(flags), [&](const Flag& f) { return word == f.name; });
  return found == std::end(flags) ? nullptr : found;
}

Error unknown_flag(std::string_view word) {
  std::vector<std::string> names;
  for (const Flag& flag : flags)
    names.emplace_back(flag.name);
  const auto near = nearest(word, names);
  if (near)
    return usage_error(fmt::format("unknown flag {}; did you mean {}?", quoted(word), quoted(*near)));
  return usage_error("unknown flag " + quoted(word), fmt::format("the flags are: {}", fmt::join(names, ", ")));
}

} // namespace fan
