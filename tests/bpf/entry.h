/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* What entry.bpf.c and the tests agree on. Addresses in host byte order. */
#ifndef TEST_ENTRY_H
#define TEST_ENTRY_H

#include <linux/types.h>

#define TEST_BROKEN 99 /* a verdict that no program of ours gives */
#define TEST_SUMS 4096

struct test_key {
  __u32 has_key;
  __u32 outer_source;
  __u32 outer_destination;
  __u32 vni;
  __u32 ttl;
  __u32 vlan;
  __u32 flags; /* read back: of bpf_tunnel_key, the TUNNEL_* bits */
};

struct test_sum {
  __u32 overlay, overlay_length, underlay, underlay_length, host, address; /* in */
  __u32 slice_length, slice, owner;                                        /* out */
};

#endif
