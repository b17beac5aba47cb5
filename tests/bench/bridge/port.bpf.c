/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* The other way to spare a bridge its broadcasts, for comparison: one program on every port that knows who is there,
 * answers who-has itself, and turns the broadcasts of whoever may not send any to the bridge. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct mac {
  __u8 bytes[ETH_ALEN];
};

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 65536);
  __type(key, __be32);
  __type(value, struct mac);
} endpoints SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 65536);
  __type(key, struct mac);
  __type(value, __u8);
} allowed SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct mac);
} bridge SEC(".maps");

struct request {
  struct ethhdr ethernet;
  __u8 kind[6]; /* hardware and protocol, and their lengths */
  __be16 operation;
  struct mac sender_mac;
  __be32 sender;
  struct mac target_mac;
  __be32 target;
} __attribute__((packed));

static __always_inline int answer(struct __sk_buff* skb, struct request* r, const struct mac* owner) {
  struct mac asker = r->sender_mac;
  __be32 asking = r->sender;
  __builtin_memcpy(r->ethernet.h_dest, &asker, sizeof(asker));
  __builtin_memcpy(r->ethernet.h_source, owner, sizeof(*owner));
  r->operation = bpf_htons(2);
  r->sender_mac = *owner;
  r->sender = r->target;
  r->target_mac = asker;
  r->target = asking;
  return bpf_redirect(skb->ifindex, 0);
}

SEC("tc")
int fan_bench_port(struct __sk_buff* skb) {
  struct request* r = (void*)(long)skb->data;
  const __u32 zero = 0;
  if ((void*)(r + 1) > (void*)(long)skb->data_end || !(r->ethernet.h_dest[0] & 1))
    return TC_ACT_OK;
  if (r->ethernet.h_proto == bpf_htons(ETH_P_ARP)) {
    __be32 target = r->target;
    struct mac* owner = bpf_map_lookup_elem(&endpoints, &target);
    if (owner)
      return answer(skb, r, owner);
  }
  struct mac from;
  __builtin_memcpy(&from, r->ethernet.h_source, sizeof(from));
  if (bpf_map_lookup_elem(&allowed, &from))
    return TC_ACT_OK;
  struct mac* to = bpf_map_lookup_elem(&bridge, &zero);
  if (!to)
    return TC_ACT_SHOT;
  __builtin_memcpy(r->ethernet.h_dest, to, sizeof(*to));
  return bpf_skb_change_type(skb, 0 /* PACKET_HOST */) ? TC_ACT_SHOT : TC_ACT_OK;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
