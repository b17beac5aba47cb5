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
};

struct TestVerdict {
  bool passed = false;
  std::string reason; // "" when nothing was counted
  std::string meaning;
  std::optional<Outer> outer;
  std::uint32_t mtu = 0; // in the answer to one that was too big
  std::string build;
};

// Errors: no such program is attached to the device, is of another build than this binary's, or is not what this binary
// has under that name (host_state); the kernel's.
Result<TestVerdict> test_run(const TestRun& run);

} // namespace fan::bpf
