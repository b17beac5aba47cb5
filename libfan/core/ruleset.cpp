#include "core/ruleset.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/errors.h"
#include "core/fnv.h"
#include "core/overloaded.h"
#include "core/port_ruleset.h"

namespace fan {
namespace {

// Priorities: -300 raw (before connection tracking at -200), 0 filter, 99 just before srcnat, so that our translation
// into the tunnel is not overtaken by a general masquerade at 100.
constexpr std::string_view rules = R"(table inet fanctl {
	counter forged {
	}

	counter tunnel_coarse {
	}

	counter misdelivered {
	}

	counter checksum {
	}

	counter smuggled {
	}

	counter outside {
	}

	counter unmarked {
	}

	counter isolated {
	}

	counter host_access {
	}

	counter metadata {
	}

	set overlays {
		type ipv4_addr
		flags interval
	}

	set slices {
		type ipv4_addr
		flags interval
	}

	set nat_slices {
		type ipv4_addr
		flags interval
	}

	set exposed {
		type ipv4_addr
		flags interval
	}

	set shortcuts {
		type ipv4_addr
		flags interval
	}

	set bridges {
		type ifname
	}

	set bridge_slices {
		type ifname . ipv4_addr
		flags interval
	}

	set port_addresses {
		type ifname . ipv4_addr
	}

	set open_slices {
		type ipv4_addr
		flags interval
	}

	set closed_bridges {
		type ifname
	}

	set closed_slices {
		type ipv4_addr
		flags interval
	}

	set pinged {
		type ifname . ipv4_addr
	}

	set served {
		type ifname . ipv4_addr . inet_proto . inet_service
	}

	set no_metadata {
		type ifname
	}

	set tunnels {
		type ifname
	}

	set protocols {
		type inet_proto
	}

	set ports {
		type inet_service
	}

	set underlays {
		type ifname . ipv4_addr
	}

	set underlay_nets {
		type ipv4_addr
		flags interval
	}

	map gateways {
		type ipv4_addr : ipv4_addr
		flags interval
	}

	# What a packet of the fan has to pass comes first, and of that the comparisons before the sets: each rule costs it some
	# 60 ns. The first mark is the ingress program's, which has checked more than these rules do; the second spares the
	# chain input. A container can keep a mark on its way out of its namespace (a macvlan does), so ours mean nothing by a bridge or
	# a port, nor by any other device. The group is that of our devices; one that lost it is judged by its name further down, to the same end.
	# The guard: an overlay source comes out of the tunnel, or from a slice of this host by its own bridge, or not at all.
	chain prerouting {
		type filter hook prerouting priority -300; policy accept;
		meta mark 0x0fa70002 iifgroup 64023 meta iifkind != "bridge" goto checked
		iifgroup 64023 ip saddr @shortcuts jump shortcut
		iifgroup 64023 iifname . ip saddr @bridge_slices goto untracked
		udp dport @ports udp checksum 0 iifname . ip daddr @underlays ip saddr @underlay_nets meta mark set 0x0fa70003 notrack accept
		meta l4proto @protocols iifname . ip daddr @underlays ip saddr @underlay_nets meta mark set 0x0fa70003 notrack accept
		jump untracked
		iifname "lo" accept
		iifname "fan*" iifname @tunnels goto coarse
		ip saddr @overlays goto overlay_source
		iifname @bridges jump stranger
		meta mark 0x0fa70003 meta mark set 0x00000000
	}

	# A routed port has few addresses, and there may be ten thousand such ports: a set without intervals finds one of them in the
	# same time, where one with intervals looks at all.
	chain overlay_source {
		meta mark 0x0fa70003 meta mark set 0x00000000
		iifname . ip saddr @port_addresses accept
		iifname . ip saddr != @bridge_slices counter name "forged" drop
	}

	# Nobody behind a bridge has an address of this host. A frame between two ports that says so (br_netfilter) would begin a
	# connection which the host then takes for its own.
	chain beginning {
		type nat hook prerouting priority -101; policy accept;
		iifname @bridges fib saddr type local counter name "forged" drop
	}

	# By a bridge or a port of ours, and not from what it may send as everywhere. Between ports of one bridge that is nobody's
	# business (br_netfilter), so it is marked here, and refused where it would come to this host or leave by it. A network that
	# the host itself routes to behind an endpoint may speak; and so may who asks for an address.
	chain stranger {
		meta mark 0x0fa70003 meta mark set 0x00000000
		ip daddr 255.255.255.255 udp dport 67 return
		ip saddr != 0.0.0.0 fib saddr . iif oif missing meta mark set 0x0fa70006
	}

	# What may take the shortcut (bpf/shortcut.h) comes here under br_netfilter only, and is not tracked; the rest gets a mark,
	# as it may be translated before the bridge's program sees it. That takes the mark off. Without br_netfilter the program comes
	# first, and marks what it left alone.
	chain shortcut {
		meta mark 0x0fa70005 meta mark set 0x00000000 return
		iifname . ip saddr @bridge_slices ip daddr @overlays ip daddr != @slices notrack accept
		meta mark 0x00000000 meta mark set 0x0fa70004
	}

	chain checked {
		meta mark set 0x00000000 meta l4proto 6 accept
		goto untracked
	}

	# Tunnel packets are never tracked, whoever sends them: a tracked one lets a container take the tunnel over through NAT.
	chain untracked {
		meta l4proto 6 return
		udp dport != @ports return
		udp dport @ports notrack return
		meta l4proto @protocols notrack
	}

	# Out of a tunnel, and not seen by the ingress program.
	chain coarse {
		meta mark set 0x00000000
		ip saddr @overlays ip saddr != @slices ip daddr @slices accept
		counter name "tunnel_coarse" drop
	}

	# The tunnel is accepted on the underlay's device and address only, and from the underlay only. What endpoints may ask of
	# this host comes after that, which the fan's own packets do not reach, and before TCP is let go.
	chain input {
		type filter hook input priority 0; policy accept;
		meta mark 0x0fa70003 iifgroup != 64023 accept
		iifname @bridges jump from_bridge
		iifname "fan*" iifname @tunnels jump from_tunnel
		meta l4proto 6 accept
		icmp type destination-unreachable icmp code frag-needed goto narrowing
		udp dport @ports goto arriving
		meta l4proto @protocols goto arriving
	}

	# A word on the path to a peer comes from where its packets do. From a container of another bridge it would lower the path
	# MTU to that peer: the kernel believes whoever quotes a packet that this host may have sent, of protocol 4 or UDP. Those of
	# the tunnel are not tracked.
	chain narrowing {
		ct state related accept
		iifname "lo" accept
		iifname . ip daddr @underlays accept
		@th,136,8 0x4 counter name "forged" drop
		@th,136,8 0x11 counter name "forged" drop
	}

	# A fan sends vxlan without a checksum. A packet with one may be what a container made its host's network device write: whatever
	# is translated has a checksum, and what is to be filled in is never filled in with 0.
	chain arriving {
		udp checksum != 0 iifname . ip daddr @underlays ip saddr @underlay_nets counter name "checksum" drop
		iifname . ip daddr @underlays ip saddr @underlay_nets accept
		counter name "misdelivered" drop
	}

	# An error about a tunnel packet, or any that hosts of the underlay send each other, can be no endpoint's: it would lower the
	# path MTU to a peer. Tunnel packets are not tracked, so nothing is related to them.
	chain from_bridge {
		meta mark 0x0fa70006 counter name "forged" drop
		icmp type destination-unreachable jump telling
		ip daddr @slices iifname . ip daddr != @bridge_slices iifname . ip daddr != @port_addresses jump other_fan
		iifname @no_metadata jump to_metadata
		iifname @closed_bridges goto asking
	}

	chain from_tunnel {
		icmp type destination-unreachable jump telling
		ip daddr @closed_slices goto asking
	}

	chain telling {
		ct state != related counter name "forged" drop
		ct original ip saddr != @overlays ct original ip daddr != @overlays counter name "forged" drop
	}

	# The guard on the bridge keeps fans apart; a gateway is behind no bridge.
	chain other_fan {
		ip saddr @open_slices ip daddr @open_slices return
		counter name "isolated" drop
	}

	# The first line: what was asked, also where somebody redirected it to this host.
	chain to_metadata {
		ct original ip daddr 169.254.169.254 counter name "metadata" drop
		ip daddr 169.254.169.254 counter name "metadata" drop
		ip6 daddr fd00:ec2::254 counter name "metadata" drop
	}

	# An answer is to what the host began: an endpoint's own connections, from before this was asked for, end here too.
	chain asking {
		ct state established ct direction reply accept
		icmp type destination-unreachable ct state related accept
		icmp type time-exceeded ct state related accept
		icmp type parameter-problem ct state related accept
		icmp type echo-request iifname . ip daddr @pinged accept
		iifname . ip daddr . meta l4proto . th dport @served accept
		icmpv6 type nd-neighbor-solicit accept
		icmpv6 type nd-neighbor-advert accept
		counter name "host_access" drop
	}

	# Between bridges and tunnels of ours goes what prerouting let pass; the tunnel's own programs check it as well.
	chain forward {
		type filter hook forward priority 0; policy accept;
		iifgroup 64023 oifgroup 64023 accept
		iifname @no_metadata jump to_metadata
		meta l4proto != 6 jump passing
		meta mark 0x0fa70006 counter name "forged" drop
		ip daddr @slices goto into_slice
	}

	chain passing {
		iifname @bridges ip daddr @underlay_nets jump speaking_to_hosts
		udp dport @ports jump tunnelling
		udp sport @ports jump tunnelling
		meta l4proto @protocols jump tunnelling
	}

	# A peer may receive what this host does not: in a fleet that moves from one encapsulation to the other.
	# Of what this host translates the other host knows this host's address only, and so would its path MTU.
	chain speaking_to_hosts {
		icmp type destination-unreachable icmp code frag-needed ct status snat counter name "forged" drop
		udp dport 8472 counter name "smuggled" drop
		udp sport 8472 counter name "smuggled" drop
		meta l4proto 4 counter name "smuggled" drop
	}

	# Endpoints may tunnel between each other, hosts of the underlay too; nothing else may speak to the underlay like a host, and
	# what a container sends elsewhere in this form would leave untranslated.
	chain tunnelling {
		ip saddr @overlays ip daddr @overlays return
		ip saddr @underlay_nets ip daddr @underlay_nets fib saddr . iif oif exists return
		ip daddr @underlay_nets counter name "smuggled" drop
		iifname @bridges counter name "smuggled" drop
	}

	chain into_slice {
		ct state established,related accept
		iifname @tunnels accept
		iifname @bridges accept
		ct status dnat accept
		ip daddr @exposed accept
		counter name "outside" drop
	}

	# Only the egress program, which marks, may send to the tunnel's port of a peer: a peer takes what comes from it for ours.
	# The mark has then done its work, and is taken off before the wire.
	chain output {
		type filter hook output priority -300; policy accept;
		meta mark 0x0fa70000 meta mark set 0x00000000 notrack accept
		meta l4proto 6 accept
		udp dport @ports goto unmarked
		meta l4proto @protocols goto unmarked
	}

	chain unmarked {
		notrack
		ip daddr @underlay_nets counter name "unmarked" drop
	}

	# The answer to what this host translated has to come back to it, and between endpoints none would where they take the
	# shortcut: so those connections are the gateway's, of the endpoint's own fan, as fans are kept apart.
	# From one fan bridge to another the source is kept too, whoever masquerades: the guard keeps fans apart by it.
	# By neither bridge nor tunnel: under br_netfilter frames between ports of one bridge come through here as well.
	chain srcnat {
		type nat hook postrouting priority 99; policy accept;
		oifname "lo" accept
		oifname @tunnels ip saddr @shortcuts ct status dnat snat ip to ip saddr map @gateways
		oifname @tunnels ip saddr @slices snat ip to ip saddr
		oifname @bridges ip saddr @slices iifname . ip daddr != @bridge_slices snat ip to ip saddr
		oifname @tunnels ip saddr != @slices fib saddr type local snat ip to ip daddr map @gateways
		oifname @tunnels ip saddr != @slices ct status dnat snat ip to ip daddr map @gateways
		oifname @bridges ip daddr @shortcuts ip saddr @overlays ip saddr != @slices ct status dnat snat ip to ip daddr map @gateways
		ip saddr @nat_slices ip daddr != @overlays oifname != @bridges oifname != @tunnels masquerade
	}
}
)";

constexpr std::string_view comment_start = "fanctl ruleset ";
constexpr std::size_t version_length = 16;

// Letters of element texts that mean nothing else to nft. A space and the quote are looked at separately.
bool harmless(char c) {
  const bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return alphanumeric || std::string_view("._-@:/+=~%^,!?&()[]<>|'`$#").find(c) != std::string_view::npos;
}

// Outside quotes only what addresses, numbers, their ranges and " . " need; inside, device names without quote,
// backslash and asterisk.
bool sayable(std::string_view text) {
  bool quoted = false;
  for (const char c : text) {
    if (c == '"') {
      quoted = !quoted;
    } else if (quoted ? !harmless(c) : std::string_view("0123456789abcdefx./: -").find(c) == std::string_view::npos) {
      return false;
    }
  }
  return !quoted && !text.empty() && text.find("\"\"") == std::string_view::npos;
}

constexpr std::string_view verdict = "goto ";

// A verdict names a chain of ours.
bool sayable_data(std::string_view text, NftTable table) {
  if (text.starts_with(verdict)) {
    const std::string chain = fmt::format("\tchain {} {{", text.substr(verdict.size()));
    return ruleset_rules(table).find(chain) != std::string_view::npos;
  }
  return text.empty() || sayable(text);
}

Result<void> check(const SetElement& element, bool declared) {
  if (declared && sayable(element.element) && sayable_data(element.data, element.table)) {
    return {};
  }
  return host_error(fmt::format("nftables cannot hold {} in set {}", quoted(element.element), quoted(element.set)),
                    "rename the device: a name in a rule cannot have quotes, braces, asterisks or backslashes");
}

// It fails where there is such a table.
std::string header_of(NftTable table) {
  return fmt::format("create table {} {{\n\tcomment \"{}\"\n}}\n", table_words(table),
                     ruleset_comment(ruleset_version(table)));
}

// The ruleset without its chains, which stand behind its counters and sets.
std::string ruleset_sets(NftTable table) {
  const std::string_view text = ruleset_rules(table);
  return std::string(text.substr(0, text.find("\n\tchain ") + 1)) + "}\n";
}

const SetElement* element_of(const std::optional<Object>& object) {
  return object ? std::get_if<SetElement>(&*object) : nullptr;
}

using ElementKey = std::pair<std::string_view, std::string_view>;

ElementKey key_of_element(const SetElement& element) {
  return {element.set, element.element};
}

std::set<ElementKey> mentioned_in(const std::vector<const Change*>& transaction) {
  std::set<ElementKey> keys;
  for (const Change* change : transaction) {
    if (const SetElement* changed = element_of(change->before ? change->before : change->after)) {
      keys.insert(key_of_element(*changed));
    }
  }
  return keys;
}

// The script of a transaction in one table, in the order in which the kernel can take it.
class Script {
public:
  Script(std::span<const Change> transaction, const std::vector<SetElement>& kept, Replacement replacement,
         NftTable table)
      : kept_(kept), replacement_(replacement), table_(table) {
    for (const Change& change : transaction) {
      if (table_of(change.object()) == table) {
        transaction_.push_back(&change);
      }
    }
  }

  Result<FirewallScript> write() {
    const Change* ruleset = find_ruleset();
    if (ruleset != nullptr && !ruleset->after) {
      return FirewallScript{{}, fmt::format("delete table {}\n", table_words(table_))};
    }
    if (ruleset == nullptr) {
      remove_elements();
    } else if (!ruleset->before) {
      return write_new();
    } else if (replacement_ == Replacement::rules_only) {
      remove_elements();
      text_ += fmt::format("flush table {}\n{}", table_words(table_), ruleset_rules(table_));
    } else {
      text_ += fmt::format("delete table {}\n{}", table_words(table_), ruleset_text(table_));
      keep_elements();
    }
    add_elements([](const SetElement&) { return true; });
    return done({});
  }

private:
  // An element that leads to a chain can only be there when that is.
  Result<FirewallScript> write_new() {
    const auto leads_to_a_chain = [](const SetElement& element) { return element.data.starts_with(verdict); };
    text_ = header_of(table_) + ruleset_sets(table_);
    add_elements([&](const SetElement& element) { return !leads_to_a_chain(element); });
    say();
    std::string sets = std::exchange(text_, std::string(ruleset_rules(table_)));
    add_elements(leads_to_a_chain);
    return done(std::move(sets));
  }

  Result<FirewallScript> done(std::string sets) {
    say();
    return refused_ ? Result<FirewallScript>(*refused_) : FirewallScript{std::move(sets), std::move(text_)};
  }

  [[nodiscard]] const Change* find_ruleset() const {
    const auto found = std::find_if(transaction_.begin(), transaction_.end(), [](const Change* change) {
      return std::holds_alternative<Ruleset>(change->object());
    });
    return found == transaction_.end() ? nullptr : *found;
  }

  // Elements that follow each other in one set are one command: nft takes a thousand of them in a fourth of the time.
  void put(const char* verb, const SetElement& element) {
    if (verb_ != verb || set_ != element.set) {
      say();
      verb_ = verb;
      set_ = element.set;
      declared_ = ruleset_declares(set_, table_);
    }
    if (Result<void> good = check(element, declared_); !good) {
      refused_ = std::move(good).error();
    }
    said_.push_back(element.data.empty() ? element.element : element.element + " : " + element.data);
  }

  void say() {
    // nft 1.0.6 does not take several intervals of the firewall in one command for all sets; one by one it does.
    if (table_ == NftTable::inet) {
      for (const std::string& one : said_) {
        text_ += fmt::format("{} element {} {} {{ {} }}\n", verb_, table_words(table_), set_, one);
      }
    } else if (!said_.empty()) {
      text_ += fmt::format("{} element {} {} {{ {} }}\n", verb_, table_words(table_), set_, fmt::join(said_, ", "));
    }
    said_.clear();
  }

  // An element with other data is taken out and put in again. The data is not named when removing: it may have changed.
  void remove_elements() {
    for (const Change* change : transaction_) {
      if (const SetElement* element = element_of(change->before)) {
        put("delete", {element->set, element->element, {}, table_});
      }
    }
    say();
  }

  void keep_elements() {
    const std::set<ElementKey> mentioned = mentioned_in(transaction_);
    for (const SetElement& element : kept_) {
      if (ruleset_declares(element.set, table_) && mentioned.count(key_of_element(element)) == 0) {
        put("add", element);
      }
    }
  }

  // "add", not "create": nft 1.0.6 fails with "File exists" on two "create" for one interval set in a transaction.
  template <class Which>
  void add_elements(Which which) {
    for (const Change* change : transaction_) {
      if (const SetElement* element = element_of(change->after); element != nullptr && which(*element)) {
        put("add", *element);
      }
    }
  }

  std::vector<const Change*> transaction_; // of this table
  const std::vector<SetElement>& kept_;
  Replacement replacement_;
  NftTable table_;
  std::string text_;
  std::string verb_;
  std::string set_;
  bool declared_ = false;         // there is a set of that name
  std::vector<std::string> said_; // elements that `verb_` and `set_` go for and that are not in the text yet
  std::optional<Error> refused_;
};

} // namespace

std::string_view ruleset_rules(NftTable table) {
  return table == NftTable::inet ? rules : port_rules();
}

std::string table_words(NftTable table) {
  return std::string(table == NftTable::inet ? "inet " : "bridge ") + table_name;
}

const std::string& ruleset_version(NftTable table) {
  static const std::string firewall = fmt::format("{:016x}", fnv1a_64(rules));
  static const std::string ports = fmt::format("{:016x}", fnv1a_64(port_rules()));
  return table == NftTable::inet ? firewall : ports;
}

std::string ruleset_comment(const std::string& version) {
  return std::string(comment_start) + version;
}

std::string ruleset_version_in(std::string_view comment) {
  if (comment.substr(0, comment_start.size()) != comment_start) {
    return {};
  }
  comment.remove_prefix(comment_start.size());
  const bool hex = comment.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  return hex && comment.size() == version_length ? std::string(comment) : std::string();
}

std::string ruleset_text(NftTable table) {
  return header_of(table) + std::string(ruleset_rules(table));
}

Result<FirewallScript> firewall_script(std::span<const Change> transaction, const std::vector<SetElement>& kept,
                                       Replacement replacement, NftTable table) {
  return Script(transaction, kept, replacement, table).write();
}

bool ruleset_declares(std::string_view set, NftTable table) {
  const std::string_view text = ruleset_rules(table);
  return !set.empty() && (text.find(fmt::format("\tset {} {{", set)) != std::string_view::npos ||
                          text.find(fmt::format("\tmap {} {{", set)) != std::string_view::npos);
}

std::optional<NftTable> table_of(const Object& object) {
  using Found = std::optional<NftTable>;
  return std::visit(Overloaded{
                        [](const Ruleset& o) -> Found { return o.table; },
                        [](const SetElement& o) -> Found { return o.table; },
                        [](const auto&) -> Found { return std::nullopt; },
                    },
                    object);
}

} // namespace fan
