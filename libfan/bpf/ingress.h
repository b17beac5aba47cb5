/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* From the tunnel: the checks of docs/wire.md in their order. Everything is decided from the slice that the inner
 * destination is in, found by one lookup; other maps are asked only to name the reason of a refusal, or for traffic
 * between two overlays. */
#ifndef FAN_INGRESS_H
#define FAN_INGRESS_H

#include "packet.h"
#include "shortcut.h"

struct fan_outer {
  __be32 source;
  __be32 destination; /* 0 where the kernel does not say (before 6.0); then the ruleset alone checks it */
  __u32 vni;
  __u8 ttl;
};

/* What offsetof(struct bpf_tunnel_key, local_ipv4) was the whole of before 6.0. */
#define FAN_SHORT_KEY __builtin_offsetof(struct bpf_tunnel_key, local_ipv4)

/* 0 when the packet came through a tunnel. An older kernel refuses the longer struct, so the shorter is asked for then.
 */
FAN_INLINE int fan_outer_of(struct __sk_buff* skb, struct fan_outer* outer) {
  struct bpf_tunnel_key key = {};
  if (bpf_skb_get_tunnel_key(skb, &key, sizeof(key), 0)) {
    if (bpf_skb_get_tunnel_key(skb, &key, FAN_SHORT_KEY, 0))
      return -1;
    key.local_ipv4 = 0;
  }
  outer->source = bpf_htonl(key.remote_ipv4);
  outer->destination = bpf_htonl(key.local_ipv4);
  outer->vni = key.tunnel_id;
  outer->ttl = key.tunnel_ttl;
  return 0;
}

FAN_INLINE int fan_known(__u32 kind, __u32 bits, struct fan_address value) {
  struct fan_known_key key = {32 + bits, bpf_htonl(kind), value};
  return bpf_map_lookup_elem(&fan_known_v1, &key) != 0;
}

FAN_INLINE int fan_our_host(__be32 address) {
  struct fan_lpm_key key = fan_host_key(address);
  __u32* reason = bpf_map_lookup_elem(&fan_never_v1, &key);
  return reason && *reason == FAN_OUT_OURSELVES;
}

FAN_INLINE int fan_destination_ok(const struct fan_slice* slice, const struct fan_outer* outer) {
  if (!outer->destination)
    return 1;
  return slice ? slice->host.words[3] == outer->destination : fan_our_host(outer->destination);
}

FAN_INLINE int fan_vni_ok(const struct fan_slice* slice, const struct fan_outer* outer) {
  struct fan_address vni = {{0, 0, 0, bpf_htonl(outer->vni)}};
  return slice ? slice->vni == outer->vni : fan_known(FAN_KNOWN_VNI, 128, vni);
}

FAN_INLINE int fan_underlay_ok(const struct fan_slice* slice, __be32 source) {
  if (slice && fan_inside(bpf_ntohl(source), fan_v4(&slice->underlay), fan_v4_length(slice->underlay_length)))
    return 1;
  return fan_known(FAN_KNOWN_UNDERLAY, 128, fan_address_of(source));
}

struct fan_rule { /* a mapping's numbers, wherever they come from */
  __u32 overlay_length;
  __u32 underlay;
  __u32 underlay_length;
  __u32 isolated; /* it is another overlay than the slice's, and the slice's fan speaks to its own only */
};

/* 0 when the address is in an overlay. The slice's own mapping is tried first: it is in hand. */
FAN_INLINE int fan_rule_of(const struct fan_slice* slice, __be32 address, struct fan_rule* rule) {
  if (slice && fan_inside(bpf_ntohl(address), fan_v4(&slice->overlay), fan_v4_length(slice->overlay_length))) {
    rule->overlay_length = fan_v4_length(slice->overlay_length);
    rule->underlay = fan_v4(&slice->underlay);
    rule->underlay_length = fan_v4_length(slice->underlay_length);
    return 0;
  }
  struct fan_lpm_key key = fan_host_key(address);
  struct fan_mapping* mapping = bpf_map_lookup_elem(&fan_mappings_v1, &key);
  if (!mapping)
    return -1;
  rule->overlay_length = fan_v4_length(mapping->overlay_length);
  rule->underlay = fan_v4(&mapping->underlay);
  rule->underlay_length = fan_v4_length(mapping->underlay_length);
  rule->isolated = slice && !(slice->flags & FAN_OPEN);
  return 0;
}

/* The check that carries all others: the inner source's own mapping must give the outer source (RFC 5969 section 9.2).
 */
FAN_INLINE __u32 fan_check_source(const struct fan_slice* slice, __be32 inner, __be32 outer) {
  __u32 address = bpf_ntohl(inner);
  struct fan_rule rule = {};
  if (fan_rule_of(slice, inner, &rule))
    return FAN_IN_SOURCE_UNKNOWN;
  if (fan_host_of(rule.overlay_length, rule.underlay, rule.underlay_length, address) != bpf_ntohl(outer))
    return FAN_IN_SOURCE_FORGED;
  if (slice && outer == slice->host.words[3]) /* nobody else speaks for this host: such packets never need a tunnel */
    return FAN_IN_SOURCE_FORGED;
  if (!fan_names_one(address, fan_slice_length(rule.overlay_length, rule.underlay_length)))
    return FAN_IN_SOURCE_UNUSABLE;
  return rule.isolated ? FAN_IN_ISOLATED : FAN_IN_ACCEPTED;
}

/* A tunnel packet for an address of this host would be unpacked a second time (CVE-2020-10136). Endpoints may have
 * tunnels of their own, unless the fan is strict. */
FAN_INLINE int fan_tunnel_in_tunnel(struct __sk_buff* skb, __u32 offset, const struct iphdr* ip,
                                    const struct fan_slice* slice) {
  __be16 port;
  __u32 number = bpf_ntohl(ip->daddr) & fan_host_bits(fan_v4_length(slice->length));
  if (ip->protocol == IPPROTO_TCP || (number > slice->reserve && !(slice->flags & FAN_STRICT)))
    return 0;
  if (ip->protocol == IPPROTO_IPIP || ip->protocol == IPPROTO_IPV6 || ip->protocol == IPPROTO_GRE)
    return 1;
  if (ip->protocol != IPPROTO_UDP || (ip->frag_off & bpf_htons(0x1fff)))
    return 0; /* a later fragment has no port; without its first one it is never put together */
  if (bpf_skb_load_bytes(skb, offset + ip->ihl * 4 + 2, &port, sizeof(port)))
    return 1; /* UDP without a UDP header */
  return bpf_ntohs(port) == slice->port;
}

/* The outer part, which holds for frames of any kind; `slice` is NULL when the inner destination is in none. */
FAN_INLINE __u32 fan_check_outer(const struct fan_slice* slice, const struct fan_outer* outer, __u32 encapsulation) {
  if (!fan_destination_ok(slice, outer))
    return FAN_IN_OUTER_DESTINATION;
  if (slice && !(slice->flags & (1 << encapsulation)))
    return FAN_IN_ENCAPSULATION;
  if (encapsulation == FAN_VXLAN && !fan_vni_ok(slice, outer))
    return FAN_IN_VNI;
  if (!fan_underlay_ok(slice, outer->source))
    return FAN_IN_OUTER_SOURCE;
  if (slice && outer->ttl < slice->least_ttl)
    return FAN_IN_TTL;
  return FAN_IN_ACCEPTED;
}

FAN_INLINE __u32 fan_check_frame(const struct __sk_buff* skb, const struct fan_headers* headers, __u32 offset) {
  if (skb->vlan_present) /* the kernel has taken the tag off: the protocol already reads IPv4 */
    return FAN_IN_VLAN;
  if (offset && (headers->ethernet.h_dest[0] & 1))
    return FAN_IN_MAC;
  return FAN_IN_ACCEPTED;
}

FAN_INLINE __u32 fan_check_inner(struct __sk_buff* skb, __u32 offset, const struct iphdr* ip,
                                 const struct fan_slice* slice, const struct fan_outer* outer) {
  if (!fan_well_formed(skb, offset, ip))
    return FAN_IN_MALFORMED;
  if (!fan_unicast(bpf_ntohl(ip->saddr)) || !fan_unicast(bpf_ntohl(ip->daddr)))
    return FAN_IN_NOT_UNICAST;
  __u32 reason = fan_check_source(slice, ip->saddr, outer->source);
  if (reason != FAN_IN_ACCEPTED)
    return reason;
  if (!slice || !fan_names_one(bpf_ntohl(ip->daddr), fan_v4_length(slice->length)))
    return FAN_IN_DESTINATION;
  return fan_tunnel_in_tunnel(skb, offset, ip, slice) ? FAN_IN_TUNNEL_IN_TUNNEL : FAN_IN_ACCEPTED;
}

/* Our own egress program's word to a sender (path_mtu.h). Nothing that came over the wire is without a key. */
FAN_INLINE int fan_take_answer(struct __sk_buff* skb, __u32 offset) {
  skb->mark = 0;
  if (offset)
    bpf_skb_change_type(skb, 0 /* PACKET_HOST */);
  return TC_ACT_OK;
}

FAN_INLINE struct fan_slice* fan_slice_for(__be32 address) {
  struct fan_lpm_key key = fan_host_key(address);
  return bpf_map_lookup_elem(&fan_slices_v1, &key);
}

/* An answer for an endpoint goes the way of the packets that it is about: the host knows of no connection there. */
FAN_INLINE int fan_hand_on_answer(struct __sk_buff* skb, __u32 offset, __u32 shortcut) {
  struct fan_headers headers = {};
  int action = fan_take_answer(skb, offset);
  if (!shortcut || fan_load(skb, offset, &headers))
    return action;
  struct fan_slice* slice = fan_slice_for(headers.ip.daddr);
  int taken = slice ? fan_shortcut_in(skb, offset, &headers, slice) : TC_ACT_UNSPEC;
  return taken == TC_ACT_UNSPEC ? action : taken;
}

/* The whole way in. `encapsulation`, `offset` and `shortcut` are constants where this is called. */
FAN_INLINE int fan_ingress(struct __sk_buff* skb, __u32 encapsulation, __u32 offset, __u32 shortcut) {
  struct fan_headers headers = {};
  struct fan_outer outer = {};
  struct fan_slice* slice = 0;
  __u32 reason;

  if (fan_outer_of(skb, &outer))
    return skb->mark == FAN_ANSWER_MARK ? fan_hand_on_answer(skb, offset, shortcut)
                                        : fan_refuse(skb, FAN_IN_NO_KEY, 0, 0);
  int ipv4 = skb->protocol == bpf_htons(ETH_P_IP);
  int loaded = fan_load(skb, offset, &headers) == 0;
  if (ipv4 && loaded)
    slice = fan_slice_for(headers.ip.daddr);
  reason = fan_check_outer(slice, &outer, encapsulation);
  if (reason == FAN_IN_ACCEPTED)
    reason = fan_check_frame(skb, &headers, offset);
  if (reason == FAN_IN_ACCEPTED && !ipv4)
    reason = FAN_IN_NOT_IPV4;
  if (reason == FAN_IN_ACCEPTED)
    reason = loaded ? fan_check_inner(skb, offset, &headers.ip, slice, &outer) : FAN_IN_MALFORMED;
  if (reason != FAN_IN_ACCEPTED)
    return fan_refuse(skb, reason, outer.source, ipv4 && loaded ? &headers.ip : 0);

  fan_count(skb, FAN_IN_ACCEPTED);
  if (shortcut && slice) {
    int action = fan_shortcut_in(skb, offset, &headers, slice);
    if (action != TC_ACT_UNSPEC)
      return action;
  }
  skb->mark = FAN_CHECKED_MARK; /* spares the packet the ruleset's coarser check of the same */
  if (offset)                   /* routed, not bridged: the inner destination MAC says nothing */
    bpf_skb_change_type(skb, 0 /* PACKET_HOST */);
  return TC_ACT_OK;
}

#endif
