#include "core/words.h"

#include <fmt/format.h>

#include "core/dns_domain.h"

namespace fan {

namespace {

std::string text_of(const UnderlayRef& underlay) {
  switch (underlay.kind) {
  case UnderlayRef::Kind::address:
    return fmt::format("{}/{}", underlay.address.str(), underlay.prefix_length);
  case UnderlayRef::Kind::network:
    return underlay.network.str();
  case UnderlayRef::Kind::device:
    return fmt::format("{}/{}", underlay.device, underlay.prefix_length);
  case UnderlayRef::Kind::default_route:
    break;
  }
  return fmt::format("default/{}", underlay.prefix_length);
}

// Collects flags in the order in which they are named.
class Writer {
public:
  void word(const char* name, bool on) {
    if (on)
      words_.emplace_back(name);
  }

  void pair(const char* name, const std::string& argument) {
    words_.emplace_back(name);
    words_.push_back(argument);
  }

  template <class Number>
  void number(const char* name, const std::optional<Number>& value) {
    if (value)
      pair(name, std::to_string(*value));
  }

  std::vector<std::string> take() { return std::move(words_); }

private:
  std::vector<std::string> words_;
};

void write_accept(Writer& out, const FanSpec& spec) {
  std::string list;
  for (const Encapsulation e : spec.accept)
    if (e != spec.encapsulation)
      list += (list.empty() ? "" : ",") + std::string(name_of(e));
  if (!list.empty())
    out.pair("accept", list);
}

void write_expose(Writer& out, const FanSpec& spec) {
  if (spec.expose_all)
    out.pair("expose", "all");
  for (const Prefix& prefix : spec.expose)
    out.pair("expose", prefix.str());
}

} // namespace

std::string_view name_of(HostAccess access) {
  switch (access) {
  case HostAccess::dhcp:
    return "dhcp";
  case HostAccess::none:
    return "none";
  case HostAccess::all:
    break;
  }
  return "all";
}

std::vector<std::string> flags_of(const FanSpec& spec) {
  Writer out;
  out.word("dhcp", spec.dhcp);
  out.pair("host-reserve", std::to_string(spec.host_reserve));
  out.word("auto", spec.autostart);
  if (spec.bridge)
    out.pair("bridge", *spec.bridge);
  if (spec.encapsulation != Encapsulation::ipip)
    out.pair("type", std::string(name_of(spec.encapsulation)));
  write_accept(out, spec);
  out.number("vni", spec.vni);
  out.number("port", spec.port);
  out.number("mtu", spec.mtu);
  out.word("no-nat", !spec.nat);
  write_expose(out, spec);
  out.number("ttl-security", spec.ttl_security);
  for (const Pool& pool : spec.pools)
    out.pair("pool", text_of(pool));
  if (spec.lease)
    out.pair("lease-time", lease_text(*spec.lease));
  if (spec.domain)
    out.pair("domain", *spec.domain);
  out.word("reach", spec.reach);
  out.word("strict", spec.strict);
  out.word("no-isolate", !spec.isolate);
  if (spec.host_access != HostAccess::all)
    out.pair("host-access", std::string(name_of(spec.host_access)));
  out.word("block-metadata", spec.block_metadata);
  out.word("snooping", spec.snooping);
  out.word("proxy-arp", spec.proxy_arp);
  out.word("secure", spec.secure);
  out.word("shortcut", spec.shortcut);
  out.word("off", spec.off);
  return out.take();
}

std::vector<std::string> words_of(const FanSpec& spec) {
  std::vector<std::string> words = {spec.overlay_text.empty() ? spec.overlay.str() : spec.overlay_text,
                                    spec.underlay_text.empty() ? text_of(spec.underlay) : spec.underlay_text};
  for (std::string& flag : flags_of(spec))
    words.push_back(std::move(flag));
  if (!spec.origin.empty())
    words.insert(words.end(), {"origin", spec.origin});
  return words;
}

} // namespace fan
