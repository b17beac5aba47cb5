#include "fanctl/kernel_world.h"

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <system_error>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/errors.h"
#include "engine/lock.h"
#include "fanctl/docker/container.h"
#include "fanctl/host_devices.h"
#include "fanctl/interruptible_provider.h"
#include "fanctl/interruption.h"
#include "fanctl/kernel_source.h"
#include "fanctl/lxc/container.h"
#include "fanctl/privilege.h"
#include "fanctl/text_file.h"
#include "linux/bpf/command_lines.h"
#include "linux/kernel_provider.h"
#include "linux/netlink/endpoint_watch.h"
#include "linux/packet_view.h"
#include "linux/service/launch.h"

namespace fan::cli {

namespace {

constexpr const char* lock_directory = "/run/fanctl";

// One of each per network namespace, as that is what fanctl works on; its inode number names it.
std::string name_with(const char* ending) {
  struct stat facts {};
  return stat("/proc/self/ns/net", &facts) == 0 ? fmt::format("netns-{}.{}", facts.st_ino, ending)
                                                : fmt::format("netns.{}", ending);
}

std::uint64_t monotonic_ns() {
  timespec now{};
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

// Where the programs' object file is: installed, or in the build folder that this fanctl runs from, which is found from
// its own path so that no folder of the machine that built it is in the program.
std::string object_path() {
  if (access(FANCTL_BPF_OBJECT, R_OK) == 0) {
    return FANCTL_BPF_OBJECT;
  }
  std::error_code unknown;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", unknown);
  const auto built = (self.parent_path() / FANCTL_BUILT_BPF_OBJECT).lexically_normal();
  return access(built.c_str(), R_OK) == 0 ? built.string() : FANCTL_BPF_OBJECT;
}

// Counters of docs/firewall.md.
std::string meaning_of_drop(const std::string& reason) {
  static const std::map<std::string, std::string> meanings{
      {"forged", "source that cannot be on the device that it came by"},
      {"tunnel_coarse", "out of the tunnel, from no overlay or to no slice"},
      {"misdelivered", "tunnel packet on another device or address than the fan's"},
      {"checksum", "tunnel packet with a UDP checksum, which no fan sends"},
      {"smuggled", "tunnel packet that was to be forwarded"},
      {"outside", "from outside to the slice, neither translated nor exposed"},
      {"isolated", "from an endpoint to another fan's gateway, and one of the two is isolated"},
      {"host_access", "from an endpoint to this host, which is not asked for that (host-access)"},
      {"metadata", "from an endpoint to a cloud's metadata (block-metadata)"},
      {"unmarked", "tunnel packet that did not come out of the tunnel device"},
  };
  const auto known = meanings.find(reason);
  return known == meanings.end() ? "dropped by the firewall table" : known->second;
}

// Counters of table `bridge fanctl` (core/port_ruleset.h).
struct FrameMeaning {
  const char* text;
  bool refused;
};

FrameMeaning meaning_of_frames(const std::string& reason) {
  static const std::map<std::string, FrameMeaning> meanings{
      {"answered", {"who-has that the bridge answers itself, copied to nobody", false}},
      {"passed", {"broadcast of an endpoint, copied", false}},
      {"kept", {"broadcast of who is not allowed to, copied to nobody (broadcast reset)", false}},
      {"spoofed", {"from a secured port, not as one of its endpoints", true}},
      {"serving", {"DHCP or router's answer from a secured port", true}},
  };
  const auto known = meanings.find(reason);
  return known == meanings.end() ? FrameMeaning{"dropped by the bridge's table", true} : known->second;
}

class KernelWorld : public World {
public:
  Result<Provider*> provider() override { return &interruptible_; }
  Result<void> may_change() override { return judge_privilege(read_process_facts()); }
  Result<void> lock(std::chrono::milliseconds wait) override;
  PacketView& packets() override { return packets_; }
  void unlock() override {
    lock_.reset();
    release_signals();
  }
  void leave_lock() override {
    if (lock_) {
      lock_->leave();
      lock_.reset();
    }
  }
  [[nodiscard]] const Devices& devices() override { return devices_; }
  [[nodiscard]] std::string try_path() const override;
  Result<std::vector<TrafficCount>> counters() override;
  Result<std::vector<RefusedPeer>> refused() override;
  Result<std::vector<DeviceTraffic>> device_traffic() override;
  std::optional<std::string> docker_configuration() override;
  Result<void> program(const std::string& name, const std::vector<std::string>& arguments) override;
  Result<std::vector<std::string>> container(const std::string& name) override;
  Result<News> news(const std::set<std::uint32_t>& bridges, std::chrono::milliseconds patience) override;
  doctor::Source& doctor_source() override { return source_; }
  [[nodiscard]] RenderContext render_context() const override {
    return {[this] { return bpf::begin_lines(object_path(), kernel_.maps_in_use()); },
            [this](const std::vector<Change>& plan) { return kernel_.last_lines(plan); }, bpf::change_lines};
  }

private:
  KernelProvider kernel_;
  InterruptibleProvider interruptible_{kernel_};
  KernelPacketView packets_;
  HostDevices devices_{kernel_};
  KernelSource source_;
  std::optional<Lock> lock_;
  std::optional<netlink::EndpointWatch> ears_;
  std::set<std::uint32_t> heard_bridges_;
  bool ask_again_ = true; // something changed: what the kernel said before may be somebody else's now
};

Result<void> KernelWorld::lock(std::chrono::milliseconds wait) {
  Result<Lock> taken = Lock::acquire(lock_directory, name_with("lock"), wait);
  if (!taken) {
    return std::move(taken).error();
  }
  lock_.emplace(std::move(taken).value());
  hold_signals(); // before the first change
  return {};
}

std::string KernelWorld::try_path() const {
  return fmt::format("{}/{}", lock_directory, name_with("try"));
}

Result<std::vector<TrafficCount>> KernelWorld::counters() {
  Result<std::vector<bpf::Count>> read = kernel_.counters();
  if (!read) {
    return std::move(read).error();
  }
  std::vector<TrafficCount> counts;
  for (const bpf::Count& count : *read) {
    counts.push_back({count.reason, count.meaning, count.refused, count.packets, count.bytes});
  }
  Result<std::vector<nft::DropCount>> drops = kernel_.nft_counts(NftTable::inet);
  if (!drops) {
    return std::move(drops).error();
  }
  for (const nft::DropCount& drop : *drops) {
    counts.push_back({"nft-" + drop.reason, meaning_of_drop(drop.reason), true, drop.packets, drop.bytes});
  }
  Result<std::vector<nft::DropCount>> frames = kernel_.nft_counts(NftTable::bridge);
  if (!frames) {
    return std::move(frames).error();
  }
  for (const nft::DropCount& count : *frames) {
    const FrameMeaning meaning = meaning_of_frames(count.reason);
    counts.push_back({"bridge-" + count.reason, meaning.text, meaning.refused, count.packets, count.bytes});
  }
  return counts;
}

Result<std::vector<RefusedPeer>> KernelWorld::refused() {
  Result<std::vector<bpf::Refusal>> read = kernel_.refused();
  if (!read) {
    return std::move(read).error();
  }
  const std::uint64_t now = monotonic_ns();
  std::vector<RefusedPeer> peers;
  for (const bpf::Refusal& one : *read) {
    const std::uint64_t age = now > one.last_ns ? (now - one.last_ns) / 1'000'000U : 0;
    peers.push_back({one.reason, one.outer_source, one.inner_source, one.inner_destination, one.count, age});
  }
  return peers;
}

Result<std::vector<DeviceTraffic>> KernelWorld::device_traffic() {
  Result<std::vector<netlink::LinkCounters>> read = KernelProvider::link_counters();
  if (!read) {
    return std::move(read).error();
  }
  std::vector<DeviceTraffic> traffic;
  for (const netlink::LinkCounters& one : *read) {
    traffic.push_back({one.link.name,
                       one.link.kind,
                       one.link.up,
                       {one.received_packets, one.received_bytes, one.received_errors, one.received_dropped},
                       {one.sent_packets, one.sent_bytes, one.sent_errors, one.sent_dropped}});
  }
  return traffic;
}

std::optional<std::string> KernelWorld::docker_configuration() {
  if (service::find_program("dockerd").empty()) {
    return std::nullopt;
  }
  Result<std::optional<std::string>> text = read_text_file("/etc/docker/daemon.json");
  return text && *text ? **text : std::string();
}

Result<void> KernelWorld::program(const std::string& name, const std::vector<std::string>& arguments) {
  const std::string path = service::find_program(name);
  return path.empty() ? host_error(name + " is not installed")
                      : service::launch(path, arguments, ErrorClass::not_found);
}

// LXC has no daemon: lxc-info itself says that there is no such container.
Result<std::vector<std::string>> ask_lxc(const std::string& program, const std::string& name) {
  const Result<std::string> text = service::ask(program, {"--name", name});
  if (text) {
    return lxc::ports_in(*text, name);
  }
  return text.error().message.find("doesn't exist") != std::string::npos
             ? make_error(ErrorClass::not_found, "LXC has no container " + quoted(name))
             : text.error();
}

Result<std::vector<std::string>> KernelWorld::container(const std::string& name) {
  if (!docker::may_be_a_container(name)) {
    return make_error(ErrorClass::not_found, "no container can have this name");
  }
  std::vector<Error> why_not;
  if (access(docker::api_socket, F_OK) == 0 || !service::find_program("dockerd").empty()) {
    auto macs = docker::macs_of(name);
    if (macs) {
      return macs;
    }
    why_not.push_back(std::move(macs).error());
  }
  if (const std::string program = service::find_program("lxc-info"); !program.empty()) {
    auto ports = ask_lxc(program, name);
    if (ports) {
      return ports;
    }
    why_not.insert(why_not.begin(), std::move(ports).error());
  }
  // Who cannot be asked may have it; that is worth more than that another has not. LXC has nobody who can be away: what
  // it says besides, it says of a container that it has.
  const auto first = std::find_if(why_not.begin(), why_not.end(),
                                  [](const Error& error) { return error.kind != ErrorClass::not_found; });
  if (first != why_not.end()) {
    return *first;
  }
  return why_not.empty() ? make_error(ErrorClass::not_found, "neither Docker nor LXC is installed here")
                         : why_not.front();
}

Result<News> KernelWorld::news(const std::set<std::uint32_t>& bridges, std::chrono::milliseconds patience) {
  if (!ears_) {
    auto opened = netlink::EndpointWatch::open();
    if (!opened) {
      return std::move(opened).error();
    }
    ears_.emplace(std::move(*opened));
  }
  if (ask_again_ || bridges != heard_bridges_) {
    if (auto listening = ears_->listen(bridges); !listening) {
      return std::move(listening).error();
    }
    heard_bridges_ = bridges;
  }
  auto news = ears_->wait(patience);
  ask_again_ = news && news->links;
  return news;
}

} // namespace

std::unique_ptr<World> make_kernel_world() {
  return std::make_unique<KernelWorld>();
}

} // namespace fan::cli
