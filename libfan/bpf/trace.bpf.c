/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* The way into the programs for `fanctl trace`, never attached to anything. BPF_PROG_TEST_RUN gives a packet no tunnel
 * key and always an Ethernet header, and takes away with the packet the key that a program has set. So: what arrives by
 * vxlan gets its key here and goes on into the program itself; the rules of ipip are run as the same functions behind
 * an Ethernet header; and on the way out the key is read back when the same function has set it. Nor does a run say
 * which device a packet would be sent on by: so where there is a shortcut, the same functions are run, and note that.
 *
 * The maps have the names of the real ones, and are given those that are in use, counters and samples apart. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

#include "fan_map.h"
#include "trace.h"

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct fan_trace_key);
} fan_trace_keys SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u32);
} fan_trace_jump SEC(".maps");

FAN_INLINE struct fan_trace_key* fan_trace_key_of_run(void) {
  __u32 zero = 0;
  return bpf_map_lookup_elem(&fan_trace_keys, &zero);
}

FAN_INLINE long fan_trace_send_on(__u32 ifindex) {
  struct fan_trace_key* got = fan_trace_key_of_run();
  if (got)
    got->next = ifindex;
  return TC_ACT_REDIRECT;
}
#define bpf_redirect_neigh(ifindex, next, size, flags) ((void)(next), fan_trace_send_on(ifindex))

#include "egress.h"
#include "ingress.h"

/* What get_tunnel_key calls remote is what set_tunnel_key calls local: one is for receiving, the other for sending. */
FAN_INLINE int fan_trace_arrive(struct __sk_buff* skb) {
  struct fan_trace_key* wanted = fan_trace_key_of_run();
  struct bpf_tunnel_key key = {};
  if (!wanted)
    return -1;
  key.remote_ipv4 = wanted->destination;
  key.local_ipv4 = wanted->source;
  key.tunnel_id = wanted->vni;
  key.tunnel_ttl = wanted->ttl;
  return bpf_skb_set_tunnel_key(skb, &key, sizeof(key), 0);
}

FAN_INLINE int fan_trace_keep(struct __sk_buff* skb, int verdict) {
  struct fan_trace_key* got = fan_trace_key_of_run();
  struct bpf_tunnel_key key = {};
  if (!got)
    return FAN_TRACE_BROKEN;
  got->has_key = bpf_skb_get_tunnel_key(skb, &key, sizeof(key), 0) == 0;
  got->destination = key.local_ipv4;
  got->source = key.remote_ipv4;
  got->vni = key.tunnel_id;
  got->ttl = key.tunnel_ttl;
  return verdict;
}

SEC("tc")
int fan_trace_enter(struct __sk_buff* skb) {
  if (fan_trace_arrive(skb))
    return FAN_TRACE_BROKEN;
  bpf_tail_call(skb, &fan_trace_jump, 0);
  return FAN_TRACE_BROKEN;
}

SEC("tc")
int fan_trace_ii(struct __sk_buff* skb) {
  return fan_trace_arrive(skb) ? FAN_TRACE_BROKEN : fan_ingress(skb, FAN_IPIP, ETH_HLEN, 0);
}

SEC("tc")
int fan_trace_si(struct __sk_buff* skb) {
  return fan_trace_arrive(skb) ? FAN_TRACE_BROKEN : fan_ingress(skb, FAN_IPIP, ETH_HLEN, 1);
}

SEC("tc")
int fan_trace_sv(struct __sk_buff* skb) {
  return fan_trace_arrive(skb) ? FAN_TRACE_BROKEN : fan_ingress(skb, FAN_VXLAN, ETH_HLEN, 1);
}

SEC("tc")
int fan_trace_bi(struct __sk_buff* skb) {
  return fan_shortcut_out(skb, ETH_HLEN);
}

SEC("tc")
int fan_trace_oi(struct __sk_buff* skb) {
  return fan_trace_keep(skb, fan_egress(skb, FAN_IPIP, ETH_HLEN));
}

SEC("tc")
int fan_trace_ov(struct __sk_buff* skb) {
  return fan_trace_keep(skb, fan_egress(skb, FAN_VXLAN, ETH_HLEN));
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
