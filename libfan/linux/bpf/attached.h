// Our programs on a device: which, of which build, under which handle, and whether anything runs before them. "Ours" is
// read from the program's name alone (bpf/fanctl.bpf.c). Reads only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/object.h"
#include "linux/bpf/fd.h"
#include "linux/bpf/filters.h"

namespace fan::bpf {

// A program of the embedded object: what the core calls it, and its short role in the kernel's name.
struct ProgramRole {
  const char* program;       // Classifier::program
  const char* code;          // "iv" of "fan_iv_1a2b3c4d"
  std::uint32_t device_role; // enum fan_role of the device it is attached to; 0: says nothing about it
};
const ProgramRole* role_of_program(const std::string& program);

// "fan_iv_1a2b3c4d" for this binary's build.
std::string kernel_name(const ProgramRole& role);

struct Attached {
  std::string program; // Classifier::program
  std::string build;
  std::uint32_t handle = 0;
  std::uint16_t preference = 0;
  bool first = false;
  Fd fd; // of the program
};

// True when a program is on the device by way of tcx (kernel 6.6): those run before every filter of tc.
bool has_tcx(std::uint32_t ifindex, Direction direction);

// All of our filters in this direction, in the kernel's order.
Result<std::vector<Attached>> find_attached(Filters& filters, std::uint32_t ifindex, Direction direction);

} // namespace fan::bpf
