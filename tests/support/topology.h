// Hosts on one underlay, and containers on a bridge of a host: network namespaces joined by veth pairs.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "core/address.h"
#include "support/forger.h"
#include "support/netns.h"

namespace fan::test {

// A veth pair with one end in each namespace, both up. It goes with either namespace.
void join(const Netns& a, const std::string& a_device, const Netns& b, const std::string& b_device,
          unsigned mtu = 1500);

struct HostOptions {
  std::string device = "eth0";
  unsigned mtu = 1500;
  bool default_route = true; // by the underlay's router
};

class Underlay;

// While true, every fan that a host brings up takes the shortcut, whatever a test is about (fan_pair.h).
inline bool up_by_shortcut = false;

// A host of an underlay.
class Host : public Netns {
public:
  std::string name;   // "h1", "h2", ... in the order of their making; the port of the switch has the same name
  Address address;    // 172.30.0.27
  std::string cidr;   // "172.30.0.27/16"
  std::string device; // "eth0"

  // Runs the fanctl that was built with these tests (FANCTL in the environment, else ../fanctl/fanctl beside the
  // tests).
  Outcome fanctl(const std::vector<std::string>& words, RunOptions options = {}) const;
  // The same, and a test failure when its status is not 0. Gives its standard output.
  std::string fanctl_must(const std::vector<std::string>& words,
                          RunOptions options = {}) const; // NOLINT(modernize-use-nodiscard)

  const Underlay* home = nullptr;

private:
  // From an `up` on until the next `down`: before and after, nothing keeps them from speaking for this host.
  mutable std::vector<ForgedTraffic::Handle> its_processes_;
};

// The fan that those who forge packets take the hosts of an underlay to have.
struct Besieged {
  std::string overlay = "250.0.0.0/8";
  unsigned underlay_length = 16;
};

struct NoForgers {};

// One Ethernet segment with a router on it: the router has `router/len`, forwards, and owns `outside` on its loopback,
// a place outside every overlay that all hosts reach by their default route.
//
// A stranger on the segment forges packets of every kind to each host, from its making to the end, and so do the
// processes and the containers of hosts that have a fan. That none has come to a container is looked at in the end.
class Underlay {
public:
  // "172.30.255.254/16": the router's address says which network the underlay is.
  explicit Underlay(const std::string& router_cidr = "172.30.255.254/16", const Besieged& besieged = {});
  // For tests that are about something else, or count every packet.
  explicit Underlay(NoForgers, const std::string& router_cidr = "172.30.255.254/16");
  ~Underlay();
  Underlay(const Underlay&) = delete;
  Underlay& operator=(const Underlay&) = delete;

  // "172.30.0.27/16". The reference stays good for the underlay's life.
  Host& host(const std::string& cidr, const HostOptions& options = {});

  [[nodiscard]] const Netns& router() const { return router_; } // also the switch: bridge "sw"
  [[nodiscard]] static Address outside();                       // 198.51.100.1
  [[nodiscard]] Address gateway() const { return gateway_; }

  // Another device of a host that is on this segment, with its address there. The stranger turns to it as well.
  void surround(const Host& host, const std::string& device, Address address);
  // One that only tests with forgers may call.
  [[nodiscard]] ForgedTraffic& forged() const { return *forged_; }
  [[nodiscard]] bool has_forgers() const { return forged_ != nullptr; }
  // The other hosts of the segment, as seen from `peer`.
  [[nodiscard]] std::vector<Victim> victims_of(Address peer) const;

private:
  [[nodiscard]] Victim victim(Address host, Address peer) const;

  Netns router_;
  std::unique_ptr<ForgedTraffic> forged_;
  std::vector<ForgedTraffic::Handle> strangers_;
  Besieged besieged_;
  Address own_; // of the stranger
  Address gateway_;
  std::deque<Host> hosts_;
};

// What a DHCP client was given.
struct Lease {
  Address address;
  unsigned prefix_length = 0;
  std::optional<Address> router;
  std::optional<unsigned> mtu;
  std::optional<Address> server;
  unsigned seconds = 0;
};

// A network namespace with a device "eth0" whose other end is a port of a bridge in `host`, as container runtimes do
// it. The port has the bridge's MTU (frag-needed towards a container needs the larger MTU on the host's end). When the
// destructor returns the port is gone: the kernel clears a namespace away some time later, and a fan whose bridge has a
// port does not go down.
class Container : public Netns {
public:
  Container(const Netns& host, const std::string& bridge);
  // On a fan bridge: forged packets that come to it are counted, and with its address it forges some itself.
  Container(const Host& host, const std::string& bridge);
  ~Container();
  Container(Container&& other) noexcept;
  Container& operator=(Container&&) = delete;
  Container(const Container&) = delete;
  Container& operator=(const Container&) = delete;

  // "250.0.28.2/24"; `gateway` for the default route; 0: the bridge's MTU.
  void address(const std::string& cidr, Address gateway, unsigned mtu = 0);
  // Asks for an address with udhcpc and applies what it is given, MTU included. No lease in time: nullopt.
  std::optional<Lease> dhcp();
  // The port's name in the host: "c" and a number that is unique in the machine.
  [[nodiscard]] const std::string& port() const { return port_; }
  // The MAC address of eth0.
  [[nodiscard]] Mac mac() const;
  [[nodiscard]] unsigned mtu() const; // of eth0

private:
  std::string port_;
  const Host* peer_ = nullptr; // of a fan bridge among forgers
  ForgedTraffic::Handle watched_;
  std::vector<ForgedTraffic::Handle> forging_;
  int host_fd_; // the host's namespace: it may go before the container does
};

// Path of the fanctl under test.
std::string fanctl_path();

// True when `count` pings all came back, sent 50 ms apart. `from`: source address, nothing: the kernel's choice. Where
// one was lost all are sent once more: on a busy segment a first packet can wait in vain for an ARP answer. What may
// lose nothing is counted by a UdpStream.
[[nodiscard]] bool pings(const Netns& in, Address to, std::optional<Address> from = {}, int count = 3);

// /sys/class/net/DEVICE/FIELD without sysfs: what `ip -o link show DEVICE` says after the word `field` ("mtu",
// "link/ether").
std::string link_field(const Netns& in, const std::string& device, const std::string& field);

} // namespace fan::test
