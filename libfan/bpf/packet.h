/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* What every program does with a packet: read its headers once, count it, refuse it. May not: decide. */
#ifndef FAN_PACKET_H
#define FAN_PACKET_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "fan_abi.h"
#include "fan_map.h"
#include "maps.h"

/* Headers are copied to the stack in one call, never read in place: user-mode-linux's verifier refuses unaligned 32-bit
 * packet loads, and one helper call costs less than the bounds checks and pulls. The first two bytes align the
 * addresses. */
struct fan_headers {
  __u8 align[2];
  struct ethhdr ethernet; /* unset on a device without link layer */
  struct iphdr ip;
};

/* `offset`: where the IPv4 header begins, ETH_HLEN or 0. */
FAN_INLINE int fan_load(struct __sk_buff* skb, __u32 offset, struct fan_headers* headers) {
  if (offset)
    return bpf_skb_load_bytes(skb, 0, &headers->ethernet, sizeof(headers->ethernet) + sizeof(headers->ip));
  return bpf_skb_load_bytes(skb, 0, &headers->ip, sizeof(headers->ip));
}

/* True when the IPv4 header is sane and the packet is as long as it says. A receive-offloaded packet over 64 KiB says
 * 0. */
FAN_INLINE int fan_well_formed(const struct __sk_buff* skb, __u32 offset, const struct iphdr* ip) {
  __u32 total = bpf_ntohs(ip->tot_len);
  __u32 header = ip->ihl * 4;
  if (ip->version != 4 || header < sizeof(*ip))
    return 0;
  if (total == 0 && skb->gso_size != 0)
    return 1;
  return total >= header && total + offset <= skb->len;
}

FAN_INLINE struct fan_address fan_address_of(__be32 v4) {
  struct fan_address address = {{0, 0, bpf_htonl(0xffff), v4}};
  return address;
}

FAN_INLINE __u32 fan_v4(const struct fan_address* address) {
  return bpf_ntohl(address->words[3]);
}

FAN_INLINE struct fan_lpm_key fan_host_key(__be32 v4) {
  struct fan_lpm_key key = {FAN_V4_BITS + 32, fan_address_of(v4)};
  return key;
}

/* Lengths in map values are of 128 bits. */
FAN_INLINE __u32 fan_v4_length(__u8 length) {
  return (__u32)length - FAN_V4_BITS;
}

/* Adds to a reason's counter and returns how many packets it had before, 0 when it cannot be known. */
FAN_INLINE __u64 fan_count(const struct __sk_buff* skb, __u32 reason) {
  struct fan_counter* counter = bpf_map_lookup_elem(&fan_counters_v1, &reason);
  if (!counter)
    return 0;
  __u64 before = counter->packets;
  __u32 segments = skb->gso_segs;
  counter->packets = before + (segments ? segments : 1);
  counter->bytes += skb->len;
  return before;
}

/* Remembers who was refused. Kept out of line: it must not cost the accepting path registers or cache. */
static __attribute__((noinline)) int fan_remember(__u32 reason, __be32 outer_source, __be32 inner_source,
                                                  __be32 inner_destination, __u32 weight) {
  struct fan_refused_key key = {reason, {{0, 0, outer_source ? bpf_htonl(0xffff) : 0, outer_source}}};
  struct fan_refused* known = bpf_map_lookup_elem(&fan_refused_v1, &key);
  if (!known) {
    struct fan_refused first = {weight, bpf_ktime_get_ns(), fan_address_of(inner_source),
                                fan_address_of(inner_destination)};
    if (bpf_map_update_elem(&fan_refused_v1, &key, &first, BPF_NOEXIST) == 0)
      return 0;
    known = bpf_map_lookup_elem(&fan_refused_v1, &key); /* another CPU's first one, which must not be lost */
    if (!known)
      return 0; /* no memory */
  }
  __sync_fetch_and_add(&known->count, weight);
  known->last_ns = bpf_ktime_get_ns();
  known->inner_source = fan_address_of(inner_source);
  known->inner_destination = fan_address_of(inner_destination);
  return 0;
}

/* Never called with a packet, which no compiler and no verifier can know: it puts every map among the maps of every
 * program. So any one attached program is enough to find them all, and keeps them all alive, the fans' records with
 * them. */
static __attribute__((noinline)) int fan_hold_maps(void) {
  struct fan_known_key key = {};
  return bpf_map_lookup_elem(&fan_mappings_v1, &key) || bpf_map_lookup_elem(&fan_slices_v1, &key) ||
         bpf_map_lookup_elem(&fan_never_v1, &key) || bpf_map_lookup_elem(&fan_known_v1, &key) ||
         bpf_map_lookup_elem(&fan_devices_v1, &key) || bpf_map_lookup_elem(&fan_counters_v1, &key) ||
         bpf_map_lookup_elem(&fan_refused_v1, &key) || bpf_map_lookup_elem(&fan_answers_v1, &key) ||
         bpf_map_lookup_elem(&fan_records, &key) || bpf_map_lookup_elem(&fan_bridges_v1, &key);
}

/* Drops the packet under `reason`. `ip` is NULL when there is no IPv4 header; `outer_source` is 0 outside ingress. */
FAN_INLINE int fan_refuse(const struct __sk_buff* skb, __u32 reason, __be32 outer_source, const struct iphdr* ip) {
  __u64 before = fan_count(skb, reason);
  if (skb->len == 0)
    fan_hold_maps();
  if (before < FAN_SAMPLE_ALL)
    fan_remember(reason, outer_source, ip ? ip->saddr : 0, ip ? ip->daddr : 0, 1);
  else if (before % FAN_SAMPLE_ONE_IN == 0)
    fan_remember(reason, outer_source, ip ? ip->saddr : 0, ip ? ip->daddr : 0, FAN_SAMPLE_ONE_IN);
  return TC_ACT_SHOT;
}

#endif
