// Where the checks of `fanctl doctor` look, beside what a Provider tells: files of this host, and what only the
// kernel's rooms can tell. Everything reads only. What a source does not know it says so: the check is then "not looked
// at". The tests have one of memory.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/address.h"
#include "core/errors.h"
#include "core/result.h"

namespace fan {
class Prober;
}

namespace fan::doctor {

// A route of this host. Its words are `ip route`'s: "10.8.0.0/16", "via", "10.0.0.1", "dev", "tun0".
struct RouteSeen {
  Prefix destination;
  std::vector<std::string> words;
};

// How long an address stays: seconds as the kernel counts them now; nullopt: for ever.
struct AddressLifetime {
  Address address;
  std::uint32_t ifindex = 0;
  std::optional<std::uint32_t> valid_s;
};

// One of our BPF programs, and what the kernel said when it was asked to load it.
struct ProgramTrial {
  std::string role; // "tunnel_in_vxlan"
  std::optional<Error> refused;
};

// A UDP socket that a process or the kernel has bound.
struct UdpSocket {
  std::uint16_t port = 0;    // host byte order
  std::uint32_t ifindex = 0; // the device it is bound to, 0 for all
  std::uint32_t inode = 0;   // 0: the kernel's own
  Address address;           // unspecified for all
};

class Source {
public:
  virtual ~Source() = default;

  // The text of a file by its absolute path, /proc and /sys among them; nullopt where there is none. Errors (privilege
  // or host_state): it cannot be read.
  virtual Result<std::optional<std::string>> text(const std::string& /*path*/) { return unknown("files"); }
  // The names in a directory, sorted; empty where there is none.
  virtual Result<std::vector<std::string>> names(const std::string& /*directory*/) { return unknown("files"); }

  // Where an executable of this host is; "" where it is not installed.
  virtual Result<std::string> program(const std::string& /*name*/) { return unknown("programs"); }

  // Routes to a part of `overlay` that are not ours, the first few. By a fan bridge those to `slices` are ours.
  virtual Result<std::vector<RouteSeen>> routes_inside(const Prefix& /*overlay*/,
                                                       const std::vector<Prefix>& /*slices*/) {
    return unknown("routes");
  }
  // The device by which the kernel itself sends a packet of this mark into `network`; nullopt: it has no route there.
  virtual Result<std::optional<std::string>> device_into(const Prefix& /*network*/, std::uint32_t /*mark*/) {
    return unknown("routes");
  }
  // Whether a device has a link to anything: its cable, its other end, a port. nullopt: it is not there, or down.
  virtual Result<std::optional<bool>> carrier(const std::string& /*device*/) { return unknown("devices"); }
  virtual Result<std::vector<AddressLifetime>> lifetimes() { return unknown("lifetimes of addresses"); }
  virtual Result<std::vector<UdpSocket>> udp_sockets() { return unknown("sockets"); }

  // Loads every BPF program of ours, attaches none, and lets go of them.
  virtual Result<std::vector<ProgramTrial>> try_programs() { return unknown("BPF programs"); }
  // The programs of others that run on a device before tc's filters (tcx), by name.
  virtual Result<std::vector<std::string>> tcx_programs(std::uint32_t /*ifindex*/) { return unknown("BPF programs"); }

  // The kernel's log, as far as it is kept.
  virtual Result<std::string> kernel_log() { return unknown("the kernel's log"); }
  // The end of auditd's log, whole lines; nullopt where there is none.
  virtual Result<std::optional<std::string>> audit_log() { return unknown("auditd's log"); }
  // For questions to other machines; nullptr where there is no network.
  virtual Prober* prober() { return nullptr; }

protected:
  static Error unknown(const std::string& what) { return host_error(what + " are not known here"); }
};

} // namespace fan::doctor
