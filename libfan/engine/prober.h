// Questions to another machine, for `doctor --peer`. The port that the diagnosis asks by; linux/probe answers by
// sending packets, tests from memory. Sends a few small packets and listens; changes nothing on this host.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/address.h"
#include "core/encapsulation.h"
#include "core/result.h"

namespace fan {

// An echo request.
struct EchoQuestion {
  Address source;
  Address destination;
  std::uint32_t size = 84; // of the whole IPv4 packet
  bool dont_fragment = false;
};

struct EchoAnswer {
  bool answered = false;
  std::uint8_t ttl = 0; // of the answer
  // When an ICMP error came instead: its type and code, who sent it, and the MTU of fragmentation-needed.
  std::optional<std::uint8_t> error_type;
  std::uint8_t error_code = 0;
  Address error_from;
  std::uint32_t mtu = 0;
  int send_errno = 0; // the kernel would not send it
};

// A tunnel packet made by hand: an echo request from one gateway to the other.
struct TunnelForm {
  Encapsulation encapsulation = Encapsulation::vxlan;
  std::uint16_t port = default_vxlan_port; // of vxlan
  std::uint32_t vni = 0;                   // of vxlan
  Address inner_source;
  Address inner_destination;
  bool operator==(const TunnelForm&) const = default;
};

// What came back from the peer on the underlay.
struct TunnelAnswer {
  std::optional<TunnelForm> form; // of the answer, when one came
  bool unreachable = false;       // ICMP: nothing there takes this protocol or port
  bool prohibited = false;        // ICMP: a filter says so
  Address error_from;
};

// A UDP datagram to a port on which nobody listens, as the machine there says by ICMP.
struct DatagramQuestion {
  Address source;
  Address destination;
  // With one the kernel leaves it to the device, where that says that it can; without, nobody has anything to fill in.
  bool checksum = true;
};

struct HolderQuestion {
  std::string port;
  Address address;
};

class Prober {
public:
  virtual ~Prober() = default;

  // All answers that come within one waiting time, in the order of the questions. Errors: privilege, kernel.
  virtual Result<std::vector<EchoAnswer>> echo(const std::vector<EchoQuestion>& questions) = 0;
  // The same for tunnel packets from `host` to `peer`, which leave by `device`.
  virtual Result<std::vector<TunnelAnswer>> tunnel(Address host, Address peer, const std::string& device,
                                                   const std::vector<TunnelForm>& forms) = 0;
  // The same for datagrams, each sent once: whether its destination said that nobody listens.
  virtual Result<std::vector<bool>> datagrams(const std::vector<DatagramQuestion>& questions) = 0;
  // Who answers to ARP for `address` on the segment of `device`, this host apart. Empty: nobody.
  virtual Result<std::vector<Mac>> owners(const std::string& device, Address address) = 0;
  // Whether somebody behind the port of a bridge answers to ARP for an address, whoever answers behind other ports. The
  // same for all: within one waiting time, in the order of the questions. A port that is gone holds nothing.
  virtual Result<std::vector<bool>> holders(const std::vector<HolderQuestion>& questions) = 0;
};

} // namespace fan
