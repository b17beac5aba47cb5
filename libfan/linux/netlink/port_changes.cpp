#include "linux/netlink/port_changes.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "core/render.h"
#include "linux/netlink/batch.h"
#include "linux/netlink/error.h"
#include "linux/netlink/fdb.h"
#include "linux/netlink/link.h"
#include "linux/netlink/neighbours.h"

namespace fan::netlink {
namespace {

constexpr std::uint8_t to_the_bridge = NTF_MASTER;
constexpr std::uint8_t sticky_flag = 1U << 6U; // NTF_STICKY

template <class Kind>
const Kind* as(const std::optional<Object>& object) {
  return object ? std::get_if<Kind>(&*object) : nullptr;
}

// Whether bridges' tables are read also for entries that are new.
enum class Tables { where_needed, all };

bool is_new_entry(const Change& change) {
  return !change.before && as<FdbEntry>(change.after) != nullptr;
}

// What the kernel has of all that the changes are about, read once.
class Lists {
public:
  static Result<Lists> read(Socket& socket, Look& look, std::span<const Change> changes, Tables tables) {
    Lists lists;
    const auto links = look.links(socket);
    if (!links) {
      return links.error();
    }
    for (const Link& link : **links) {
      lists.links_.emplace(link.fact.name, &link);
    }
    if (auto read = lists.read_neighbours(socket, changes); !read) {
      return std::move(read).error();
    }
    for (const Change& change : changes) {
      if (tables == Tables::where_needed && is_new_entry(change)) {
        continue;
      }
      if (auto read = lists.read_for(socket, change.object()); !read) {
        return std::move(read).error();
      }
    }
    return lists;
  }

  [[nodiscard]] const Link* link(const std::string& name) const {
    const auto found = links_.find(name);
    return found == links_.end() ? nullptr : found->second;
  }

  [[nodiscard]] bool has_neighbour(const Neighbour& neighbour) const {
    const auto device = neighbours_.find(neighbour.device);
    return device != neighbours_.end() && device->second.count(neighbour.address) != 0;
  }

  // Whether the table of a bridge was read.
  [[nodiscard]] bool knows_table(const std::string& bridge) const { return tables_.count(bridge) != 0; }

  // Only entries that do not age count: a learned one gives way.
  [[nodiscard]] const FdbRecord* fixed(const FdbEntry& entry) const {
    const auto bridge = tables_.find(entry.bridge);
    if (bridge == tables_.end()) {
      return nullptr;
    }
    const auto found = bridge->second.find(entry.mac);
    return found != bridge->second.end() && found->second.fixed ? &found->second : nullptr;
  }

private:
  Result<void> read_for(Socket& socket, const Object& object) {
    const auto* entry = std::get_if<FdbEntry>(&object);
    return entry == nullptr ? Result<void>() : read_table(socket, entry->bridge);
  }

  Result<void> read_neighbours(Socket& socket, std::span<const Change> changes) {
    std::map<std::uint32_t, std::string> names;
    std::set<std::uint32_t> asked;
    for (const Change& change : changes) {
      const auto* neighbour = std::get_if<Neighbour>(&change.object());
      const Link* at = neighbour == nullptr ? nullptr : link(neighbour->device);
      if (at != nullptr && asked.insert(at->fact.ifindex).second) {
        names.emplace(at->fact.ifindex, neighbour->device);
      }
    }
    auto all = list_neighbours(socket, asked);
    if (!all) {
      return std::move(all).error();
    }
    for (const NeighbourEntry& entry : *all) {
      neighbours_[names[entry.ifindex]].emplace(entry.address, entry.mac);
    }
    return {};
  }

  Result<void> read_table(Socket& socket, const std::string& bridge) {
    const Link* at = link(bridge);
    if (at == nullptr || !tables_.try_emplace(bridge).second) {
      return {};
    }
    auto all = list_fdb(socket, at->fact.ifindex);
    if (!all) {
      return std::move(all).error();
    }
    for (const FdbRecord& record : *all) {
      tables_[bridge].emplace(record.mac, record);
    }
    return {};
  }

  std::map<std::string_view, const Link*> links_;            // by name, both of the look
  std::map<std::string, std::map<Address, Mac>> neighbours_; // permanent ones, by device
  std::map<std::string, std::map<Mac, FdbRecord>> tables_;   // by bridge
};

Result<const Link*> require(const Lists& lists, const std::string& device) {
  const Link* link = lists.link(device);
  return link == nullptr ? Result<const Link*>(error_from(ENODEV, "").within("device " + device)) : link;
}

Result<void> require_there(bool there, bool wanted) {
  return there == wanted ? Result<void>() : Result<void>(error_from(wanted ? ENOENT : EEXIST, ""));
}

// ---- neighbours

// `was` and `will`: it is there before, and after.
Result<Message> message_for(const Lists& lists, const Neighbour& neighbour, bool was, bool will) {
  const auto link = require(lists, neighbour.device);
  if (!link) {
    return link.error();
  }
  if (auto good = require_there(lists.has_neighbour(neighbour), was); !good) {
    return std::move(good).error();
  }
  ndmsg header{};
  header.ndm_family = AF_INET;
  header.ndm_ifindex = static_cast<int>((*link)->fact.ifindex);
  header.ndm_state = NUD_PERMANENT;
  Message message(will ? RTM_NEWNEIGH : RTM_DELNEIGH, will ? NLM_F_CREATE | NLM_F_REPLACE : 0);
  message.header(header).v4(NDA_DST, neighbour.address);
  if (will) {
    message.mac(NDA_LLADDR, neighbour.mac).u8(NDA_PROTOCOL, neighbour.protocol);
  }
  return message;
}

// ---- entries of a bridge's table

Result<void> check(const Lists& lists, const FdbEntry& entry, const FdbEntry* before) {
  const FdbRecord* there = lists.fixed(entry);
  if (auto good = require_there(there != nullptr, before != nullptr); !good) {
    return good;
  }
  const Link* port = before != nullptr ? lists.link(before->port.empty() ? before->bridge : before->port) : nullptr;
  const bool elsewhere = port != nullptr && there != nullptr && there->ifindex != port->fact.ifindex;
  return elsewhere ? Result<void>(error_from(ENOENT, "")) : Result<void>();
}

Result<Message> message_for(const Lists& lists, const FdbEntry& entry, const FdbEntry* before, bool will) {
  const auto bridge = require(lists, entry.bridge);
  const auto link = require(lists, entry.port.empty() ? entry.bridge : entry.port);
  if (!bridge || !link) {
    return (bridge ? link : bridge).error();
  }
  const bool read = lists.knows_table(entry.bridge);
  if (auto good = read ? check(lists, entry, before) : Result<void>(); !good) {
    return std::move(good).error();
  }
  ndmsg header{};
  header.ndm_family = AF_BRIDGE;
  header.ndm_ifindex = static_cast<int>((*link)->fact.ifindex);
  header.ndm_state = entry.port.empty() ? NUD_PERMANENT : NUD_NOARP;
  header.ndm_flags = entry.port.empty() ? NTF_SELF : to_the_bridge;
  if (will && !entry.port.empty() && entry.sticky) {
    header.ndm_flags |= sticky_flag;
  }
  const int flags = NLM_F_CREATE | (read ? NLM_F_REPLACE : NLM_F_EXCL);
  Message message(will ? RTM_NEWNEIGH : RTM_DELNEIGH, will ? flags : 0);
  message.header(header).mac(NDA_LLADDR, entry.mac);
  return message;
}

// ---- flags of ports

int attribute_of(PortFlagName flag) {
  switch (flag) {
  case PortFlagName::proxy_arp_wifi:
    return IFLA_BRPORT_PROXYARP_WIFI;
  case PortFlagName::bcast_flood:
    return IFLA_BRPORT_BCAST_FLOOD;
  case PortFlagName::learning:
    break;
  }
  return IFLA_BRPORT_LEARNING;
}

Error no_such_flag(const PortFlag& flag) {
  Error error = error_from(EOPNOTSUPP, "");
  error.message = std::string("this kernel's bridges have no flag ") + word_for(flag.flag) + " (EOPNOTSUPP)";
  return error;
}

// What does without the flag, where this kernel, or the port's driver, does not take it.
const char* hint_without(PortFlagName flag) {
  switch (flag) {
  case PortFlagName::proxy_arp_wifi:
    return "register no endpoint behind this port, or let it be routed (--routed), which takes no flag";
  case PortFlagName::bcast_flood:
    return "let every port receive (fanctl broadcast receive all), which takes no flag";
  case PortFlagName::learning:
    break;
  }
  return "do not secure this port, or let it be routed (--routed), which takes no flag";
}

Error no_port(const PortFlag& flag) {
  Error error = error_from(EOPNOTSUPP, flag.port + " is no port of a bridge");
  error.hint = "attach it again";
  return error;
}

Result<Message> message_for(const Lists& lists, const PortFlag& flag, bool was, bool will) {
  const auto link = require(lists, flag.port);
  if (!link) {
    return link.error();
  }
  if (!(*link)->port) {
    return no_port(flag);
  }
  const std::optional<bool> now = (*link)->port->get(flag.flag);
  if (!now) {
    return no_such_flag(flag);
  }
  const bool first = is_on_at_first(flag.flag);
  if (auto good = require_there(*now != first, was); !good) {
    return std::move(good).error();
  }
  // The bridge's own request: with RTM_NEWLINK the kernel tells everybody of the device, which takes three times as
  // long.
  ifinfomsg header{};
  header.ifi_family = AF_BRIDGE;
  header.ifi_index = static_cast<int>((*link)->fact.ifindex);
  Message message(RTM_SETLINK, 0);
  message.header(header).nest(IFLA_PROTINFO | NLA_F_NESTED,
                              [&](Message& data) { data.u8(attribute_of(flag.flag), will != first ? 1 : 0); });
  return message;
}

// ---- all of them

Result<Message> message_for(const Lists& lists, const Change& change) {
  const bool was = change.before.has_value();
  const bool will = change.after.has_value();
  if (const auto* neighbour = std::get_if<Neighbour>(&change.object())) {
    return message_for(lists, *neighbour, was, will);
  }
  if (const auto* entry = std::get_if<FdbEntry>(&change.object())) {
    return message_for(lists, *entry, as<FdbEntry>(change.before), will);
  }
  return message_for(lists, std::get<PortFlag>(change.object()), was, will);
}

Error about(const Change& change, Error error) {
  const auto* flag = std::get_if<PortFlag>(&change.object());
  if (flag != nullptr && change.after && error.hint.empty() &&
      (error.sys_errno == EOPNOTSUPP || error.sys_errno == EINVAL)) {
    error.hint = hint_without(flag->flag);
  }
  const char* verb = !change.before ? "make " : change.after ? "change " : "remove ";
  return std::move(error).within(verb + describe(change.object()));
}

struct Refusals {
  std::map<std::size_t, Error> errors; // by number of the change
  Result<void> sent;
};

// Builds every message before the first one is sent.
Result<Refusals> send(Socket& socket, Look& look, std::span<const Change> changes, Tables tables) {
  const auto lists = Lists::read(socket, look, changes, tables);
  if (!lists) {
    return lists.error();
  }
  Batch batch;
  for (const Change& change : changes) {
    auto message = message_for(*lists, change);
    if (!message) {
      return about(change, std::move(message).error());
    }
    batch.add(*message);
  }
  Refusals refusals;
  refusals.sent = socket.requests(
      batch, [&](std::size_t n, Error error) { refusals.errors.emplace(n, about(changes[n], std::move(error))); });
  return refusals;
}

// New entries that the kernel did not make, as there is one: a learned one gives way, of another one it is said.
void send_again(Socket& socket, Look& look, std::span<const Change> changes, Refusals& refusals) {
  std::vector<std::size_t> numbers;
  std::vector<Change> again;
  for (const auto& [n, error] : refusals.errors) {
    if (is_new_entry(changes[n]) && error.sys_errno == EEXIST) {
      numbers.push_back(n);
      again.push_back(changes[n]);
    }
  }
  if (again.empty() || again.size() != refusals.errors.size()) {
    return;
  }
  auto sent = send(socket, look, again, Tables::all);
  if (!sent) {
    refusals.errors.begin()->second = std::move(sent).error();
    return;
  }
  refusals.sent = std::move(sent->sent);
  refusals.errors.clear();
  for (auto& [n, error] : sent->errors) {
    refusals.errors.emplace(numbers[n], std::move(error));
  }
}

// The inverse of those changes which the kernel took, newest first.
std::vector<Change> inverse_of_taken(std::span<const Change> changes, const Refusals& refusals) {
  std::vector<Change> inverse;
  for (std::size_t n = changes.size(); n-- > 0;) {
    if (refusals.errors.count(n) == 0) {
      inverse.push_back(changes[n].inverse());
    }
  }
  return inverse;
}

Error not_taken_back(Error error, const std::string& why) {
  error.kind = ErrorClass::partial;
  error.message += "\n  undo failed: " + why;
  error.hint = "run the command again once the cause is gone, or `fanctl up`, which repairs";
  return error;
}

} // namespace

Result<void> change_ports(Socket& socket, Look& look, std::span<const Change> changes) {
  auto sent = send(socket, look, changes, Tables::where_needed);
  if (!sent) {
    return std::move(sent).error();
  }
  if (sent->sent) {
    send_again(socket, look, changes, *sent);
  }
  if (!sent->sent) { // how far it came is not known
    return not_taken_back(std::move(sent->sent).error(), "the kernel's answer did not come");
  }
  if (sent->errors.empty()) {
    return {};
  }
  Error error = sent->errors.begin()->second;
  const std::vector<Change> inverse = inverse_of_taken(changes, *sent);
  if (inverse.empty()) {
    return error;
  }
  Look fresh; // flags are not as they were
  auto undone = send(socket, fresh, inverse, Tables::where_needed);
  if (!undone || !undone->sent || !undone->errors.empty()) {
    const Error& why = !undone ? undone.error() : !undone->sent ? undone->sent.error() : undone->errors.begin()->second;
    return not_taken_back(std::move(error), why.message);
  }
  return error;
}

} // namespace fan::netlink
