#include "config/fan_yaml.h"

#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/dns_domain.h"
#include "core/names.h"
#include "core/words.h"

namespace fan {

namespace {

// In single quotes where YAML could take it for something else.
std::string scalar(const std::string& text) {
  const bool plain = !text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                                             "0123456789._/-") == std::string::npos;
  const bool null = text == "null" || text == "Null" || text == "NULL";
  if (plain && !null && text.front() != '-' && text.front() != '.')
    return text;
  std::string out = "'";
  for (const char c : text)
    out += c == '\'' ? std::string("''") : std::string(1, c);
  return out + "'";
}

class Writer {
public:
  void key(const char* name, const std::string& value) { lines_ += fmt::format("    {}: {}\n", name, value); }

  template <class Number>
  void number(const char* name, const std::optional<Number>& value) {
    if (value)
      key(name, std::to_string(*value));
  }

  void list(const char* name, const std::vector<std::string>& values) {
    if (!values.empty())
      key(name, values.size() == 1 ? values.front() : fmt::format("[{}]", fmt::join(values, ", ")));
  }

  [[nodiscard]] const std::string& lines() const { return lines_; }

private:
  std::string lines_;
};

std::vector<std::string> exposed_in(const FanSpec& spec) {
  std::vector<std::string> values;
  if (spec.expose_all)
    values.emplace_back("all");
  for (const Prefix& prefix : spec.expose)
    values.push_back(prefix.str());
  return values;
}

std::vector<std::string> accepted_in(const FanSpec& spec) {
  std::vector<std::string> values;
  for (const Encapsulation e : spec.accept)
    values.emplace_back(name_of(e));
  return values;
}

void write_dhcp(Writer& out, const FanSpec& spec) {
  std::vector<std::string> options;
  if (spec.lease)
    options.push_back("lease-time: " + lease_text(*spec.lease));
  if (spec.domain)
    options.push_back("domain: " + *spec.domain);
  if (spec.dhcp)
    out.key("dhcp", options.empty() ? "true" : fmt::format("{{{}}}", fmt::join(options, ", ")));
}

void write_pools(Writer& out, const FanSpec& spec) {
  std::vector<std::string> ranges;
  for (const Pool& pool : spec.pools)
    ranges.push_back(fmt::format("{}: {}-{}", pool.name, pool.first, pool.last));
  if (!ranges.empty())
    out.key("pools", fmt::format("{{{}}}", fmt::join(ranges, ", ")));
}

std::string keys_of(const FanSpec& spec) {
  Writer out;
  const std::vector<std::string> words = words_of(spec);
  out.key("overlay", scalar(words[0]));
  out.key("underlay", scalar(words[1]));
  out.key("encapsulation", std::string(name_of(spec.encapsulation)));
  out.list("accept", accepted_in(spec));
  out.number("vni", spec.vni);
  out.number("port", spec.port);
  out.number("mtu", spec.mtu);
  if (spec.host_reserve != 1)
    out.key("host-reserve", std::to_string(spec.host_reserve));
  write_pools(out, spec);
  write_dhcp(out, spec);
  if (!spec.nat)
    out.key("nat", "false");
  out.list("expose", exposed_in(spec));
  out.number("ttl-security", spec.ttl_security);
  if (spec.strict)
    out.key("strict", "true");
  if (!spec.isolate)
    out.key("isolate", "false");
  if (spec.shortcut)
    out.key("shortcut", "true");
  if (spec.reach)
    out.key("reach", "true");
  if (spec.host_access != HostAccess::all)
    out.key("host-access", std::string(name_of(spec.host_access)));
  if (spec.block_metadata)
    out.key("block-metadata", "true");
  if (spec.snooping)
    out.key("snooping", "true");
  if (spec.proxy_arp)
    out.key("proxy-arp", "true");
  if (spec.secure)
    out.key("secure", "true");
  return out.lines();
}

std::string indented(const std::string& text, const char* with) {
  std::string out;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    out += with + text.substr(begin, end - begin) + "\n";
    begin = end + 1;
  }
  return out;
}

} // namespace

std::string yaml_of(std::span<const NamedSpec> fans) {
  std::string out = "version: 1\nfans:\n";
  for (const NamedSpec& fan : fans) {
    const std::string text = fmt::format("  {}:\n{}", scalar(fan.name), keys_of(fan.spec));
    out += indented(fan.comment, "  # ");
    out += fan.spec.off ? indented(text, "# ") : text;
  }
  return out;
}

std::string name_for(const FanSpec& spec) {
  return spec.bridge.value_or(bridge_name(spec.overlay));
}

} // namespace fan
