// A booted host with one fan over vxlan, and a plain host of the same underlay with a container to speak to it.
#pragma once

#include <chrono>
#include <string>

#include "booted_host.h"

namespace fan::test {

inline constexpr const char* fan_file = "version: 1\nfans:\n  fan-250:\n    overlay: 250.0.0.0/8\n"
                                        "    underlay: eth0/16\n    encapsulation: vxlan\n";

// a: 172.30.0.27 with a container 250.0.27.2; b: 172.30.0.28, not booted yet, whose gateway will be 250.0.28.1.
struct FanHost {
  FanHost() : a(underlay.host("172.30.0.27/16")), b(underlay, "172.30.0.28/16"), peer(with_fan(a), "fan-250-0-27") {
    peer.address("250.0.27.2/24", *Address::parse("250.0.27.1"));
    b.file("/etc/fanctl/fan.yaml", fan_file);
  }

  // b, with `more` lines of its fan in the file.
  void boot_with(const std::string& more) {
    b.file("/etc/fanctl/fan.yaml", fan_file + more);
    b.boot();
    EXPECT_EQ(b.booted(), "running");
  }

  [[nodiscard]] bool reaches(Address to, std::chrono::milliseconds patience = std::chrono::seconds(30)) const {
    return eventually([&] { return pings(peer, to, {}, 1); }, patience);
  }

  Underlay underlay;
  Host& a;
  BootedHost b;
  Container peer;

private:
  static Host& with_fan(Host& host) {
    host.fanctl_must({"up", "250.0.0.0/8", "eth0/16", "type", "vxlan"});
    return host;
  }
};

inline const Address gateway_of_b{0xfa001c01U};                         // 250.0.28.1
inline constexpr const char* dhcp_unit = "fanctl-dhcp@fan-250.service"; // of that fan

} // namespace fan::test
