// What the commands need from outside: a host to look at and to change. main puts the kernel here, tests put memory
// here, so that a whole command line can be tested without root. Commands reach the outside in no other way.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "config/devices.h"
#include "core/address.h"
#include "core/render.h"
#include "core/result.h"
#include "engine/heard.h"
#include "engine/provider.h"

namespace fan::doctor {
class Source;
}
namespace fan {
class PacketView;
}

namespace fan::cli {

// One reason for which the programs let a packet through or refused it, and how often since they were loaded.
struct TrafficCount {
  std::string reason;  // "in-accepted", "in-vni", "out-sent", "guard-forged": the word before the dash is the way
                       // (fanctl(8), COUNTERS)
  std::string meaning; // for people
  bool refused = true;
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
};

// Somebody whose packets were refused. A sample: `packets` is an estimate.
struct RefusedPeer {
  std::string reason;
  Address outer_source;      // unspecified for what did not come from the tunnel
  Address inner_source;      // of the last packet; unspecified when it was not IPv4
  Address inner_destination; // of the last packet
  std::uint64_t packets = 0;
  std::uint64_t age_ms = 0; // since the last packet
};

// What a device of ours has counted since it was made.
struct DeviceTraffic {
  std::string device;
  std::string kind; // "bridge", "vxlan", "ipip"
  bool up = false;
  struct Way {
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;
    std::uint64_t errors = 0;
    std::uint64_t dropped = 0;
  } received, sent;
};

class World {
public:
  virtual ~World() = default;

  // Opened at the first call; the pointer lives as long as the World.
  virtual Result<Provider*> provider() = 0;
  // Error of class privilege when this process cannot change network state, naming what is missing. Touches nothing.
  virtual Result<void> may_change() = 0;
  // Holds the lock of this network namespace until the World is destroyed. Class busy after `wait`.
  virtual Result<void> lock(std::chrono::milliseconds wait) = 0;
  virtual Result<std::vector<TrafficCount>> counters() = 0;
  virtual Result<std::vector<RefusedPeer>> refused() = 0;
  // Of the bridges and tunnels of the fans.
  virtual Result<std::vector<DeviceTraffic>> device_traffic() = 0;
  [[nodiscard]] virtual RenderContext render_context() const = 0;
  // For names in a configuration that may be netplan's IDs. Asks the host only when it is asked.
  [[nodiscard]] virtual const Devices& devices() = 0;
  // For `trace`: questions about single packets.
  virtual PacketView& packets() = 0;
  // Lets go of the lock; another lock() may follow.
  virtual void unlock() = 0;
  // In a process that was forked while the lock was held, which stays the other one's.
  virtual void leave_lock() = 0;
  // Where `try` listens for its confirmation: a path that is this network namespace's own.
  [[nodiscard]] virtual std::string try_path() const = 0;
  // The text of Docker's daemon.json, "" when there is none; nothing where Docker is not installed.
  virtual std::optional<std::string> docker_configuration() = 0;
  // Runs a program of this host to its end, without a shell. Error: it is not installed, or what it said when its
  // status was not 0; class not_found: that was 1, by which it may say that something is not there.
  virtual Result<void> program(const std::string& name, const std::vector<std::string>& arguments) = 0;
  // By what the bridge knows a running container of Docker or LXC: MAC addresses, or ports. Class not_found: none of
  // those that are installed here has it. Class host_state: it is not running, or nobody can be asked, and why.
  virtual Result<std::vector<std::string>> container(const std::string& name) = 0;
  // Waits for news of endpoints on these bridges, by ifindex, at most `patience`. What comes between two calls is kept.
  virtual Result<News> news(const std::set<std::uint32_t>& bridges, std::chrono::milliseconds patience) = 0;
  // Where `doctor` looks beside the Provider.
  virtual doctor::Source& doctor_source() = 0;
};

} // namespace fan::cli
