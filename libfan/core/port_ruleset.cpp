#include "core/port_ruleset.h"

namespace fan {
namespace {

// Priority -300: before every filter of others, so that what they see is what will be delivered.
constexpr std::string_view bridge_table = R"(table bridge fanctl {
	counter answered {
	}

	counter kept {
	}

	counter passed {
	}

	counter spoofed {
	}

	counter serving {
	}

	set addresses {
		type ifname . ether_addr . ipv4_addr
	}

	set macs {
		type ifname . ether_addr
	}

	set prefixes {
		type ifname . ipv4_addr
		flags interval
	}

	set addresses6 {
		type ifname . ether_addr . ipv6_addr
	}

	set prefixes6 {
		type ifname . ipv6_addr
		flags interval
	}

	set targets6 {
		typeof iifname . @th,64,128
	}

	set target_prefixes6 {
		typeof iifname . @th,64,128
		flags interval
	}

	set routed {
		type ifname
	}

	set forwarded {
		type ifname
	}

	set unlearning {
		type ifname
	}

	set answered {
		type ipv4_addr
	}

	set quiet {
		type ifname
	}

	set restricted {
		type ifname
	}

	set allowed {
		type ifname . ether_addr
	}

	set selective {
		type ifname
	}

	set receivers {
		type ifname
	}

	map ports {
		type ifname : verdict
	}

	# Before any copy is made. Ports of other bridges are not in the map.
	chain prerouting {
		type filter hook prerouting priority -300; policy accept;
		iifname vmap @ports
	}

	# Only a broadcast costs more than the lookup above. What the bridge answers, and what may not be copied, is turned to the
	# host alone, by an address that is every fan bridge's own.
	chain plain {
		meta pkttype != broadcast meta pkttype != multicast accept
		meta pkttype multicast jump group
		arp operation request arp daddr ip @answered counter name "answered" ether daddr set 02:fa:ff:ff:ff:fd meta pkttype set host accept
		iifname != @restricted counter name "passed" accept
		iifname . ether saddr @allowed counter name "passed" accept
		counter name "kept" ether daddr set 02:fa:ff:ff:ff:fd meta pkttype set host accept
	}

	# Who listens to a group has asked for it; any other address in such a frame is a broadcast by another name.
	chain group {
		ip daddr 224.0.0.0/4 accept
		ether type != ip ether type != arp accept
	}

	# A secured port sends as its endpoints or not at all. Frames with a VLAN tag have another type than these.
	chain secured {
		ether type ip goto secured_ip
		ether type arp goto secured_arp
		ether type ip6 goto secured_ip6
		counter name "spoofed" drop
	}

	# A client looks at the port that an answer is for, and at no other.
	# Whoever asks who hears which groups is sent all of them by a bridge that snoops: of protocol 2, type 0x11 (RFC 3376). Written
	# by its bytes, as libnftables has more than one way to print it by name.
	chain secured_ip {
		@nh,72,8 0x2 @th,0,8 0x11 counter name "serving" drop
		udp sport 67 counter name "serving" drop
		udp dport 68 counter name "serving" drop
		iifname . ether saddr . ip saddr @addresses goto plain
		iifname . ether saddr @macs goto secured_more
		counter name "spoofed" drop
	}

	chain secured_more {
		iifname . ip saddr @prefixes goto plain
		ip saddr 0.0.0.0 udp sport 68 udp dport 67 goto plain
		counter name "spoofed" drop
	}

	# The sender is named twice: in the frame and in the message.
	chain secured_arp {
		arp htype 1 arp ptype ip arp hlen 6 arp plen 4 iifname . ether saddr @macs iifname . arp saddr ether @macs goto secured_sender
		counter name "spoofed" drop
	}

	chain secured_sender {
		iifname . ether saddr . arp saddr ip @addresses iifname . arp saddr ether . arp saddr ip @addresses goto plain
		iifname . arp saddr ip @prefixes goto plain
		arp operation request arp saddr ip 0.0.0.0 iifname . ether saddr . arp daddr ip @addresses goto plain
		arp operation request arp saddr ip 0.0.0.0 iifname . arp daddr ip @prefixes goto plain
		counter name "spoofed" drop
	}

	# What cannot be parsed up to its protocol has none, and matches no rule that asks for it.
	chain secured_ip6 {
		icmpv6 type nd-router-advert counter name "serving" drop
		icmpv6 type nd-redirect counter name "serving" drop
		icmpv6 type mld-listener-query counter name "serving" drop
		udp sport 547 counter name "serving" drop
		udp dport 546 counter name "serving" drop
		icmpv6 type nd-neighbor-advert iifname . @th,64,128 != @targets6 iifname . @th,64,128 != @target_prefixes6 counter name "spoofed" drop
		meta l4proto != 255 iifname . ether saddr . ip6 saddr @addresses6 goto plain
		ip6 saddr :: iifname . ether saddr @macs goto secured_probe6
		meta l4proto != 255 iifname . ether saddr @macs iifname . ip6 saddr @prefixes6 goto plain
		counter name "spoofed" drop
	}

	chain secured_probe6 {
		icmpv6 type nd-neighbor-solicit iifname . @th,64,128 @targets6 goto plain
		icmpv6 type nd-neighbor-solicit iifname . @th,64,128 @target_prefixes6 goto plain
		icmpv6 type nd-router-solicit goto plain
		icmpv6 type mld-listener-report goto plain
		icmpv6 type mld2-listener-report goto plain
		counter name "spoofed" drop
	}
}
)";

} // namespace

std::string_view port_rules() {
  return bridge_table;
}

} // namespace fan
