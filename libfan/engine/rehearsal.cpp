#include "engine/rehearsal.h"

#include <algorithm>

#include "core/derive.h"
#include "core/diff.h"

namespace fan {
namespace {

LinkFact* link_of(Facts& facts, const std::string& name) {
  const auto found =
      std::find_if(facts.links.begin(), facts.links.end(), [&](const LinkFact& link) { return link.name == name; });
  return found == facts.links.end() ? nullptr : &*found;
}

// A new device gets a number that no other has.
LinkFact& make_link(Facts& facts, const std::string& name) {
  if (LinkFact* link = link_of(facts, name)) {
    return *link;
  }
  LinkFact made;
  for (const LinkFact& link : facts.links) {
    made.ifindex = std::max(made.ifindex, link.ifindex);
  }
  ++made.ifindex;
  made.name = name;
  made.group = link_group;
  facts.links.push_back(made);
  return facts.links.back();
}

void lose_link(Facts& facts, const std::string& name) {
  const LinkFact* gone = link_of(facts, name);
  if (gone == nullptr) {
    return;
  }
  const std::uint32_t ifindex = gone->ifindex;
  std::erase_if(facts.addresses, [&](const AddressFact& address) { return address.ifindex == ifindex; });
  std::erase_if(facts.links, [&](const LinkFact& link) { return link.ifindex == ifindex; });
  for (LinkFact& link : facts.links) {
    link.master = link.master == ifindex ? 0 : link.master;
  }
}

void change_device(Facts& facts, const Change& change) {
  const auto state = device_state(change.object());
  if (!state) {
    return;
  }
  if (!change.after) {
    lose_link(facts, state->name);
    return;
  }
  LinkFact& link = make_link(facts, state->name);
  link.mac = state->mac;
  link.mtu = state->mtu;
  if (const auto* bridge = std::get_if<Bridge>(&*change.after)) {
    link.kind = "bridge";
    link.alias = bridge->alias;
  } else if (const auto* tunnel = std::get_if<Tunnel>(&*change.after)) {
    link.kind = std::string(name_of(tunnel->encapsulation));
    link.external = true;
    link.port = tunnel->port;
  }
}

void change_address(Facts& facts, const InterfaceAddress& object, bool there) {
  const LinkFact* link = link_of(facts, object.device);
  if (link == nullptr) {
    return;
  }
  std::erase_if(facts.addresses, [&](const AddressFact& address) {
    return address.ifindex == link->ifindex && address.address == object.address;
  });
  if (there) {
    AddressFact address;
    address.ifindex = link->ifindex;
    address.address = object.address;
    address.prefix_length = object.prefix_length;
    address.host_scope = object.device == loopback;
    facts.addresses.push_back(address);
  }
}

void change_record(Facts& facts, const RecordRow& row, bool there) {
  std::erase_if(facts.records, [&](const RecordFact& record) { return record.bridge == row.bridge; });
  if (there) {
    facts.records.push_back({row.bridge, row.text});
  }
}

void change_what_hangs_on_devices(Facts& facts, const Change& change) {
  const Object& object = change.object();
  if (const auto* address = std::get_if<InterfaceAddress>(&object)) {
    change_address(facts, *address, change.after.has_value());
  } else if (const auto* row = std::get_if<RecordRow>(&object)) {
    change_record(facts, *row, change.after.has_value());
  } else if (const auto* up = std::get_if<LinkUp>(&object)) {
    if (LinkFact* link = link_of(facts, up->device)) {
      link->up = change.after.has_value();
    }
  } else if (const auto* sysctl = std::get_if<Sysctl>(&object)) {
    for (LinkFact& link : facts.links) {
      link.forwarding = sysctl->key == forwarding_key(link.name) ? sysctl->value == "1" : link.forwarding;
    }
  }
}

bool is_ours(const Object& object) {
  return bears_sign(object) || std::holds_alternative<SetElement>(object) ||
         std::holds_alternative<RecordRow>(object) || std::holds_alternative<MappingRow>(object) ||
         std::holds_alternative<SliceRow>(object) || std::holds_alternative<NeverRow>(object) ||
         std::holds_alternative<ShortcutRow>(object);
}

} // namespace

Result<Facts> Rehearsal::facts() {
  auto facts = ForwardingProvider::facts();
  if (!facts) {
    return facts;
  }
  for (const auto& [key, change] : changes_) {
    change_device(*facts, change);
  }
  for (const auto& [key, change] : changes_) {
    change_what_hangs_on_devices(*facts, change);
  }
  return facts;
}

Result<ObservedSet> Rehearsal::observe(const Scope& scope) {
  auto seen = ForwardingProvider::observe(scope);
  if (!seen) {
    return seen;
  }
  for (const auto& [key, change] : changes_) {
    seen->erase(key);
    if (change.after) {
      seen->emplace(key, Observed{*change.after, is_ours(*change.after)});
    }
  }
  return seen;
}

Result<void> Rehearsal::apply(std::span<const Change> changes) {
  for (const Change& change : changes) {
    changes_.insert_or_assign(key_of(change.object()), change);
  }
  return {};
}

} // namespace fan
