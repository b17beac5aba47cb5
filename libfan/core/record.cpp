#include "core/record.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/errors.h"
#include "core/fnv.h"
#include "core/mtu.h"
#include "core/names.h"
#include "core/number.h"
#include "core/object.h"
#include "core/words.h"

namespace fan {

namespace {

constexpr std::string_view signature = "fanctl/";
constexpr std::string_view shortened_mark = "more";
constexpr std::uint32_t most_ifindex = 0x7fffffff; // an int of the kernel's

Error bad(const std::string& why) {
  return host_error("a fan's record cannot be read: " + why,
                    "if nothing else uses the bridge, remove it with `ip link del` and run `fanctl up` again");
}

std::string bridge_of(const FanSpec& spec, const Prefix& slice) {
  return spec.bridge.value_or(bridge_name(slice));
}

std::string facts_of(const Fan& fan) {
  std::string text = fmt::format(" ; host={} device={} mtu={}", fan.host.str(), fan.device, fan.mtu);
  if (fan.bridge != bridge_of(fan.spec, fan.slice()))
    text += " bridge=" + fan.bridge;
  for (const SavedForwarding& saved : fan.forwarding) {
    text += fmt::format(" was={}:{}", saved.device, saved.alone ? "off" : saved.was ? "1" : "0");
    if (saved.ifindex != 0)
      text += fmt::format(":{}", saved.ifindex);
  }
  for (const Address address : fan.former)
    text += " former=" + address.str();
  return text;
}

std::string text_of(const Fan& fan) {
  return fmt::format("{}{} {}{}{}", signature, record_version, join_words(words_of(fan.spec)), facts_of(fan),
                     fan.in_part ? fmt::format(" {}", shortened_mark) : "");
}

// Only what `show` and `down` need.
Fan shortened(Fan fan) {
  FanSpec spec;
  spec.overlay_text = fan.spec.overlay_text;
  spec.underlay_text = fan.spec.underlay_text;
  spec.overlay = fan.spec.overlay;
  spec.underlay = fan.spec.underlay;
  spec.encapsulation = fan.spec.encapsulation;
  spec.accept = fan.spec.accept;
  spec.port = fan.spec.port;
  spec.host_reserve = fan.spec.host_reserve;
  spec.bridge = fan.spec.bridge;
  spec.dhcp = fan.spec.dhcp;
  spec.autostart = fan.spec.autostart;
  spec.origin = fan.spec.origin;
  fan.spec = spec;
  fan.former.clear();
  fan.in_part = true;
  return fan;
}

// What stands behind the ';', before it is known to fit together.
struct RecordedFacts {
  std::optional<Address> host;
  std::optional<std::string> device;
  std::optional<std::uint32_t> mtu;
  std::optional<std::string> bridge;
  std::vector<SavedForwarding> forwarding;
  std::vector<Address> former;
  bool in_part = false;
};

bool read_saved(RecordedFacts& facts, std::string_view value) {
  const std::size_t colon = value.find(':'); // in no device's name
  if (colon == std::string_view::npos || !is_device_name(value.substr(0, colon)))
    return false;
  const std::string_view rest = value.substr(colon + 1);
  const std::string_view was = rest.substr(0, rest.find(':'));
  const bool has_index = was.size() < rest.size();
  const auto index = has_index ? parse_number(rest.substr(was.size() + 1), most_ifindex) : std::optional(0U);
  facts.forwarding.push_back({std::string(value.substr(0, colon)), was == "1", was == "off", index.value_or(0)});
  return (was == "0" || was == "1" || was == "off") && index && has_index == (*index != 0);
}

bool read_host(RecordedFacts& facts, std::string_view value) {
  const auto host = Address::parse(value);
  if (facts.host || !host)
    return false;
  facts.host = *host;
  return true;
}

bool read_former(RecordedFacts& facts, std::string_view value) {
  const auto address = Address::parse(value);
  if (address)
    facts.former.push_back(*address);
  return address.ok();
}

bool read_mtu(RecordedFacts& facts, std::string_view value) {
  const auto mtu = parse_number(value, most_mtu);
  const bool good = !facts.mtu && mtu && *mtu >= least_mtu;
  facts.mtu = mtu;
  return good;
}

bool read_name(std::optional<std::string>& name, std::string_view value) {
  const bool good = !name && is_device_name(value);
  name = std::string(value);
  return good;
}

bool read_fact(RecordedFacts& facts, std::string_view word) {
  const std::size_t equals = word.find('=');
  if (equals == std::string_view::npos)
    return false;
  const std::string_view key = word.substr(0, equals);
  const std::string_view value = word.substr(equals + 1);
  if (key == "host")
    return read_host(facts, value);
  if (key == "device")
    return read_name(facts.device, value);
  if (key == "mtu")
    return read_mtu(facts, value);
  if (key == "bridge")
    return validate_device_name(value).ok() && read_name(facts.bridge, value);
  if (key == "former")
    return read_former(facts, value);
  return key == "was" && read_saved(facts, value);
}

Result<Fan> assemble(FanSpec spec, const RecordedFacts& facts) {
  if (!facts.host || !facts.device || !facts.mtu)
    return bad("host, device or mtu is missing");
  auto mapping = Mapping::make(spec.overlay, Prefix::of(*facts.host, spec.underlay.prefix_length));
  if (!mapping)
    return bad(mapping.error().message);
  if (!mapping->usable_host(*facts.host))
    return bad("its host address " + facts.host->str() + " names a network");
  std::string bridge = facts.bridge.value_or(bridge_of(spec, mapping->slice_of(*facts.host)));
  return Fan{std::move(spec),   *mapping,         *facts.host,  *facts.device, *facts.mtu,
             std::move(bridge), facts.forwarding, facts.former, facts.in_part};
}

Result<std::vector<std::string>> words_after_version(std::string_view text) {
  if (text.size() > record_max)
    return bad(fmt::format("it has {} bytes, and the longest has {}", text.size(), record_max));
  if (!is_record(text))
    return bad(quoted(text) + " is not a record");
  std::vector<std::string> words = split_words(text);
  const std::string version = words[0].substr(signature.size());
  if (version != std::to_string(record_version))
    return make_error(
        ErrorClass::host_state,
        fmt::format("a fan's record has version {}, and this fanctl reads version {}", quoted(version), record_version),
        "use the fanctl that made it");
  words.erase(words.begin());
  return words;
}

} // namespace

std::string record_of(const Fan& fan) {
  return text_of(fan);
}

std::string alias_of(const Fan& fan) {
  std::string text = text_of(fan);
  if (text.size() <= alias_max)
    return text;
  Fan small = shortened(fan);
  text = text_of(small);
  if (text.size() <= alias_max)
    return text;
  small.spec.origin.clear();
  text = text_of(small);
  while (text.size() > alias_max && !small.forwarding.empty()) {
    small.forwarding.pop_back();
    text = text_of(small);
  }
  return text;
}

bool is_record(std::string_view text) {
  return text.starts_with(signature);
}

std::string name_of_change(std::string_view text) {
  return fmt::format("~{:08x}", fnv1a_32(text));
}

bool is_of_change(std::string_view bridge) {
  return bridge.starts_with('~');
}

bool is_shortened(std::string_view text) {
  return is_record(text) && text.ends_with(" more");
}

Error known_in_part(const Fan& fan) {
  return host_error(
      fmt::format("{} is known by its alias alone, which had no room for all of its options, so it is left "
                  "as it is",
                  fan.bridge),
      fmt::format("say it again with all of its options: fanctl up {} ...; or take it down: fanctl down {}",
                  join_words(words_of(fan.spec)), fan.bridge));
}

Result<Fan> parse_record(std::string_view text) {
  auto words = words_after_version(text);
  if (!words)
    return std::move(words).error();
  RecordedFacts facts;
  facts.in_part = is_shortened(text);
  if (facts.in_part)
    words->pop_back();
  // The first two words are typed text, in which a device may be called ";".
  const auto facts_begin =
      std::find(words->begin() + static_cast<long>(std::min<std::size_t>(2, words->size())), words->end(), ";");
  if (facts_begin == words->end())
    return bad("it ends early");
  auto spec = parse_words(std::vector<std::string>(words->begin(), facts_begin));
  if (!spec)
    return bad(spec.error().message);
  for (auto word = facts_begin + 1; word != words->end(); ++word)
    if (!read_fact(facts, *word))
      return bad(quoted(*word) + " makes no sense");
  return assemble(std::move(spec).value(), facts);
}

} // namespace fan
