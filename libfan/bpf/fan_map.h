/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* The fan's arithmetic, for the BPF programs; core/mapping.h is the same rule in C++, and a test holds the two against
 * each other for every prefix pair. Plain C that both a BPF compiler and C++ take: no loop, no branch on lengths, no
 * call. May not: know maps, packets or the wire. Numbers named *_v4 are IPv4 addresses in HOST byte order; lengths are
 * IPv4 lengths, 0..32. */
#ifndef FAN_MAP_H
#define FAN_MAP_H

#include <linux/types.h>

#ifndef FAN_INLINE
#ifdef __bpf__
#define FAN_INLINE static inline __attribute__((always_inline))
#else
#define FAN_INLINE static inline
#endif
#endif

/* The bits below `length`. The 64-bit shift makes length 0 (all ones) and 32 (none) need no case of their own. */
FAN_INLINE __u32 fan_host_bits(__u32 length) {
  return (__u32)(0xffffffffULL >> (length & 63));
}

FAN_INLINE int fan_inside(__u32 address_v4, __u32 network_v4, __u32 length) {
  return ((address_v4 ^ network_v4) & ~fan_host_bits(length)) == 0;
}

/* The length of every slice: o + 32 - u. Precondition, here and below: 1 <= o < u, slice length <= 30. */
FAN_INLINE __u32 fan_slice_length(__u32 overlay_length, __u32 underlay_length) {
  return overlay_length + 32 - underlay_length;
}

/* The network of the slice that `host` owns: O | ((H & ~mask(u)) << (u - o)). Precondition: host inside the underlay.
 */
FAN_INLINE __u32 fan_slice_of(__u32 overlay_v4, __u32 overlay_length, __u32 underlay_length, __u32 host_v4) {
  return overlay_v4 | ((host_v4 & fan_host_bits(underlay_length)) << ((underlay_length - overlay_length) & 31));
}

/* The host that owns an overlay address: U | ((D & ~mask(o)) >> (u - o)). Precondition: address inside the overlay. */
FAN_INLINE __u32 fan_host_of(__u32 overlay_length, __u32 underlay_v4, __u32 underlay_length, __u32 address_v4) {
  return underlay_v4 | ((address_v4 & fan_host_bits(overlay_length)) >> ((underlay_length - overlay_length) & 31));
}

/* False for the first and the last address of a network: they name the network and everybody in it. */
FAN_INLINE int fan_names_one(__u32 address_v4, __u32 length) {
  __u32 bits = fan_host_bits(length);
  __u32 host = address_v4 & bits;
  return host != 0 && host != bits;
}

/* False for what can be no single machine's address on a routed network: 0/8, 127/8, 169.254/16, 224/4 and
 * 255.255.255.255 (RFC 1122 3.2.1.3, RFC 3927, RFC 5771). 240/4 is allowed: fans live there. */
FAN_INLINE int fan_unicast(__u32 address_v4) {
  __u32 first = address_v4 >> 24;
  return first != 0 && first != 127 && (first & 0xf0) != 0xe0 && (address_v4 >> 16) != 0xa9fe &&
         address_v4 != 0xffffffff;
}

#endif
