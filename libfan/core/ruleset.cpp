#include "core/ruleset.h"

#include <algorithm>
#include <cstdint>

#include <fmt/format.h>

#include "core/errors.h"

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

	set bridges {
		type ifname
	}

	set bridge_slices {
		type ifname . ipv4_addr
		flags interval
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
	# chain input. The group is that of our devices; one that lost it is judged by its name further down, to the same end.
	# The guard: an overlay source comes out of the tunnel, or from a slice of this host by its own bridge, or not at all.
	chain prerouting {
		type filter hook prerouting priority -300; policy accept;
		meta mark 0x0fa70002 goto checked
		iifgroup 64023 iifname . ip saddr @bridge_slices goto untracked
		udp dport @ports iifname . ip daddr @underlays ip saddr @underlay_nets meta mark set 0x0fa70003 notrack accept
		meta l4proto @protocols iifname . ip daddr @underlays ip saddr @underlay_nets meta mark set 0x0fa70003 notrack accept
		jump untracked
		iif "lo" accept
		iifname "fan*" iifname @tunnels goto coarse
		ip saddr @overlays iifname . ip saddr != @bridge_slices counter name "forged" drop
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
		meta mark 0x0fa70003 accept
		iifname @bridges jump from_bridge
		iifname "fan*" iifname @tunnels ip daddr @closed_slices goto asking
		meta l4proto 6 accept
		udp dport @ports goto arriving
		meta l4proto @protocols goto arriving
	}

	chain arriving {
		iifname . ip daddr @underlays ip saddr @underlay_nets accept
		counter name "misdelivered" drop
	}

	chain from_bridge {
		ip daddr @slices iifname . ip daddr != @bridge_slices jump other_fan
		iifname @no_metadata jump to_metadata
		iifname @closed_bridges goto asking
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
		icmp type destination-unreachable accept
		icmp type time-exceeded accept
		icmp type parameter-problem accept
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
		ip daddr @slices goto into_slice
	}

	chain passing {
		iifname @bridges ip daddr @underlay_nets jump speaking_to_hosts
		udp dport @ports jump tunnelling
		udp sport @ports jump tunnelling
		meta l4proto @protocols jump tunnelling
	}

	# A peer may receive what this host does not: in a fleet that moves from one encapsulation to the other.
	chain speaking_to_hosts {
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

	# By neither bridge nor tunnel: under br_netfilter frames between ports of one bridge come through here as well.
	chain srcnat {
		type nat hook postrouting priority 99; policy accept;
		oifname "lo" accept
		oifname @tunnels ip saddr @slices snat ip to ip saddr
		oifname @tunnels ip saddr != @slices fib saddr type local snat ip to ip daddr map @gateways
		oifname @tunnels ip saddr != @slices ct status dnat snat ip to ip daddr map @gateways
		ip saddr @nat_slices ip daddr != @overlays oifname != @bridges oifname != @tunnels masquerade
	}
}
)";

constexpr std::string_view comment_start = "fanctl ruleset ";
constexpr std::size_t version_length = 16;

// FNV-1a, 64 bit (draft-eastlake-fnv).
std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  }
  return hash;
}

// Letters of element texts that mean nothing else to nft. A space and the quote are looked at separately.
bool harmless(char c) {
  const bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return alphanumeric || std::string_view("._-@:/+=~%^,!?&()[]<>|'`$#").find(c) != std::string_view::npos;
}

// Outside quotes only what addresses, numbers and " . " need; inside, device names without quote, backslash and
// asterisk.
bool sayable(std::string_view text) {
  bool quoted = false;
  for (const char c : text) {
    if (c == '"') {
      quoted = !quoted;
    } else if (quoted ? !harmless(c) : std::string_view("0123456789abcdefx./ ").find(c) == std::string_view::npos) {
      return false;
    }
  }
  return !quoted && !text.empty() && text.find("\"\"") == std::string_view::npos;
}

Result<void> check(const SetElement& element) {
  if (ruleset_declares(element.set) && sayable(element.element) && (element.data.empty() || sayable(element.data))) {
    return {};
  }
  return host_error(fmt::format("nftables cannot hold {} in set {}", quoted(element.element), quoted(element.set)),
                    "rename the device: a name in a rule cannot have quotes, braces, asterisks or backslashes");
}

std::string line(const char* verb, const SetElement& element) {
  const std::string data = element.data.empty() ? "" : " : " + element.data;
  return fmt::format("{} element inet {} {} {{ {}{} }}\n", verb, table_name, element.set, element.element, data);
}

const SetElement* element_of(const std::optional<Object>& object) {
  return object ? std::get_if<SetElement>(&*object) : nullptr;
}

bool same_key(const SetElement& a, const SetElement& b) {
  return a.set == b.set && a.element == b.element;
}

bool mentioned(std::span<const Change> transaction, const SetElement& element) {
  return std::any_of(transaction.begin(), transaction.end(), [&](const Change& change) {
    const SetElement* changed = element_of(change.before ? change.before : change.after);
    return changed != nullptr && same_key(*changed, element);
  });
}

// The script of a transaction, in the order in which the kernel can take it.
class Script {
public:
  Script(std::span<const Change> transaction, const std::vector<SetElement>& kept, Replacement replacement)
      : transaction_(transaction), kept_(kept), replacement_(replacement) {}

  Result<std::string> write() {
    const Change* ruleset = find_ruleset();
    if (ruleset != nullptr && !ruleset->after) {
      return fmt::format("delete table inet {}\n", table_name);
    }
    if (ruleset == nullptr) {
      remove_elements();
    } else if (!ruleset->before) {
      text_ += ruleset_text();
    } else if (replacement_ == Replacement::rules_only) {
      remove_elements();
      text_ += fmt::format("flush table inet {}\n{}", table_name, rules);
    } else {
      text_ += fmt::format("delete table inet {}\n{}", table_name, ruleset_text());
      keep_elements();
    }
    add_elements();
    return refused_ ? Result<std::string>(*refused_) : Result<std::string>(std::move(text_));
  }

private:
  [[nodiscard]] const Change* find_ruleset() const {
    const auto found = std::find_if(transaction_.begin(), transaction_.end(), [](const Change& change) {
      return std::holds_alternative<Ruleset>(change.object());
    });
    return found == transaction_.end() ? nullptr : &*found;
  }

  void put(const char* verb, const SetElement& element) {
    if (Result<void> good = check(element); !good) {
      refused_ = std::move(good).error();
    }
    text_ += line(verb, element);
  }

  // An element with other data is taken out and put in again. The data is not named when removing: it may have changed.
  void remove_elements() {
    for (const Change& change : transaction_) {
      if (const SetElement* element = element_of(change.before)) {
        put("delete", {element->set, element->element, {}});
      }
    }
  }

  void keep_elements() {
    for (const SetElement& element : kept_) {
      if (ruleset_declares(element.set) && !mentioned(transaction_, element)) {
        put("add", element);
      }
    }
  }

  // "add", not "create": nft 1.0.6 fails with "File exists" on two "create" for one interval set in a transaction.
  void add_elements() {
    for (const Change& change : transaction_) {
      if (const SetElement* element = element_of(change.after)) {
        put("add", *element);
      }
    }
  }

  std::span<const Change> transaction_;
  const std::vector<SetElement>& kept_;
  Replacement replacement_;
  std::string text_;
  std::optional<Error> refused_;
};

} // namespace

std::string_view ruleset_rules() {
  return rules;
}

const std::string& ruleset_version() {
  static const std::string version = fmt::format("{:016x}", fnv1a(rules));
  return version;
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

std::string ruleset_text() {
  return fmt::format("create table inet {} {{\n\tcomment \"{}\"\n}}\n{}", table_name,
                     ruleset_comment(ruleset_version()), rules);
}

Result<std::string> firewall_script(std::span<const Change> transaction, const std::vector<SetElement>& kept,
                                    Replacement replacement) {
  return Script(transaction, kept, replacement).write();
}

bool ruleset_declares(std::string_view set) {
  return !set.empty() && (rules.find(fmt::format("\tset {} {{", set)) != std::string_view::npos ||
                          rules.find(fmt::format("\tmap {} {{", set)) != std::string_view::npos);
}

} // namespace fan
