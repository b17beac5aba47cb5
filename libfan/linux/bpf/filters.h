// tc filters on a device's clsact: listing them all, and attaching and detaching our own. Speaks rtnetlink itself,
// because libbpf's bpf_tc_* can neither list other people's filters nor give the kernel's extended-ACK text. May not:
// know what a program is for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/object.h"
#include "core/result.h"
#include "linux/bpf/fd.h"

namespace fan::bpf {

// One filter of chain 0, where classification begins.
struct Filter {
  std::uint16_t preference = 0;
  std::uint16_t protocol = 0; // host byte order; ETH_P_ALL for all
  std::uint32_t handle = 0;
  std::string kind;          // "bpf", "flower", ...
  std::uint32_t program = 0; // id of the BPF program, 0 for other kinds
};

class Filters {
public:
  static Result<Filters> open();

  // In the order in which the kernel runs them. No clsact, or no such device: none. A dump that was interrupted is
  // repeated.
  Result<std::vector<Filter>> list(std::uint32_t ifindex, Direction direction);

  // Makes the clsact qdisc; that it is there is success.
  Result<void> make_clsact(std::uint32_t ifindex);

  // Preference 1, protocol all, direct action. With `replace` the filter under `handle` changes its program in one
  // step: no packet passes unfiltered. Without, a filter under that handle is an error (EEXIST).
  Result<void> attach(std::uint32_t ifindex, Direction direction, std::uint32_t handle, int program,
                      const std::string& name, bool replace);

  // The one filter under preference 1 and `handle`.
  Result<void> detach(std::uint32_t ifindex, Direction direction, std::uint32_t handle);

private:
  class Request;
  Result<void> transact(Request& request, const std::string& doing);
  Result<std::vector<Filter>> list_once(std::uint32_t ifindex, Direction direction, bool& interrupted);

  Fd socket_;
  std::uint32_t sequence_ = 0;
};

} // namespace fan::bpf
