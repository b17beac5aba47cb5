/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Into the tunnel: works out the outer header (docs/wire.md) and hands it to the tunnel device as the packet's key.
 * What has no outer header is dropped here, so nothing ever leaves the device by a default. */
#ifndef FAN_EGRESS_H
#define FAN_EGRESS_H

#include "packet.h"
#include "path_mtu.h"

#define FAN_TTL 255 /* always, so that a receiver can tell how far it came (RFC 5082) */

struct fan_target {
  __u32 host; /* outer destination, host byte order */
  __u32 underlay_length;
  __u32 slice_length; /* of the destination's slice */
  __u32 vni;
  __u32 isolated; /* it is in another overlay, and the sender's fan speaks to its own only */
};

/* 0 when the destination is in a mapping. The slice's own mapping is tried first: it is in hand. */
FAN_INLINE int fan_target_of(const struct fan_slice* slice, __be32 destination, struct fan_target* target) {
  __u32 address = bpf_ntohl(destination);
  __u32 overlay_length = fan_v4_length(slice->overlay_length);
  __u32 underlay = fan_v4(&slice->underlay);
  target->underlay_length = fan_v4_length(slice->underlay_length);
  target->vni = slice->vni;
  if (!fan_inside(address, fan_v4(&slice->overlay), overlay_length)) {
    target->isolated = !(slice->flags & FAN_OPEN);
    struct fan_lpm_key key = fan_host_key(destination);
    struct fan_mapping* mapping = bpf_map_lookup_elem(&fan_mappings_v1, &key);
    if (!mapping)
      return -1;
    overlay_length = fan_v4_length(mapping->overlay_length);
    underlay = fan_v4(&mapping->underlay);
    target->underlay_length = fan_v4_length(mapping->underlay_length);
    target->vni = mapping->vni;
  }
  target->slice_length = fan_slice_length(overlay_length, target->underlay_length);
  target->host = fan_host_of(overlay_length, underlay, target->underlay_length, address);
  return 0;
}

FAN_INLINE __u32 fan_check_target(const struct fan_slice* slice, const struct fan_target* target, __be32 destination) {
  __be32 host = bpf_htonl(target->host);
  if (target->isolated)
    return FAN_OUT_ISOLATED;
  if (host == slice->host.words[3])
    return FAN_OUT_OURSELVES;
  if (!fan_names_one(target->host, target->underlay_length))
    return FAN_OUT_BROADCAST;
  if (!fan_names_one(bpf_ntohl(destination), target->slice_length))
    return FAN_OUT_NOT_ENDPOINT;
  struct fan_lpm_key key = fan_host_key(host);
  __u32* never = bpf_map_lookup_elem(&fan_never_v1, &key);
  if (!never)
    return FAN_OUT_SENT;
  return *never == FAN_OUT_OURSELVES ? FAN_OUT_OURSELVES : FAN_OUT_BROADCAST;
}

/* Outer DF is the inner's: an outer DF on a packet whose sender allowed fragments would be a black hole. DSCP 0; ECN is
 * the kernel's. */
FAN_INLINE int fan_set_key(struct __sk_buff* skb, __u32 encapsulation, const struct fan_slice* slice,
                           const struct fan_target* target, const struct iphdr* ip) {
  struct bpf_tunnel_key key = {};
  __u64 flags = ip->frag_off & bpf_htons(0x4000) ? BPF_F_DONT_FRAGMENT : 0;
  key.remote_ipv4 = target->host;
  key.local_ipv4 = fan_v4(&slice->host);
  key.tunnel_ttl = FAN_TTL;
  if (encapsulation == FAN_VXLAN) {
    key.tunnel_id = target->vni;
    flags |= BPF_F_ZERO_CSUM_TX; /* as Linux's own vxlan over IPv4 (RFC 7348 section 5) */
  }
  if (!bpf_skb_set_tunnel_key(skb, &key, sizeof(key), flags))
    return 0;
  /* Before 6.0 the struct had no local address: the kernel's own choice of source must do. */
  return bpf_skb_set_tunnel_key(skb, &key, __builtin_offsetof(struct bpf_tunnel_key, local_ipv4), flags);
}

/* The MTU that inner packets to the target must keep, when this one is too big for it; 0 when it fits. */
FAN_INLINE __u32 fan_too_big_for(struct __sk_buff* skb, __u32 encapsulation, __u32 offset, const struct iphdr* ip,
                                 const struct fan_slice* slice, const struct fan_target* target) {
  __u32 overhead = FAN_OVERHEAD(encapsulation);
  if (!(ip->frag_off & bpf_htons(FAN_DONT_FRAGMENT)) || skb->len <= FAN_FITS_ALWAYS - overhead)
    return 0;
  __u32 length = fan_wire_length(skb, offset, ip) + overhead;
  if (length <= FAN_FITS_ALWAYS)
    return 0;
  __u32 mtu = fan_path_too_narrow(skb, slice->host.words[3], bpf_htonl(target->host), length);
  return mtu > overhead ? mtu - overhead : 0;
}

/* The gateway of the target's slice: its first address. */
FAN_INLINE __be32 fan_far_gateway(const struct fan_target* target, __be32 destination) {
  return (destination & bpf_htonl(~fan_host_bits(target->slice_length))) | bpf_htonl(1);
}

/* The whole way out. `encapsulation` and `offset` are constants where this is called. */
FAN_INLINE int fan_egress(struct __sk_buff* skb, __u32 encapsulation, __u32 offset) {
  struct fan_headers headers = {};
  struct fan_target target = {};
  __u32 reason;

  if (skb->protocol != bpf_htons(ETH_P_IP))
    return fan_refuse(skb, FAN_OUT_NOT_IPV4, 0, 0);
  if (fan_load(skb, offset, &headers) || !fan_well_formed(skb, offset, &headers.ip))
    return fan_refuse(skb, FAN_OUT_MALFORMED, 0, 0);
  struct fan_lpm_key key = fan_host_key(headers.ip.saddr);
  struct fan_slice* slice = bpf_map_lookup_elem(&fan_slices_v1, &key);
  if (!slice || !fan_names_one(bpf_ntohl(headers.ip.saddr), fan_v4_length(slice->length)))
    return fan_refuse(skb, FAN_OUT_SOURCE, 0, &headers.ip);
  if (fan_target_of(slice, headers.ip.daddr, &target))
    return fan_refuse(skb, FAN_OUT_DESTINATION, 0, &headers.ip);
  reason = fan_check_target(slice, &target, headers.ip.daddr);
  if (reason != FAN_OUT_SENT)
    return fan_refuse(skb, reason, 0, &headers.ip);
  /* Before the key is set: an answer must not carry one. */
  __u32 mtu = fan_too_big_for(skb, encapsulation, offset, &headers.ip, slice, &target);
  if (mtu)
    return fan_too_big(skb, offset, &headers.ip, mtu, fan_far_gateway(&target, headers.ip.daddr));
  if (fan_set_key(skb, encapsulation, slice, &target, &headers.ip))
    return fan_refuse(skb, FAN_OUT_KEY, 0, &headers.ip);

  skb->mark = FAN_TUNNEL_MARK; /* the ruleset lets nothing else leave for the tunnel's port */
  fan_count(skb, FAN_OUT_SENT);
  return TC_ACT_OK;
}

#endif
