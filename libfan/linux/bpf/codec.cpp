#include "linux/bpf/codec.h"

#include <arpa/inet.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "core/ruleset.h"

namespace fan::bpf {
namespace {

static_assert(FAN_TUNNEL_MARK == tunnel_mark && FAN_CHECKED_MARK == checked_mark);
static_assert(FAN_KEPT_MARK == kept_mark && FAN_LEFT_MARK == left_mark);
static_assert(FAN_RECORD_MAX == record_max);
static_assert(FAN_IPIP == static_cast<int>(Encapsulation::ipip) && FAN_VXLAN == static_cast<int>(Encapsulation::vxlan));
static_assert(sizeof(fan_mapping) == 40 && sizeof(fan_slice) == 80 && sizeof(fan_lpm_key) == 20);

std::uint8_t wide(unsigned length) {
  return static_cast<std::uint8_t>(FAN_V4_BITS + length);
}

// A prefix that encode() could have written; nullopt for anything else.
std::optional<Prefix> prefix_of(const fan_address& network, std::uint32_t wide_length) {
  if (wide_length < FAN_V4_BITS || wide_length > FAN_V4_BITS + 32) {
    return std::nullopt;
  }
  const Prefix prefix = Prefix::of(decode(network), wide_length - FAN_V4_BITS);
  return prefix.network() == decode(network) ? std::optional(prefix) : std::nullopt;
}

fan_known_key known_key(std::uint32_t kind, std::uint32_t bits, const fan_address& value) {
  return {32 + bits, htonl(kind), value};
}

} // namespace

fan_address encode(Address address) {
  fan_address out;
  static_assert(sizeof(out) == 16);
  std::memcpy(&out, address.bytes().data(), sizeof(out));
  return out;
}

Address decode(const fan_address& address) {
  return Address(ntohl(address.words[3]));
}

fan_lpm_key lpm_key(const Prefix& prefix) {
  return {FAN_V4_BITS + prefix.length(), encode(prefix.network())};
}

Entry<fan_lpm_key, fan_mapping> encode(const MappingRow& row) {
  fan_mapping value{};
  value.overlay = encode(row.overlay.network());
  value.underlay = encode(row.underlay.network());
  value.vni = row.vni;
  value.overlay_length = wide(row.overlay.length());
  value.underlay_length = wide(row.underlay.length());
  value.encapsulation = static_cast<std::uint8_t>(row.encapsulation);
  return {lpm_key(row.overlay), value};
}

std::optional<MappingRow> decode(const Entry<fan_lpm_key, fan_mapping>& entry) {
  const auto overlay = prefix_of(entry.key.address, entry.key.length);
  const auto underlay = prefix_of(entry.value.underlay, entry.value.underlay_length);
  if (!overlay || !underlay || prefix_of(entry.value.overlay, entry.value.overlay_length) != overlay ||
      entry.value.encapsulation > FAN_VXLAN) {
    return std::nullopt;
  }
  return MappingRow{*overlay, *underlay, entry.value.vni, static_cast<Encapsulation>(entry.value.encapsulation)};
}

Entry<fan_lpm_key, fan_slice> encode(const SliceRow& row) {
  fan_slice value{};
  value.network = encode(row.slice.network());
  value.host = encode(row.host);
  value.overlay = encode(row.overlay.network());
  value.underlay = encode(row.underlay.network());
  value.vni = row.vni;
  value.reserve = row.reserve;
  value.port = row.port;
  value.length = wide(row.slice.length());
  value.overlay_length = wide(row.overlay.length());
  value.underlay_length = wide(row.underlay.length());
  value.flags =
      static_cast<std::uint8_t>((row.accept_ipip ? FAN_ACCEPT_IPIP : 0) | (row.accept_vxlan ? FAN_ACCEPT_VXLAN : 0) |
                                (row.strict ? FAN_STRICT : 0) | (row.open ? FAN_OPEN : 0));
  value.least_ttl = row.least_ttl;
  return {lpm_key(row.slice), value};
}

std::optional<SliceRow> decode(const Entry<fan_lpm_key, fan_slice>& entry) {
  const fan_slice& value = entry.value;
  const auto slice = prefix_of(entry.key.address, entry.key.length);
  const auto overlay = prefix_of(value.overlay, value.overlay_length);
  const auto underlay = prefix_of(value.underlay, value.underlay_length);
  if (!slice || !overlay || !underlay || prefix_of(value.network, value.length) != slice) {
    return std::nullopt;
  }
  SliceRow row;
  row.slice = *slice;
  row.host = decode(value.host);
  row.overlay = *overlay;
  row.underlay = *underlay;
  row.vni = value.vni;
  row.accept_ipip = (value.flags & FAN_ACCEPT_IPIP) != 0;
  row.accept_vxlan = (value.flags & FAN_ACCEPT_VXLAN) != 0;
  row.least_ttl = value.least_ttl;
  row.strict = (value.flags & FAN_STRICT) != 0;
  row.open = (value.flags & FAN_OPEN) != 0;
  row.reserve = value.reserve;
  row.port = value.port;
  return row;
}

Entry<fan_lpm_key, __u32> encode(const NeverRow& row) {
  return {lpm_key(Prefix::of(row.address, 32)), FAN_OUT_BROADCAST};
}

Entry<fan_lpm_key, __u32> encode(const ShortcutRow& row) {
  return {lpm_key(row.slice), if_nametoindex(row.bridge.c_str())};
}

std::optional<ShortcutRow> decode_shortcut(const Entry<fan_lpm_key, __u32>& entry) {
  const auto slice = prefix_of(entry.key.address, entry.key.length);
  std::array<char, IF_NAMESIZE> name{};
  const bool there = if_indextoname(entry.value, name.data()) != nullptr;
  return slice ? std::optional(ShortcutRow{*slice, there ? name.data() : ""}) : std::nullopt;
}

Entry<fan_record_key, fan_record> encode(const RecordRow& row) {
  Entry<fan_record_key, fan_record> entry{};
  row.bridge.copy(entry.key.bridge, sizeof(entry.key.bridge) - 1);
  entry.value.length = static_cast<std::uint32_t>(row.text.copy(entry.value.text, sizeof(entry.value.text)));
  return entry;
}

std::optional<RecordRow> decode(const Entry<fan_record_key, fan_record>& entry) {
  const auto* end = static_cast<const char*>(std::memchr(entry.key.bridge, 0, sizeof(entry.key.bridge)));
  if (end == nullptr || entry.value.length > sizeof(entry.value.text)) {
    return std::nullopt;
  }
  return RecordRow{std::string(entry.key.bridge, end), std::string(entry.value.text, entry.value.length)};
}

std::vector<Entry<fan_known_key, __u32>> known_of(const std::vector<MappingRow>& mappings,
                                                  const std::vector<SliceRow>& slices) {
  std::vector<Entry<fan_known_key, __u32>> known;
  for (const MappingRow& row : mappings) {
    known.push_back(
        {known_key(FAN_KNOWN_UNDERLAY, FAN_V4_BITS + row.underlay.length(), encode(row.underlay.network())), 1});
  }
  for (const SliceRow& row : slices) {
    fan_address vni{};
    vni.words[3] = htonl(row.vni);
    known.push_back({known_key(FAN_KNOWN_VNI, 128, vni), 1});
    known.push_back(
        {known_key(FAN_KNOWN_UNDERLAY, FAN_V4_BITS + row.underlay.length(), encode(row.underlay.network())), 1});
  }
  return known;
}

std::vector<Entry<fan_lpm_key, __u32>> ourselves_of(const std::vector<SliceRow>& slices) {
  std::vector<Entry<fan_lpm_key, __u32>> ours;
  for (const SliceRow& row : slices) {
    ours.push_back({lpm_key(Prefix::of(row.host, 32)), FAN_OUT_OURSELVES});
  }
  return ours;
}

} // namespace fan::bpf
