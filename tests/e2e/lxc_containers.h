// Containers of a real LXC on a host that has it (HookedHost with "lxc"). They end with the object.
#pragma once

#include <string>
#include <vector>

#include "hooked_host.h"

namespace fan::test {

class LxcContainers {
public:
  explicit LxcContainers(const HookedHost& host);
  ~LxcContainers();
  LxcContainers(const LxcContainers&) = delete;
  LxcContainers& operator=(const LxcContainers&) = delete;

  // Starts one whose eth0 is attached to `bridge` by LXC, or with "" to none, with lines of the test's own in its
  // configuration. Its first process asks a DHCP server for an address, where it was given none, and sleeps.
  void start(const std::string& name, const std::string& bridge, const std::string& lines = {});
  void stop(const std::string& name);
  // A program in a container.
  [[nodiscard]] Outcome in(const std::string& name, const std::vector<std::string>& words) const;
  // The host's end of its eth0.
  [[nodiscard]] std::string port(const std::string& name) const;

private:
  const HookedHost& host_;
  std::vector<std::string> running_;
};

} // namespace fan::test
