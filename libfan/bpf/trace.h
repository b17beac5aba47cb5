/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* What trace.bpf.c and the C++ that runs it agree on. Addresses in host byte order. */
#ifndef FAN_TRACE_H
#define FAN_TRACE_H

#include <linux/types.h>

#define FAN_TRACE_KEYS "fan_trace_keys"
#define FAN_TRACE_JUMP "fan_trace_jump"
/* Sets the key and goes on with the program in fan_trace_jump. */
#define FAN_TRACE_ENTER "fan_trace_enter"
/* The rules of an ipip device behind an Ethernet header, and both ways out with the key that they set read back. */
#define FAN_TRACE_IN_IPIP "fan_trace_ii"
#define FAN_TRACE_OUT_IPIP "fan_trace_oi"
#define FAN_TRACE_OUT_VXLAN "fan_trace_ov"
/* The ways in where a fan takes the shortcut, and that from a bridge, with the device that they send on by. */
#define FAN_TRACE_SHORTCUT_IPIP "fan_trace_si"
#define FAN_TRACE_SHORTCUT_VXLAN "fan_trace_sv"
#define FAN_TRACE_SHORTCUT_BRIDGE "fan_trace_bi"

#define FAN_TRACE_BROKEN 99 /* a verdict that no program of ours gives */

/* In: of a packet that arrives. Out: of one that was sent. */
struct fan_trace_key {
  __u32 has_key;
  __u32 source;
  __u32 destination;
  __u32 vni;
  __u32 ttl;
  __u32 next; /* out: ifindex of the device that it takes the shortcut to, 0: none */
};

#endif
