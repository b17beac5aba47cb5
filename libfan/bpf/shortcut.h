/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Past the host's own forwarding, for fans that ask for it: packets between an endpoint here and one on another host go
 * from the bridge to the tunnel device and from there to the bridge without hooks, connection tracking or translation.
 * The host's routes and neighbours still decide: only where they say the same is the packet taken, and whatever is out
 * of the ordinary is left to them. May not: let a packet past that is not checked; the tunnel device's programs see all
 * of them. */
#ifndef FAN_SHORTCUT_H
#define FAN_SHORTCUT_H

#include "packet.h"
#include "path_mtu.h"

#define FAN_PACKET_HOST 0 /* linux/if_packet.h */

/* True for an address that is a single endpoint's: none of the host's own, which the first of a slice are. */
FAN_INLINE int fan_is_endpoint(const struct fan_slice* slice, __be32 address) {
  __u32 length = fan_v4_length(slice->length);
  __u32 number = bpf_ntohl(address) & fan_host_bits(length);
  return number > slice->reserve && fan_names_one(bpf_ntohl(address), length);
}

/* What a router has nothing to say to: no options, and not at the end of its life. */
FAN_INLINE int fan_is_plain(const struct iphdr* ip) {
  return ip->version == 4 && ip->ihl == 5 && ip->ttl > 1;
}

/* The bridge that a slice lives on, while its fan takes the shortcut; 0: it does not. */
FAN_INLINE __u32 fan_shortcut_bridge(const struct fan_slice* slice) {
  struct fan_lpm_key key = {slice->length, slice->network};
  __u32* ifindex = bpf_map_lookup_elem(&fan_bridges_v1, &key);
  return ifindex ? *ifindex : 0;
}

/* The host's own way to the destination, with the neighbour's address: BPF_FIB_LKUP_RET_SUCCESS. Else it has none, the
 * packet does not fit, or the neighbour is yet to be found: then the host has something to do. */
FAN_INLINE long fan_way_of(struct __sk_buff* skb, __u32 offset, const struct iphdr* ip, struct bpf_fib_lookup* way) {
  __u32 length = fan_wire_length(skb, offset, ip);
  way->family = FAN_AF_INET;
  way->l4_protocol = ip->protocol;
  way->tos = ip->tos & 0x1c; /* what routes know of it: IPTOS_RT_MASK */
  way->ipv4_src = ip->saddr;
  way->ipv4_dst = ip->daddr;
  way->tot_len = length > 0xffff ? 0xffff : length;
  way->ifindex = skb->ifindex;
  return bpf_fib_lookup(skb, way, sizeof(*way), 0);
}

/* As a router does: one from the TTL, and so one more in the checksum (RFC 1141). The sums that a network card may have
 * given for the whole packet stay right: the header's own is zero before and after. */
FAN_INLINE void fan_age(struct iphdr* ip) {
  __u32 check = (__u32)ip->check + bpf_htons(0x0100);
  ip->check = (__u16)(check + (check >= 0xffff));
  ip->ttl--;
}

/* The link header is written although the kernel does so again: what it then finds there is what it puts there, and a
 * checksum over the frame stays right. */
FAN_INLINE int fan_send_on(struct __sk_buff* skb, __u32 offset, struct fan_headers* headers,
                           const struct bpf_fib_lookup* way) {
  struct bpf_redir_neigh next = {.nh_family = FAN_AF_INET, .ipv4_nh = way->ipv4_dst};
  if (!offset && bpf_skb_change_head(skb, ETH_HLEN, 0))
    return TC_ACT_SHOT;
  __builtin_memcpy(headers->ethernet.h_dest, way->dmac, ETH_ALEN);
  __builtin_memcpy(headers->ethernet.h_source, way->smac, ETH_ALEN);
  headers->ethernet.h_proto = bpf_htons(ETH_P_IP);
  fan_age(&headers->ip);
  if (bpf_skb_store_bytes(skb, 0, &headers->ethernet, ETH_HLEN + __builtin_offsetof(struct iphdr, saddr), 0))
    return TC_ACT_SHOT;
  return bpf_redirect_neigh(way->ifindex, &next, sizeof(next), 0);
}

FAN_INLINE int fan_is_tunnel(__u32 ifindex) {
  __u32* role = bpf_map_lookup_elem(&fan_devices_v1, &ifindex);
  return role && *role == FAN_ROLE_TUNNEL;
}

FAN_INLINE int fan_is_overlay_neighbour(const struct fan_slice* slice, __be32 address) {
  return fan_is_endpoint(slice, address) &&
         fan_inside(bpf_ntohl(address), fan_v4(&slice->overlay), fan_v4_length(slice->overlay_length));
}

/* To the host's forwarding. Under br_netfilter the ruleset has seen the packet already, and its mark has done its work;
 * without, the ruleset is yet to see it, and has to know that this program did. */
FAN_INLINE int fan_leave_to_host(struct __sk_buff* skb) {
  if (skb->mark == FAN_KEPT_MARK)
    skb->mark = 0;
  else if (skb->mark == 0)
    skb->mark = FAN_LEFT_MARK;
  return TC_ACT_UNSPEC;
}

/* There is nobody to find behind a tunnel device: the kernel makes up the neighbour of an ipip device when it first
 * sends there, and forgets it again. Left to the host, the first answer to what came by the shortcut would be the only
 * packet that it sees of its connection, and what drops the invalid (nft's "ct state invalid drop") drops it, and all
 * after. */
FAN_INLINE int fan_way_is_tunnel(long found, const struct bpf_fib_lookup* way) {
  return (found == BPF_FIB_LKUP_RET_SUCCESS || found == BPF_FIB_LKUP_RET_NO_NEIGH) && fan_is_tunnel(way->ifindex);
}

/* From a fan bridge, up to the host (tc ingress of the bridge device). The source has to be of the slice that lives on
 * this very bridge, the destination an endpoint of the same overlay on another host. What bears a mark is somebody's
 * business: under br_netfilter it may have been translated before it comes here, and the ruleset says so by one. */
FAN_INLINE int fan_shortcut_out(struct __sk_buff* skb, __u32 offset) {
  struct fan_headers headers = {};
  struct bpf_fib_lookup way = {};
  if (skb->protocol != bpf_htons(ETH_P_IP) || fan_load(skb, offset, &headers))
    return TC_ACT_UNSPEC;
  struct fan_lpm_key key = fan_host_key(headers.ip.saddr);
  struct fan_slice* slice = bpf_map_lookup_elem(&fan_slices_v1, &key);
  if (!slice || fan_shortcut_bridge(slice) != skb->ifindex)
    return TC_ACT_UNSPEC;
  if (skb->mark != 0 || skb->pkt_type != FAN_PACKET_HOST || skb->vlan_present || !fan_is_plain(&headers.ip) ||
      !fan_well_formed(skb, offset, &headers.ip) || !fan_is_endpoint(slice, headers.ip.saddr) ||
      !fan_is_overlay_neighbour(slice, headers.ip.daddr) ||
      !fan_way_is_tunnel(fan_way_of(skb, offset, &headers.ip, &way), &way))
    return fan_leave_to_host(skb);
  return fan_send_on(skb, offset, &headers, &way);
}

/* From the tunnel, after all checks of its program. TC_ACT_UNSPEC: as ever, by the host's own forwarding. Between the
 * same endpoints as outwards, and no others: a host that saw only the answers to a gateway would take them for invalid.
 */
FAN_INLINE int fan_shortcut_in(struct __sk_buff* skb, __u32 offset, struct fan_headers* headers,
                               const struct fan_slice* slice) {
  struct bpf_fib_lookup way = {};
  if (!fan_is_plain(&headers->ip) || !fan_is_endpoint(slice, headers->ip.daddr) ||
      !fan_is_overlay_neighbour(slice, headers->ip.saddr))
    return TC_ACT_UNSPEC;
  __u32 bridge = fan_shortcut_bridge(slice);
  if (!bridge || fan_way_of(skb, offset, &headers->ip, &way) != BPF_FIB_LKUP_RET_SUCCESS || way.ifindex != bridge)
    return TC_ACT_UNSPEC;
  skb->mark = 0;
  return fan_send_on(skb, offset, headers, &way);
}

#endif
