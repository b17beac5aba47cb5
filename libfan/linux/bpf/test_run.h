// Runs our programs on a packet that is only thought of (BPF_PROG_TEST_RUN). They are the attached build's, loaded a
// second time with the maps that are in use, and with counters, samples and answers of their own: nothing that is seen
// from outside changes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/packet.h"
#include "core/result.h"
#include "linux/bpf/programs.h"

namespace fan::bpf {

// The longest IPv4 packet that a kernel surely runs: it takes one page, less what surrounds a packet in memory.
inline constexpr std::uint32_t longest_run = 3000;

struct TestRun {
  std::string program;              // Classifier::program, without "_shortcut": that is found as well
  Device device;                    // that it is attached to
  std::uint32_t from_ifindex = 0;   // of bridge_out: the device by which it came; 0: this host itself
  std::optional<Outer> arrived;     // of the ingress programs
  std::vector<std::uint8_t> packet; // IPv4, at most longest_run
  std::uint32_t mark = 0;           // of bridge_in: that the packet bears
  Mac to = {};                      // of bridge_in: the frame's destination
};

struct TestVerdict {
  bool attached = true; // false: no such program is on that bridge or routed port, and nothing else is said
  bool passed = false;
  std::string reason; // "" when nothing was counted
  std::string meaning;
  std::optional<Outer> outer;
  std::uint32_t mtu = 0;  // in the answer to one that was too big
  std::uint32_t next = 0; // ifindex of the device that it takes the shortcut to; 0: it takes none
  std::uint32_t mark = 0; // that it bears afterwards
  std::string build;
};

// Errors: no such program is attached to a tunnel, is of another build than this binary's, or is not what this binary
// has under that name (host_state); the kernel's.
Result<TestVerdict> test_run(const TestRun& run);

} // namespace fan::bpf
