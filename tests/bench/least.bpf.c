/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* The least that a fan can do by a program: 250.0.N.0/24 is behind 172.30.0.N, and nothing is checked, counted or
 * looked up. What a fan costs above this is its own; what this costs above a tunnel that needs no program is any fan's.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

#define DESTINATION 30 /* of an Ethernet frame: header, and 16 bytes of IPv4 */
#define UNDERLAY 0xac1e0000U
#define VNI 16384001

SEC("tc")
int fan_bench_least(struct __sk_buff* skb) {
  unsigned char destination[4];
  struct bpf_tunnel_key key = {.tunnel_id = VNI, .tunnel_ttl = 255};
  if (bpf_skb_load_bytes(skb, DESTINATION, destination, sizeof(destination)))
    return TC_ACT_SHOT;
  key.remote_ipv4 = UNDERLAY | destination[2];
  if (bpf_skb_set_tunnel_key(skb, &key, sizeof(key), BPF_F_ZERO_CSUM_TX))
    return TC_ACT_SHOT;
  return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
