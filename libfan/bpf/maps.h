/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* The maps that all programs of one network namespace share. Sizes are limits of configuration, not of the number of
 * hosts. */
#ifndef FAN_MAPS_H
#define FAN_MAPS_H

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "fan_abi.h"

#define FAN_MAX_FANS 1024
#define FAN_MAX_DEVICES 65536 /* bridges, tunnels, and ports of no bridge */

#define FAN_LPM(name, key_type, value_type, entries)                                                                   \
  struct {                                                                                                             \
    __uint(type, BPF_MAP_TYPE_LPM_TRIE);                                                                               \
    __uint(map_flags, BPF_F_NO_PREALLOC);                                                                              \
    __uint(max_entries, entries);                                                                                      \
    __type(key, key_type);                                                                                             \
    __type(value, value_type);                                                                                         \
  } name SEC(".maps")

FAN_LPM(fan_mappings_v1, struct fan_lpm_key, struct fan_mapping, FAN_MAX_FANS);
FAN_LPM(fan_slices_v1, struct fan_lpm_key, struct fan_slice, FAN_MAX_FANS);
FAN_LPM(fan_never_v1, struct fan_lpm_key, __u32, 8 * FAN_MAX_FANS);
FAN_LPM(fan_known_v1, struct fan_known_key, __u32, 2 * FAN_MAX_FANS);

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, FAN_MAX_DEVICES);
  __type(key, __u32);
  __type(value, __u32);
} fan_devices_v1 SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, FAN_MAX_FANS);
  __type(key, struct fan_lpm_key);
  __type(value, __u32);
} fan_bridges_v1 SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, FAN_REASON_COUNT);
  __type(key, __u32);
  __type(value, struct fan_counter);
} fan_counters_v1 SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, FAN_ANSWER_BUCKETS);
  __type(key, __u32);
  __type(value, __u64);
} fan_answers_v1 SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 1024);
  __type(key, struct fan_refused_key);
  __type(value, struct fan_refused);
} fan_refused_v1 SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, FAN_MAX_FANS);
  __type(key, struct fan_record_key);
  __type(value, struct fan_record);
} fan_records SEC(".maps");

#endif
