/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* What the BPF programs and the C++ that loads them agree on: names, keys and values of the maps, reasons of refusal.
 * Every layout here is frozen under FAN_ABI: change one, and FAN_ABI (and with it the names of the maps) changes too,
 * so that an older program's maps are never read wrongly. fan_records alone keeps name and layout for ever: a newer
 * fanctl must be able to read what an older one recorded. */
#ifndef FAN_ABI_H
#define FAN_ABI_H

#include <linux/types.h>

#define FAN_ABI 1
/* At most 15 characters each (BPF_OBJ_NAME_LEN). The suffix is FAN_ABI. */
#define FAN_MAP_MAPPINGS "fan_mappings_v1"
#define FAN_MAP_SLICES "fan_slices_v1"
#define FAN_MAP_NEVER "fan_never_v1"
#define FAN_MAP_KNOWN "fan_known_v1"
#define FAN_MAP_DEVICES "fan_devices_v1"
#define FAN_MAP_BRIDGES "fan_bridges_v1"
#define FAN_MAP_COUNTERS "fan_counters_v1"
#define FAN_MAP_REFUSED "fan_refused_v1"
#define FAN_MAP_ANSWERS "fan_answers_v1"
#define FAN_MAP_RECORDS "fan_records"

/* Equals fan::tunnel_mark (core/object.h), fan::record_max and fan::Encapsulation; checked when the loader is compiled.
 */
#define FAN_TUNNEL_MARK 0x0fa70000
/* On an answer of the egress program, from there to the ingress program of the same device. Only this host can set it
 * on what comes out of a tunnel device with no tunnel key. */
#define FAN_ANSWER_MARK 0x0fa70001
/* On what the ingress program let in, as far as the ruleset's first rule: equals fan::checked_mark (core/ruleset.h). */
#define FAN_CHECKED_MARK 0x0fa70002
/* Where a fan takes the shortcut: what it must not take (the ruleset to the bridge's program, under br_netfilter), and
 * what it did not take (the program to the ruleset, without). Equal fan::kept_mark and fan::left_mark. */
#define FAN_KEPT_MARK 0x0fa70004
#define FAN_LEFT_MARK 0x0fa70005
#define FAN_RECORD_MAX 1000
#define FAN_IPIP 0
#define FAN_VXLAN 1

/* An IP address in network byte order, IPv4 as ::ffff:a.b.c.d. */
struct fan_address {
  __be32 words[4];
};

#define FAN_V4_BITS 96 /* prefix length of ::ffff:0:0/96; an IPv4 length n is 96 + n in every map */

struct fan_lpm_key { /* of fan_mappings, fan_slices, fan_never, fan_bridges */
  __u32 length;      /* 96 + IPv4 length */
  struct fan_address address;
};

/* Value of fan_mappings; key: the overlay. */
struct fan_mapping {
  struct fan_address overlay;
  struct fan_address underlay;
  __u32 vni;
  __u8 overlay_length;  /* 96 + n */
  __u8 underlay_length; /* 96 + n */
  __u8 encapsulation;   /* what this host sends with: FAN_IPIP, FAN_VXLAN */
  __u8 zero;
};

enum fan_slice_flag {
  FAN_ACCEPT_IPIP = 1 << FAN_IPIP,
  FAN_ACCEPT_VXLAN = 1 << FAN_VXLAN,
  FAN_STRICT = 1 << 2,
  FAN_OPEN = 1 << 3, /* speaks to other overlays too */
};

/* Value of fan_slices; key: the slice. The slice's mapping is repeated, so that the common case needs one lookup. */
struct fan_slice {
  struct fan_address network;
  struct fan_address host; /* this host's underlay address */
  struct fan_address overlay;
  struct fan_address underlay;
  __u32 vni;
  __u32 reserve;        /* the first `reserve` addresses, the gateway first, are this host's own */
  __u16 port;           /* UDP port of the fan, HOST byte order */
  __u8 length;          /* 96 + n */
  __u8 overlay_length;  /* 96 + n */
  __u8 underlay_length; /* 96 + n */
  __u8 flags;           /* enum fan_slice_flag */
  __u8 least_ttl;
  __u8 zero;
};

/* fan_never: addresses that are never an outer destination; the value is the reason under which that is counted:
 * FAN_OUT_OURSELVES for this host's own underlay addresses, FAN_OUT_BROADCAST for the ends of connected prefixes. */

/* Key of fan_known: what exists in any mapping or slice, for packets whose own slice cannot be told. */
enum fan_known_kind { FAN_KNOWN_VNI = 1, FAN_KNOWN_UNDERLAY = 2 };
struct fan_known_key {
  __u32 length;             /* 32 + 128 for a VNI, 32 + 96 + n for an underlay */
  __be32 kind;              /* enum fan_known_kind */
  struct fan_address value; /* the underlay's network, or the VNI in the last word, network byte order */
};

/* Value of fan_devices; key: ifindex of a device of ours. */
enum fan_role { FAN_ROLE_TUNNEL = 1, FAN_ROLE_BRIDGE = 2 };

/* fan_bridges (a hash); key: a slice whose fan takes the shortcut (shortcut.h), value: the ifindex of its bridge.
 */

/* Reasons, in the order in which the checks are made (docs/wire.md). X(symbol, name, what it says). The names are an
 * interface: `show --stats` prints them. New reasons go to the end of their group and raise FAN_ABI. */
#define FAN_REASONS(X)                                                                                                 \
  X(FAN_IN_ACCEPTED, "in-accepted", "received and let through")                                                        \
  X(FAN_IN_NO_KEY, "in-no-key", "came through no tunnel")                                                              \
  X(FAN_IN_OUTER_DESTINATION, "in-outer-destination", "arrived for another underlay address than the slice's own")     \
  X(FAN_IN_ENCAPSULATION, "in-encapsulation", "encapsulation that this fan does not accept")                           \
  X(FAN_IN_VNI, "in-vni", "VNI of no fan here")                                                                        \
  X(FAN_IN_OUTER_SOURCE, "in-outer-source", "outer source outside the underlay")                                       \
  X(FAN_IN_TTL, "in-ttl", "outer TTL too low: from too far away")                                                      \
  X(FAN_IN_VLAN, "in-vlan", "inner frame has a VLAN tag")                                                              \
  X(FAN_IN_MAC, "in-mac", "inner frame is broadcast or multicast")                                                     \
  X(FAN_IN_NOT_IPV4, "in-not-ipv4", "inner packet is not IPv4")                                                        \
  X(FAN_IN_MALFORMED, "in-malformed", "inner IPv4 header is malformed or longer than the packet")                      \
  X(FAN_IN_NOT_UNICAST, "in-not-unicast", "inner source or destination is no single machine's address")                \
  X(FAN_IN_SOURCE_UNKNOWN, "in-source-unknown", "inner source is in no overlay")                                       \
  X(FAN_IN_SOURCE_FORGED, "in-source-forged", "inner source belongs to another host than the outer source")            \
  X(FAN_IN_SOURCE_UNUSABLE, "in-source-unusable", "inner source is the first or last address of its slice")            \
  X(FAN_IN_DESTINATION, "in-destination", "inner destination is in no slice of this host, or no endpoint's")           \
  X(FAN_IN_TUNNEL_IN_TUNNEL, "in-tunnel-in-tunnel", "inner packet is itself a tunnel packet")                          \
  X(FAN_IN_ISOLATED, "in-isolated", "inner source is of another fan, and the destination's is isolated")               \
  X(FAN_OUT_SENT, "out-sent", "sent into the tunnel")                                                                  \
  X(FAN_OUT_NOT_IPV4, "out-not-ipv4", "not IPv4")                                                                      \
  X(FAN_OUT_MALFORMED, "out-malformed", "IPv4 header is malformed")                                                    \
  X(FAN_OUT_SOURCE, "out-source", "source is no endpoint's of a slice of this host")                                   \
  X(FAN_OUT_DESTINATION, "out-destination", "destination is in no mapping")                                            \
  X(FAN_OUT_NOT_ENDPOINT, "out-not-endpoint", "destination is the first or last address of its slice")                 \
  X(FAN_OUT_OURSELVES, "out-ourselves", "destination belongs to this host")                                            \
  X(FAN_OUT_BROADCAST, "out-broadcast", "destination's host would be a network or broadcast address")                  \
  X(FAN_OUT_KEY, "out-key", "the kernel refused the tunnel key")                                                       \
  X(FAN_OUT_TOO_BIG, "out-too-big", "does not fit the path and may not be fragmented; the sender was told")            \
  X(FAN_OUT_TOO_BIG_SILENT, "out-too-big-silent", "does not fit either; the sender was told a moment ago")             \
  X(FAN_OUT_ISOLATED, "out-isolated", "destination is of another fan, and the source's is isolated")                   \
  X(FAN_GUARD_FORGED, "guard-forged", "overlay source that came neither through the tunnel nor from a slice here")     \
  X(FAN_GUARD_ISOLATED, "guard-isolated", "from one fan of this host to another, and one of them is isolated")

enum fan_reason {
#define FAN_REASON_SYMBOL(symbol, name, text) symbol,
  FAN_REASONS(FAN_REASON_SYMBOL)
#undef FAN_REASON_SYMBOL
      FAN_REASON_COUNT
};

struct fan_counter { /* value of fan_counters, per CPU; key: enum fan_reason */
  __u64 packets;     /* segments, where the kernel handles several as one */
  __u64 bytes;       /* as the device counts them */
};

/* fan_refused says who. An LRU update is the dearest thing a refusal could do (305 ns measured), so it is a sample: of
 * each reason and CPU the first FAN_SAMPLE_ALL, then one in FAN_SAMPLE_ONE_IN, which counts for that many. */
#define FAN_SAMPLE_ALL 64
#define FAN_SAMPLE_ONE_IN 64
struct fan_refused_key {
  __u32 reason;
  struct fan_address outer_source; /* ingress; zeros otherwise */
};
struct fan_refused {
  __u64 count;                     /* an estimate, see above */
  __u64 last_ns;                   /* CLOCK_MONOTONIC */
  struct fan_address inner_source; /* of the last one sampled; 0.0.0.0 when it was not IPv4 */
  struct fan_address inner_destination;
};

/* fan_answers, per CPU: CLOCK_MONOTONIC from which the next answer may be given. Key: a hash of who speaks to whom. */
#define FAN_ANSWER_BUCKETS 256

struct fan_record_key {
  char bridge[16]; /* zero-padded */
};
struct fan_record {
  __u32 length;
  char text[FAN_RECORD_MAX];
};

#endif
