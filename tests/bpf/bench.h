// The real programs on a bench: maps of their own, packets through BPF_PROG_TEST_RUN, counters before and after.
// Nothing is attached to any device. Needs root.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <linux/bpf.h>

#include "bpf_abi/fan_abi.h"
#include "core/object.h"
#include "entry.h"
#include "linux/bpf/map_set.h"
#include "linux/bpf/programs.h"
#include "support/packet.h"

struct bpf_object;

namespace fan::test {

struct Verdict {
  int action = 0; // TC_ACT_OK, TC_ACT_SHOT or TEST_BROKEN
  std::uint32_t mark = 0;
  std::vector<std::string> raised; // names of the counters that went up, once for each packet
  Bytes frame;                     // what the packet is now
};

class Bench {
public:
  // Verifying the loop of sums takes a fifth of a second, so only the tests that need it have it.
  explicit Bench(bool with_sums = false);
  ~Bench();

  void row(const Object& object);
  void device(std::uint32_t ifindex, std::uint32_t role);

  // Tunnel packets, as they come out of the tunnel device with `key`.
  Verdict from_vxlan(const Bytes& frame, const test_key& key);
  Verdict from_ipip(const Bytes& frame, const test_key& key);
  // `key` receives what the program has set.
  Verdict into_vxlan(const Bytes& frame, test_key* key = nullptr);
  Verdict into_ipip(const Bytes& frame, test_key* key = nullptr);
  // The program itself, without a test's function around it. On 0 the ingress_ifindex is unset.
  Verdict guard(const Bytes& frame, std::uint32_t from_ifindex);
  // On two processors at the same moment, as far as there are two.
  void guard_twice_at_once(const Bytes& frame, std::uint32_t from_ifindex);
  Verdict real_into_vxlan(const Bytes& frame);
  // As a packet of several segments of `segment` bytes of payload.
  Verdict segments_into_vxlan(const Bytes& frame, std::uint32_t segment);
  Verdict real_from_vxlan(const Bytes& frame, std::uint32_t mark);

  std::vector<bpf::Refusal> refused();
  void forget_refused();
  // Works out all sums in the kernel.
  std::vector<test_sum> sums(const std::vector<test_sum>& in);

  [[nodiscard]] const bpf::MapSet& maps() const { return maps_; }
  [[nodiscard]] int program(const std::string& name) const; // of entry.bpf.c

private:
  Verdict run(int program, const Bytes& frame, __sk_buff context = {});
  Verdict run_with_key(const char* program, const Bytes& frame, test_key* key);

  bpf::MapSet maps_;
  bpf::Fd vxlan_in_;
  bpf::Fd vxlan_out_;
  bpf::Fd guard_;
  bpf_object* entry_ = nullptr;
};

} // namespace fan::test
