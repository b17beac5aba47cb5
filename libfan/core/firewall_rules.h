// Other people's packet filters as values: only as much of them as it takes to say what becomes of a packet of ours.
// Whatever is not understood stays visible as Subject::unknown or Action::unknown, so that nothing is ever claimed on
// a misreading. Pure: linux/nft fills these, core/firewall_walk.h follows them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace fan::firewall {

enum class Subject {
  in_device,        // names
  out_device,       // names
  source,           // ranges; addresses as numbers in host byte order
  destination,      // ranges
  protocol,         // ranges
  source_port,      // ranges, host byte order
  destination_port, // ranges
  state,            // names: "new", "established", "related", "invalid", "untracked"
  status,           // names: "dnat", "snat", "assured", ... (nft: ct status)
  destination_type, // names: "local", "unicast", "broadcast", ... (nft: fib daddr type)
  family,           // names: "ipv4", "ipv6"
  unknown,
};

struct Range {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
  auto operator<=>(const Range&) const = default;
};

// Holds when the packet's value is one of these. A name that ends in '*' stands for all that begin so.
struct Condition {
  Subject subject = Subject::unknown;
  bool negated = false;
  std::vector<std::string> names;
  std::vector<Range> ranges;
  bool operator==(const Condition&) const = default;
};

enum class Action {
  go_on, // counts, logs, marks
  accept,
  drop, // or reject
  jump,
  go_to,
  leave,   // nft: return
  unknown, // queue, translation, a target that is not understood
};

struct Rule {
  std::vector<Condition> conditions; // all of them have to hold
  Action action = Action::go_on;
  std::string target; // of jump and go_to
  std::string text;   // as listed, for messages
};

enum class Hook { prerouting, input, forward, output, postrouting };

// What makes a chain one that packets come to by themselves.
struct Base {
  Hook hook = Hook::input;
  int priority = 0;
  bool drops = false; // the policy
};

struct Chain {
  std::optional<Base> base;
  std::vector<Rule> rules;
};

// In whose words its owner would change it.
enum class Owner { nft, iptables, iptables_legacy, firewalld };

struct Table {
  Owner owner = Owner::nft;
  std::string family; // "ip", "inet"
  std::string name;
  std::map<std::string, Chain, std::less<>> chains;
};

// Every filter that an IPv4 packet of this host can meet, our own table apart.
struct Filters {
  std::vector<Table> tables;
  bool bridged = false; // br_netfilter: frames between ports of one bridge come through `forward`
};

} // namespace fan::firewall
