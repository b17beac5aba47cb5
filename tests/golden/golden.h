// Comparing a text with a file of expected/, and running a command line over a host in memory.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/errors.h"
#include "doctor/source.h"
#include "engine/packet_view.h"
#include "fanctl/commands.h"
#include "support/memory_provider.h"

namespace fan::test {

// The file expected/NAME is exactly `actual`. With FANCTL_WRITE_GOLDEN=1 it is written instead.
void expect_golden(const std::string& name, const std::string& actual);

std::string read_text(const std::string& path);

// A host on which all is well, but for what a test puts into these members. A file that is not among `files` is not
// there.
class MemorySource : public doctor::Source {
public:
  Result<std::optional<std::string>> text(const std::string& path) override;
  Result<std::vector<std::string>> names(const std::string& directory) override;

  Result<std::string> program(const std::string& /*name*/) override { return dnsmasq; }
  Result<std::vector<doctor::RouteSeen>> routes_inside(const Prefix& /*overlay*/,
                                                       const std::vector<Prefix>& /*slices*/) override {
    return routes;
  }
  Result<std::optional<std::string>> device_into(const Prefix& /*network*/, std::uint32_t /*mark*/) override {
    return way_back;
  }
  Result<std::optional<bool>> carrier(const std::string& /*device*/) override { return has_carrier; }
  Result<std::vector<doctor::AddressLifetime>> lifetimes() override { return lent; }
  Result<std::vector<doctor::UdpSocket>> udp_sockets() override { return sockets; }
  Result<std::vector<doctor::ProgramTrial>> try_programs() override { return trials; }
  Result<std::vector<std::string>> tcx_programs(std::uint32_t /*ifindex*/) override { return tcx; }
  Result<std::string> kernel_log() override { return log; }
  Result<std::optional<std::string>> audit_log() override { return audit; }

  std::map<std::string, std::string> files{{"/proc/net/arp", "IP address HW type Flags HW address Mask Device\n"},
                                           {"/proc/net/stat/arp_cache", "entries allocs\n00000001 00000001\n"},
                                           {"/proc/sys/net/core/netdev_max_backlog", "1000\n"},
                                           {"/proc/sys/net/ipv4/neigh/default/gc_thresh3", "1024\n"}};
  std::string dnsmasq = "/usr/sbin/dnsmasq";
  std::vector<doctor::RouteSeen> routes;
  std::optional<std::string> way_back = "eth0";
  std::optional<bool> has_carrier = true;
  std::vector<doctor::AddressLifetime> lent;
  std::vector<doctor::UdpSocket> sockets;
  std::vector<doctor::ProgramTrial> trials;
  std::vector<std::string> tcx;
  std::string log;
  std::optional<std::string> audit;
};

// No kernel to ask: whoever traces a packet here is told so.
class NoPacketView : public PacketView {
public:
  Result<RouteAnswer> route(const RouteQuestion& question) override;
  Result<NeighbourAnswer> neighbour(const std::string& device, Address address) override;
  Result<std::string> port_of(const std::string& bridge, const Mac& mac) override;
  Result<ProgramAnswer> run(const ProgramQuestion& question) override;
};

// A World over a MemoryProvider: 172.30.0.28/16 on eth0.
class MemoryWorld : public cli::World {
public:
  Result<Provider*> provider() override { return &host; }
  Result<void> may_change() override { return refusal ? Result<void>(*refusal) : Result<void>(); }
  Result<void> lock(std::chrono::milliseconds wait) override;
  Result<std::vector<cli::TrafficCount>> counters() override { return counts; }
  Result<std::vector<cli::RefusedPeer>> refused() override { return peers; }
  Result<std::vector<cli::DeviceTraffic>> device_traffic() override { return traffic; }
  [[nodiscard]] RenderContext render_context() const override;
  [[nodiscard]] const Devices& devices() override { return no_devices; }
  PacketView& packets() override { return no_packets; }
  void unlock() override {}
  void leave_lock() override {}
  [[nodiscard]] std::string try_path() const override { return ""; }
  std::optional<std::string> docker_configuration() override { return docker; }
  Result<News> news(const std::set<std::uint32_t>&, std::chrono::milliseconds) override {
    return make_error(ErrorClass::kernel, "no news in memory");
  }
  Result<std::vector<std::string>> container(const std::string& name) override;
  Result<void> program(const std::string& name, const std::vector<std::string>& arguments) override;

  doctor::Source& doctor_source() override { return source; }

  MemorySource source;
  MemoryProvider host = MemoryProvider::host(Address(0xac1e001cU), 16);
  Devices no_devices;
  NoPacketView no_packets;
  std::optional<Error> refusal; // what may_change answers
  bool locked_by_another = false;
  std::vector<cli::TrafficCount> counts;
  std::vector<cli::RefusedPeer> peers;
  std::vector<cli::DeviceTraffic> traffic;
  std::optional<std::string> docker;                          // daemon.json
  std::map<std::string, std::vector<std::string>> containers; // by name: by what the bridge knows them
  std::optional<Error> no_containers;                         // what asking for one answers
  std::vector<std::string> programs;                          // what was run, "name argument..."
  std::map<std::string, Error> failing_programs;              // by a part of that: what it answers
};

struct Ran {
  int status = 0;
  std::string out;
  std::string err;
};

// `fanctl WORDS...`
Ran run(MemoryWorld& world, const std::vector<std::string>& words);

} // namespace fan::test
