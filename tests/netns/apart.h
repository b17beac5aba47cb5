// A container that is behind no bridge, for endpoints that are routed.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "support/topology.h"

namespace fan::test {

// A container with a device of its own in the host, which is attached to nothing.
class Apart : public Netns {
public:
  Apart(const Host& host, std::string device, const std::string& cidr, const std::string& gateway = "250.0.27.1")
      : port(std::move(device)) {
    join(host, port, *this, "eth0");
    ip({"addr add " + cidr + " dev eth0", "route add default via " + gateway});
    mac = link_field(*this, "eth0", "link/ether");
    address = Address::parse(cidr.substr(0, cidr.find('/'))).value();
  }
  [[nodiscard]] std::vector<std::string> adding(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words{"endpoint",    "add",   "--port", port,      "--address",
                                   address.str(), "--mac", mac,      "--routed"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }

  std::string port;
  std::string mac;
  Address address;
};

} // namespace fan::test
