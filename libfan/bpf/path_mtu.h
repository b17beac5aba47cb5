/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Path MTU (RFC 1191): a packet that does not fit the path to its host, and may not be fragmented, is answered with
 * ICMP fragmentation-needed. Forwarding would not do it: the kernel keeps what it has learnt of the path with the outer
 * destination, and looks at the inner one's route only.
 *
 * The answer goes back in by the tunnel device, from the address of the far host's gateway. So the host's own routing,
 * connection tracking and translation carry it to whoever sent the packet: an endpoint, a process of this host, or
 * somebody behind its NAT. May not: decide where a packet goes. */
#ifndef FAN_PATH_MTU_H
#define FAN_PATH_MTU_H

#include "packet.h"

#define FAN_AF_INET 2
#define FAN_DONT_FRAGMENT 0x4000
#define FAN_FRAGMENT_OFFSET 0x1fff
/* No path is believed to be narrower: net/ipv4/route.c, DEFAULT_MIN_PMTU. Packets within it are not looked up. */
#define FAN_FITS_ALWAYS 552
/* IPv4 header, UDP, VXLAN and Ethernet header; IPv4 header. */
#define FAN_OVERHEAD(encapsulation) ((encapsulation) == FAN_VXLAN ? 50 : 20)
/* At most one answer in this time for each CPU and bucket of source and destination. */
#define FAN_ANSWER_EVERY_NS 1000000ULL

/* As much of the packet as any header with options and 20 bytes of TCP. All packets that come here are longer. */
#define FAN_QUOTE 80

struct fan_icmp {
  __u8 type;
  __u8 code;
  __sum16 checksum;
  __be16 unused;
  __be16 mtu;
};

struct fan_answer {
  struct iphdr ip;
  struct fan_icmp icmp;
  union {
    struct iphdr header;
    __u8 bytes[FAN_QUOTE];
    __u16 words[FAN_QUOTE / 2];
  } quote;
};

FAN_INLINE __u32 fan_fold(__u32 sum) {
  sum = (sum & 0xffff) + (sum >> 16);
  return (sum & 0xffff) + (sum >> 16);
}

/* The length of the inner packet as it will be on the wire: one segment's, where the kernel handles several as one. */
FAN_INLINE __u32 fan_wire_length(struct __sk_buff* skb, __u32 offset, const struct iphdr* ip) {
  __u32 header = ip->ihl * 4;
  __u8 words = 0;
  if (skb->gso_size == 0)
    return skb->len - offset;
  if (ip->protocol != IPPROTO_TCP)
    return header + 8 + skb->gso_size;
  if (bpf_skb_load_bytes(skb, offset + header + 12, &words, 1))
    return 0;
  return header + (words >> 4) * 4 + skb->gso_size;
}

/* The MTU of the path to `destination` when `length` bytes are too many for it; 0 when they fit. The lookup needs
 * forwarding on the tunnel device, as the tunnel itself does. */
FAN_INLINE __u32 fan_path_too_narrow(struct __sk_buff* skb, __be32 source, __be32 destination, __u32 length) {
  struct bpf_fib_lookup path = {};
  path.family = FAN_AF_INET;
  path.ipv4_src = source;
  path.ipv4_dst = destination;
  path.tot_len = length > 0xffff ? 0xffff : length;
  path.ifindex = skb->ifindex;
  if (bpf_fib_lookup(skb, &path, sizeof(path), 0) != BPF_FIB_LKUP_RET_FRAG_NEEDED)
    return 0;
  return path.mtu_result;
}

/* True for what no error may be sent about (RFC 1122 section 3.2.2): later fragments and ICMP errors. */
FAN_INLINE int fan_not_answerable(struct __sk_buff* skb, __u32 offset, const struct iphdr* ip) {
  __u8 type = 0;
  if (ip->frag_off & bpf_htons(FAN_FRAGMENT_OFFSET))
    return 1;
  if (ip->protocol != IPPROTO_ICMP)
    return 0;
  if (bpf_skb_load_bytes(skb, offset + ip->ihl * 4, &type, 1))
    return 1;
  return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

FAN_INLINE int fan_too_soon(const struct iphdr* ip) {
  __u32 bucket = ((bpf_ntohl(ip->saddr) * 31 + bpf_ntohl(ip->daddr)) * 0x9e3779b1U) >> 24;
  __u64* next = bpf_map_lookup_elem(&fan_answers_v1, &bucket);
  __u64 now = bpf_ktime_get_ns();
  if (!next || now < *next)
    return 1;
  *next = now + FAN_ANSWER_EVERY_NS;
  return 0;
}

/* Cuts the packet down to what is quoted of it. A packet whose checksum is still to be filled in, further down the way,
 * cannot be cut before the field that it goes to; that is how a program learns of it. Returns that, or -1. */
FAN_INLINE int fan_cut(struct __sk_buff* skb, __u32 offset, const struct fan_answer* answer) {
  int unfinished = bpf_skb_change_tail(skb, offset + answer->quote.header.ihl * 4 + 4, 0) != 0;
  if (bpf_skb_change_tail(skb, offset + FAN_QUOTE, 0))
    return -1;
  if (!unfinished && bpf_skb_store_bytes(skb, offset, &answer->quote, FAN_QUOTE, 0))
    return -1;
  return unfinished;
}

/* The quoted checksum will be filled in although the packet is another one now: with -(rest + f), where f is what
 * stands there. So let it be the f for which that is f again, and nothing changes: 2f = -rest, in arithmetic modulo
 * 65535. */
FAN_INLINE void fan_settle_checksum(struct fan_answer* answer) {
  __u32 field = answer->quote.header.protocol == IPPROTO_TCP ? 18 : 13; /* of words: header + 16, header + 6 */
  __u32 rest = 0;
  if (answer->quote.header.ihl != 5)
    return;
  answer->quote.words[18] = field == 18 ? 0 : answer->quote.words[18];
  answer->quote.words[13] = field == 13 ? 0 : answer->quote.words[13];
  rest = fan_fold(bpf_csum_diff(0, 0, (__be32*)(answer->quote.bytes + 20), FAN_QUOTE - 20, 0));
  __u32 twice = 0xffff - rest;
  __u16 settled = (twice & 1 ? twice + 0xffff : twice) >> 1;
  if (field == 18)
    answer->quote.words[18] = settled;
  else
    answer->quote.words[13] = settled;
}

FAN_INLINE void fan_address_answer(struct fan_answer* answer, __be32 gateway, __u32 mtu) {
  answer->ip.version = 4;
  answer->ip.ihl = 5;
  answer->ip.tos = 0xc0; /* RFC 1812 section 4.3.2.5: internetwork control */
  answer->ip.tot_len = bpf_htons(sizeof(*answer));
  answer->ip.ttl = 64;
  answer->ip.protocol = IPPROTO_ICMP;
  answer->ip.saddr = gateway;
  answer->ip.daddr = answer->quote.header.saddr;
  answer->ip.check = ~fan_fold(bpf_csum_diff(0, 0, (__be32*)&answer->ip, sizeof(answer->ip), 0));
  answer->icmp.type = 3;
  answer->icmp.code = 4;
  answer->icmp.mtu = bpf_htons(mtu);
  answer->icmp.checksum = ~fan_fold(bpf_csum_diff(0, 0, (__be32*)&answer->icmp, sizeof(answer->icmp) + FAN_QUOTE, 0));
}

/* Turns the packet into the answer and sends it back. Kept out of line: it must not cost the packets that fit. */
static __attribute__((noinline)) int fan_answer(struct __sk_buff* skb, __u32 offset, __u32 mtu, __be32 gateway) {
  struct fan_answer answer = {};
  if (bpf_skb_load_bytes(skb, offset, &answer.quote, FAN_QUOTE))
    return TC_ACT_SHOT;
  int unfinished = fan_cut(skb, offset, &answer);
  if (unfinished < 0)
    return TC_ACT_SHOT;
  if (unfinished)
    fan_settle_checksum(&answer);
  fan_address_answer(&answer, gateway, mtu);
  if (bpf_skb_adjust_room(skb, sizeof(answer) - FAN_QUOTE, BPF_ADJ_ROOM_MAC, 0) ||
      bpf_skb_store_bytes(skb, offset, &answer, sizeof(answer), 0))
    return TC_ACT_SHOT;
  skb->mark = FAN_ANSWER_MARK;
  return bpf_redirect(skb->ifindex, BPF_F_INGRESS);
}

/* Refuses a packet that does not fit, and tells its sender when that is allowed. */
FAN_INLINE int fan_too_big(struct __sk_buff* skb, __u32 offset, const struct iphdr* ip, __u32 mtu, __be32 gateway) {
  if (fan_not_answerable(skb, offset, ip) || fan_too_soon(ip))
    return fan_refuse(skb, FAN_OUT_TOO_BIG_SILENT, 0, ip);
  fan_refuse(skb, FAN_OUT_TOO_BIG, 0, ip);
  return fan_answer(skb, offset, mtu, gateway);
}

#endif
