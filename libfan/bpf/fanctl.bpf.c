/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* All programs of the fan, in one object, so that they share one set of maps. A program's name in the kernel is its
 * role and the build of the object (FAN_BUILD: 8 hex digits over sources and flags), at most 15 characters; "ours" and
 * "which build" are read from it alone. ii, iv: from an ipip, vxlan tunnel; si, sv: the same where a fan takes the
 * shortcut; oi, ov: into a tunnel; bo: out of a fan bridge; bi: from its ports up to the host, for the shortcut. */
#include "egress.h"
#include "guard.h"
#include "ingress.h"
#include "shortcut.h"

#define FAN_PASTE(role, build) fan_##role##_##build
#define FAN_NAME(role, build) FAN_PASTE(role, build)

SEC("tc")
int FAN_NAME(ii, FAN_BUILD)(struct __sk_buff* skb) {
  return fan_ingress(skb, FAN_IPIP, 0, 0);
}

SEC("tc")
int FAN_NAME(oi, FAN_BUILD)(struct __sk_buff* skb) {
  return fan_egress(skb, FAN_IPIP, 0);
}

SEC("tc")
int FAN_NAME(iv, FAN_BUILD)(struct __sk_buff* skb) {
  return fan_ingress(skb, FAN_VXLAN, ETH_HLEN, 0);
}

SEC("tc")
int FAN_NAME(ov, FAN_BUILD)(struct __sk_buff* skb) {
  return fan_egress(skb, FAN_VXLAN, ETH_HLEN);
}

SEC("tc")
int FAN_NAME(bo, FAN_BUILD)(struct __sk_buff* skb) {
  return fan_guard(skb, ETH_HLEN);
}

SEC("tc")
int FAN_NAME(si, FAN_BUILD)(struct __sk_buff* skb) {
  return fan_ingress(skb, FAN_IPIP, 0, 1);
}

SEC("tc")
int FAN_NAME(sv, FAN_BUILD)(struct __sk_buff* skb) {
  return fan_ingress(skb, FAN_VXLAN, ETH_HLEN, 1);
}

SEC("tc")
int FAN_NAME(bi, FAN_BUILD)(struct __sk_buff* skb) {
  return fan_shortcut_out(skb, ETH_HLEN);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
