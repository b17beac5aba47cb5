// tc filters on a device's clsact: listing them all, and attaching and detaching our own. Speaks rtnetlink itself,
// because libbpf's bpf_tc_* can neither list other people's filters nor give the kernel's extended-ACK text. May not:
// know what a program is for.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/object.h"
#include "core/result.h"
#include "linux/bpf/fd.h"
#include "linux/bpf/filter_messages.h"

namespace fan::bpf {

class Filters {
public:
  static Result<Filters> open();

  // In the order in which the kernel runs them. No clsact, or no such device: none. A dump that was interrupted is
  // repeated.
  Result<std::vector<Filter>> list(std::uint32_t ifindex, Direction direction);

  // Makes the clsact qdisc; that it is there is success. An `ingress` qdisc in its place is an error (host_state): the
  // kernel would take an egress filter and run it on ingress.
  Result<void> make_clsact(std::uint32_t ifindex, const std::string& device);

  // Preference 1, protocol all, direct action. With `replace` the filter under `handle` changes its program in one
  // step: no packet passes unfiltered. Without, a filter under that handle is an error (EEXIST).
  Result<void> attach(std::uint32_t ifindex, Direction direction, std::uint32_t handle, int program,
                      const std::string& name, bool replace);

  // The one filter under preference 1 and `handle`.
  Result<void> detach(std::uint32_t ifindex, Direction direction, std::uint32_t handle);

private:
  class Request;
  Result<std::string> kind_at_ingress(std::uint32_t ifindex);
  // One datagram. A signal that comes meanwhile is no end.
  Result<std::size_t> receive(std::span<char> buffer, const std::string& doing);
  Result<void> transact(Request& request, const std::string& doing);
  // Calls `each` for every message of a dump. False when the dump was interrupted, so that what was seen may not be
  // whole.
  Result<bool> dump(Request& request, const std::string& doing, const std::function<void(const nlmsghdr&)>& each);

  Fd socket_;
  std::uint32_t sequence_ = 0;
};

} // namespace fan::bpf
