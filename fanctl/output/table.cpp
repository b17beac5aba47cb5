#include "fanctl/output/table.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/words.h"
#include "engine/host.h"
#include "fanctl/output/broadcasts.h"
#include "fanctl/output/error_text.h"

namespace fan::cli {

namespace {

std::string fan_line(const std::string& bridge, const std::string& overlay, const std::string& underlay,
                     const std::string& flags) {
  return fmt::format("{:<16} {:<20} {:<20} {}\n", bridge, overlay, underlay, flags);
}

std::string drift_line(const Drift& drift) {
  if (drift.found.empty()) {
    return fmt::format("    missing   {}\n", printable(drift.expected));
  }
  if (drift.expected.empty()) {
    return fmt::format("    foreign   {}\n", printable(drift.found));
  }
  return fmt::format("    expected  {}\n    found     {}\n", printable(drift.expected), printable(drift.found));
}

std::string pools_text(const Fan& fan) {
  std::string text;
  for (const Pool& pool : fan.spec.pools) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", pool.name, addresses_of(pool, fan.slice()));
  }
  return text;
}

// Only what is not as on any bridge.
std::string said_lines(const PortStatus& said) {
  std::string lines;
  if (said.endpoints > 0) {
    lines += fmt::format("    endpoints {} registered\n", said.endpoints);
  }
  if (!said.secured.empty()) {
    lines += fmt::format("    secured   {}\n", printable(fmt::format("{}", fmt::join(said.secured, " "))));
  }
  if (said.broadcast.quiet || said.broadcast.selective) {
    lines += fmt::format("    broadcast {}\n", broadcast_words(said.broadcast));
  }
  return lines;
}

std::string address_or_dash(Address address) {
  return address == Address() ? "-" : address.str();
}

// Of a fan that is only reached the record has the name of a bridge that it would have; there is none.
std::string heading_of(const Fan& fan) {
  return fan.spec.reach ? fan.mapping.overlay().str() : printable(fan.bridge);
}

std::string ports_line(const FanStatus& status) {
  const std::string ports = printable(fmt::format("{}", fmt::join(status.ports, " ")));
  return status.fan.spec.reach ? "" : fmt::format("    ports     {}\n", status.ports.empty() ? "none" : ports);
}

} // namespace

std::string fan_table(std::span<const FanStatus> fans) {
  std::string out = fan_line("Bridge", "Overlay", "Underlay", "Flags");
  for (const FanStatus& status : fans) {
    const Fan& fan = status.fan;
    std::vector<std::string> flags = flags_of(fan.spec);
    if (!status.drift.empty()) {
      flags.emplace_back("degraded");
    }
    out +=
        fan_line(fan.spec.reach ? "-" : printable(fan.bridge), fan.mapping.overlay().str(),
                 fmt::format("{}/{}", fan.host.str(), fan.mapping.underlay().length()), printable(join_words(flags)));
  }
  return out;
}

std::string fan_details(std::span<const FanStatus> fans) {
  std::string out;
  for (const FanStatus& status : fans) {
    const Fan& fan = status.fan;
    out += fmt::format("\n{}\n", heading_of(fan));
    out += fmt::format("    slice     {} gateway {}\n", fan.slice().str(), fan.gateway().str());
    out += fmt::format("    host      {} on {} (as typed: {} {})\n", fan.host.str(), printable(fan.device),
                       printable(fan.spec.overlay_text), printable(fan.spec.underlay_text));
    out += fmt::format("    carries   {} mtu {}{}\n", name_of(fan.spec.encapsulation), fan.mtu,
                       fan.accepts(Encapsulation::vxlan) ? fmt::format(" vni {} port {}", fan.vni(), fan.port()) : "");
    if (!fan.spec.pools.empty()) {
      out += fmt::format("    pools     {}\n", pools_text(fan));
    }
    out += ports_line(status);
    out += status.said ? said_lines(*status.said) : "";
    for (const Drift& drift : status.drift) {
      out += drift_line(drift);
    }
  }
  return out;
}

std::string degraded_note(const FanStatus& status) {
  const FanSpec& spec = status.fan.spec;
  const std::size_t count = status.drift.size();
  if (status.fan.in_part) {
    return note_of_part(status.fan);
  }
  const bool address_gone = std::any_of(status.drift.begin(), status.drift.end(), [](const Drift& drift) {
    return drift.kind == "host" && drift.key.starts_with("address ");
  });
  if (address_gone) {
    return fmt::format(
        "{}: {} is not on {}; once it is, `fanctl up {}` repairs what else is wrong, and `fanctl down {}` "
        "takes the fan away",
        heading_of(status.fan), status.fan.host.str(), printable(status.fan.device), join_words(words_of(spec)),
        name_for_down(status.fan));
  }
  return fmt::format("{}: {} not as {} should be; `fanctl show -v` says what, `fanctl up {}` repairs it",
                     heading_of(status.fan), count == 1 ? "an object is" : fmt::format("{} objects are", count),
                     count == 1 ? "it" : "they", join_words(words_of(spec)));
}

std::string traffic_table(std::span<const TrafficCount> counts, bool all) {
  std::string out = fmt::format("{:<24} {:>14} {:>18}  {}\n", "Reason", "Packets", "Bytes", "Meaning");
  for (const TrafficCount& count : counts) {
    if (all || !count.refused || count.packets > 0) {
      out += fmt::format("{:<24} {:>14} {:>18}  {}\n", count.reason, count.packets, count.bytes, count.meaning);
    }
  }
  return out;
}

std::string refused_table(std::span<const RefusedPeer> peers) {
  constexpr const char* columns = "{:<16} {:<24} {:<16} {:<16} {:>10} {:>9}\n";
  std::string out =
      fmt::format(fmt::runtime(columns), "Outer source", "Reason", "Inner source", "Inner dest.", "Packets", "Ago");
  for (const RefusedPeer& peer : peers) {
    out += fmt::format(fmt::runtime(columns), address_or_dash(peer.outer_source), peer.reason,
                       address_or_dash(peer.inner_source), address_or_dash(peer.inner_destination), peer.packets,
                       fmt::format("{}s", peer.age_ms / 1000));
  }
  return out;
}

} // namespace fan::cli
