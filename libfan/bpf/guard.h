/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* On the way to a fan bridge's ports (tc egress of the bridge device): whoever claims an overlay address must have come
 * through the tunnel, whose program has checked him, or be a slice of this host. Plain packets from the underlay with a
 * forged overlay source end here. Frames between two ports of one bridge do not pass here at all. What cannot be told
 * here, and is the ruleset's: which bridge a slice belongs to, and packets for the host itself. */
#ifndef FAN_GUARD_H
#define FAN_GUARD_H

#include "packet.h"

FAN_INLINE int fan_in_an_overlay(__be32 address) {
  struct fan_lpm_key key = fan_host_key(address);
  return bpf_map_lookup_elem(&fan_mappings_v1, &key) != 0;
}

/* From a process of this host (no device) or a fan bridge's port: then the source must be of a slice of ours, and this
 * is it. */
FAN_INLINE struct fan_slice* fan_local_sender(const struct __sk_buff* skb, const __u32* role, __be32 address) {
  struct fan_lpm_key key = fan_host_key(address);
  if (skb->ingress_ifindex != 0 && (!role || *role != FAN_ROLE_BRIDGE))
    return 0;
  return bpf_map_lookup_elem(&fan_slices_v1, &key);
}

/* From a port of one fan's bridge to another fan: both have to be open. The tunnel's programs see to the rest. */
FAN_INLINE int fan_kept_apart(const struct fan_slice* source, __be32 destination) {
  if (fan_inside(bpf_ntohl(destination), fan_v4(&source->overlay), fan_v4_length(source->overlay_length)))
    return 0;
  struct fan_lpm_key key = fan_host_key(destination);
  struct fan_slice* slice = bpf_map_lookup_elem(&fan_slices_v1, &key);
  return slice && !(source->flags & slice->flags & FAN_OPEN);
}

/* From a port of another fan's bridge, with an address of no overlay: whatever it is, it is not of the fan that it goes
 * to, which therefore has to be open. */
FAN_INLINE int fan_foreign(const struct __sk_buff* skb, const __u32* role, __be32 destination) {
  if (!role || *role != FAN_ROLE_BRIDGE || skb->ingress_ifindex == skb->ifindex)
    return 0;
  struct fan_lpm_key key = fan_host_key(destination);
  struct fan_slice* slice = bpf_map_lookup_elem(&fan_slices_v1, &key);
  return slice && !(slice->flags & FAN_OPEN);
}

/* An endpoint with a prefix of 32 bits speaks to its neighbours by the gateway, on purpose. The kernel would tell it
 * not to; that cannot be switched off for one device, as it ORs the device's send_redirects with that of `all`. */
FAN_INLINE int fan_is_redirect(struct __sk_buff* skb, __u32 offset, const struct iphdr* ip) {
  __u8 type;
  return ip->protocol == IPPROTO_ICMP && bpf_skb_load_bytes(skb, offset + ip->ihl * 4, &type, sizeof(type)) == 0 &&
         type == 5 /* ICMP_REDIRECT */;
}

FAN_INLINE int fan_guard(struct __sk_buff* skb, __u32 offset) {
  struct fan_headers headers = {};
  __u32 from = skb->ingress_ifindex;
  __u32* role = bpf_map_lookup_elem(&fan_devices_v1, &from);
  if (role && *role == FAN_ROLE_TUNNEL)
    return TC_ACT_OK;
  if (skb->protocol != bpf_htons(ETH_P_IP) || fan_load(skb, offset, &headers))
    return TC_ACT_OK; /* ARP and the like have no overlay source to forge a packet with */
  if (from == 0 && fan_is_redirect(skb, offset, &headers.ip))
    return TC_ACT_SHOT;
  if (!fan_in_an_overlay(headers.ip.saddr))
    return fan_foreign(skb, role, headers.ip.daddr) ? fan_refuse(skb, FAN_GUARD_ISOLATED, 0, &headers.ip) : TC_ACT_OK;
  struct fan_slice* source = fan_local_sender(skb, role, headers.ip.saddr);
  if (!source)
    return fan_refuse(skb, FAN_GUARD_FORGED, 0, &headers.ip);
  if (from != 0 && fan_kept_apart(source, headers.ip.daddr))
    return fan_refuse(skb, FAN_GUARD_ISOLATED, 0, &headers.ip);
  return TC_ACT_OK;
}

#endif
