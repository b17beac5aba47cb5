#include "fanctl/lxc/container.h"

#include <algorithm>

#include "core/errors.h"

namespace fan::cli::lxc {

namespace {

// "Link:           veth1001_abcd" → "veth1001_abcd"
std::string_view value_in(std::string_view line, std::string_view key) {
  if (!line.starts_with(key)) {
    return {};
  }
  line.remove_prefix(key.size());
  const std::size_t begin = line.find_first_not_of(" \t");
  return begin == std::string_view::npos ? std::string_view()
                                         : line.substr(begin, line.find_last_not_of(" \t\r") + 1 - begin);
}

} // namespace

Result<std::vector<std::string>> ports_in(std::string_view text, const std::string& name) {
  std::vector<std::string> ports;
  std::string state;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (const std::string_view link = value_in(line, "Link:"); !link.empty()) {
      ports.emplace_back(link);
    }
    if (const std::string_view is = value_in(line, "State:"); !is.empty()) {
      state = is;
    }
  }
  if (state != "RUNNING") {
    return host_error("container " + name + " is not running", "start it first");
  }
  return ports.empty() ? Result<std::vector<std::string>>(
                             host_error("lxc-info tells no device of container " + name + " on this host",
                                        "name its port, MAC address or address instead"))
                       : ports;
}

} // namespace fan::cli::lxc
