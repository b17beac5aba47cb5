/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* The way in for tests: BPF_PROG_TEST_RUN gives a packet no tunnel key and always an Ethernet header. So `enter` sets
 * the key and tail-calls the real program; and the ipip rules run here as the same functions at offset 14. Map names
 * are the real ones, and the test gives them the real maps. */
#include "../../libfan/bpf/egress.h"
#include "../../libfan/bpf/ingress.h"

#include "entry.h"

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct test_key);
} test_keys SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u32);
} test_jump SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, TEST_SUMS);
  __type(key, __u32);
  __type(value, struct test_sum);
} test_sums SEC(".maps");

static __always_inline struct test_key* the_key(void) {
  __u32 zero = 0;
  return bpf_map_lookup_elem(&test_keys, &zero);
}

/* What get_tunnel_key calls remote is what set_tunnel_key calls local: one is for receiving, the other for sending. */
static __always_inline int prepare(struct __sk_buff* skb) {
  struct test_key* wanted = the_key();
  struct bpf_tunnel_key key = {};
  if (!wanted)
    return TEST_BROKEN;
  key.remote_ipv4 = wanted->outer_destination;
  key.local_ipv4 = wanted->outer_source;
  key.tunnel_id = wanted->vni;
  key.tunnel_ttl = wanted->ttl;
  if (wanted->has_key && bpf_skb_set_tunnel_key(skb, &key, sizeof(key), 0))
    return TEST_BROKEN;
  if (wanted->vlan && bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), wanted->vlan))
    return TEST_BROKEN;
  return 0;
}

SEC("tc")
int enter(struct __sk_buff* skb) {
  if (prepare(skb))
    return TEST_BROKEN;
  bpf_tail_call(skb, &test_jump, 0);
  return TEST_BROKEN;
}

SEC("tc")
int ipip_in(struct __sk_buff* skb) {
  return prepare(skb) ? TEST_BROKEN : fan_ingress(skb, FAN_IPIP, ETH_HLEN, 0);
}

/* The key that egress has set, read back in the sender's words. */
static __always_inline int keep_key(struct __sk_buff* skb, int verdict) {
  struct test_key* got = the_key();
  struct bpf_tunnel_key key = {};
  if (!got)
    return TEST_BROKEN;
  got->has_key = bpf_skb_get_tunnel_key(skb, &key, sizeof(key), BPF_F_TUNINFO_FLAGS) == 0;
  got->outer_destination = key.local_ipv4;
  got->outer_source = key.remote_ipv4;
  got->vni = key.tunnel_id;
  got->ttl = key.tunnel_ttl;
  got->flags = bpf_ntohs(key.tunnel_flags);
  return verdict;
}

SEC("tc")
int ipip_out(struct __sk_buff* skb) {
  return keep_key(skb, fan_egress(skb, FAN_IPIP, ETH_HLEN));
}

SEC("tc")
int vxlan_out(struct __sk_buff* skb) {
  return keep_key(skb, fan_egress(skb, FAN_VXLAN, ETH_HLEN));
}

/* The arithmetic as the BPF compiler and the kernel see it, over all the sums in the map. */
SEC("tc")
int arithmetic(struct __sk_buff* skb) {
  for (__u32 n = 0; n < TEST_SUMS; ++n) {
    __u32 at = n;
    struct test_sum* sum = bpf_map_lookup_elem(&test_sums, &at);
    if (!sum)
      return TEST_BROKEN;
    sum->slice_length = fan_slice_length(sum->overlay_length, sum->underlay_length);
    sum->slice = fan_slice_of(sum->overlay, sum->overlay_length, sum->underlay_length, sum->host);
    sum->owner = fan_host_of(sum->overlay_length, sum->underlay, sum->underlay_length, sum->address);
  }
  return TC_ACT_OK;
}

/* Programs of some other build and other maps, by their names ours. */
SEC("tc")
int fan_iv_00000000(struct __sk_buff* skb) {
  struct fan_record_key key = {};
  return bpf_map_lookup_elem(&fan_records, &key) ? TC_ACT_OK : TC_ACT_SHOT;
}

/* Somebody else's. */
SEC("tc")
int foreign(struct __sk_buff* skb) {
  return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
