#include "support/topology.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <utility>

#include <fmt/format.h>

#include "support/remove_device.h"

namespace fan::test {
namespace {

Address parsed(const std::string& text) {
  auto address = Address::parse(text.substr(0, text.find('/')));
  EXPECT_TRUE(address.ok()) << "not an address: " << text;
  return address.ok() ? *address : Address();
}

Prefix network_of(const std::string& cidr) {
  return Prefix::of(parsed(cidr), static_cast<unsigned>(std::stoul(cidr.substr(cidr.find('/') + 1))));
}

std::string unique_port_name() {
  static std::atomic<int> count{0};
  return fmt::format("c{}x{}", getpid() % 1000000, count++);
}

// The words "name=value" of the line that udhcpc-script prints.
std::optional<std::string> leased(const std::string& output, const std::string& name) {
  std::istringstream lines(output);
  for (std::string word; lines >> word;)
    if (word.starts_with(name + "=") && word.size() > name.size() + 1)
      return word.substr(name.size() + 1);
  return std::nullopt;
}

// A device sends nothing until the kernel has noticed its carrier, which it does a little after the link is up.
void wait_until_up(const Netns& in, const std::string& device) {
  EXPECT_TRUE(eventually([&] { return link_field(in, device, "state") == "UP"; })) << device;
}

// A new port carries frames only when the bridge has heard of its carrier, which is later still.
void wait_until_forwarding(const Netns& in, const std::string& port) {
  const Argv show{"ip", "-d", "-o", "link", "show", "dev", port};
  EXPECT_TRUE(eventually([&] { return in.run(show).out.find("state forwarding") != std::string::npos; })) << port;
}

} // namespace

void join(const Netns& a, const std::string& a_device, const Netns& b, const std::string& b_device, unsigned mtu) {
  a.ip(
      {fmt::format("link add {} mtu {} type veth peer name {} mtu {} netns {}", a_device, mtu, b_device, mtu, b.path()),
       fmt::format("link set {} up", a_device)});
  b.ip({fmt::format("link set {} up", b_device)});
  wait_until_up(a, a_device);
  wait_until_up(b, b_device);
}

std::string fanctl_path() {
  if (const char* path = std::getenv("FANCTL"))
    return path;
  const auto beside = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "../../fanctl/fanctl";
  return beside.lexically_normal();
}

namespace {

bool has(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Is there a fan in the end?
bool makes_a_fan(const std::vector<std::string>& words) {
  return (has(words, "up") || has(words, "apply")) && !has(words, "--dry-run") && !has(words, "off");
}

} // namespace

Outcome Host::fanctl(const std::vector<std::string>& words, RunOptions options) const {
  Argv argv{fanctl_path()};
  argv.insert(argv.end(), words.begin(), words.end());
  if (up_by_shortcut && !words.empty() && words.front() == "up")
    argv.emplace_back("--shortcut");
  if (has(words, "down"))
    its_processes_.clear();
  Outcome outcome = run(argv, std::move(options));
  if (outcome.ok() && makes_a_fan(words) && its_processes_.empty() && home != nullptr)
    for (const Victim& victim : home->victims_of(address))
      its_processes_.push_back(home->forged().from_processes(*this, victim));
  return outcome;
}

std::string Host::fanctl_must(const std::vector<std::string>& words, RunOptions options) const {
  Outcome outcome = fanctl(words, std::move(options));
  if (!outcome.ok())
    ADD_FAILURE() << describe(words, outcome);
  return outcome.out;
}

Underlay::Underlay(const std::string& router_cidr, const Besieged& besieged) : Underlay(NoForgers(), router_cidr) {
  besieged_ = besieged;
  if (::testing::UnitTest::GetInstance()->current_test_info() != nullptr) // a benchmark has other things to do
    forged_ = std::make_unique<ForgedTraffic>();
}

Underlay::~Underlay() {
  if (forged_ != nullptr) {
    EXPECT_EQ(forged_->arrived(), "") << "forged packets that came to a container";
  }
}

Underlay::Underlay(NoForgers, const std::string& router_cidr)
    : own_(network_of(router_cidr).broadcast().v4() - 5), gateway_(parsed(router_cidr)) {
  router_.ip({"link add sw mtu 9000 type bridge forward_delay 0 mcast_snooping 0",
              fmt::format("addr add {} dev sw", router_cidr), fmt::format("addr add {}/32 dev lo", outside().str()),
              "link set sw up"});
  router_.set_sysctl("net/ipv4/ip_forward", "1");
  if (!router_.sysctl("net/bridge/bridge-nf-call-iptables").empty())
    router_.set_sysctl("net/bridge/bridge-nf-call-iptables", "0");
}

Address Underlay::outside() {
  return Address(0xc6336401U);
}

Host& Underlay::host(const std::string& cidr, const HostOptions& options) {
  Host& made = hosts_.emplace_back();
  made.name = fmt::format("h{}", hosts_.size());
  made.address = parsed(cidr);
  made.cidr = cidr;
  made.device = options.device;
  router_.ip({fmt::format("link add {} mtu {} type veth peer name {} mtu {} netns {}", made.name, options.mtu,
                          options.device, options.mtu, made.path()),
              fmt::format("link set {} master sw up", made.name)});
  std::vector<std::string> lines{fmt::format("addr add {} dev {}", cidr, options.device),
                                 fmt::format("link set {} up", options.device)};
  if (options.default_route)
    lines.push_back(fmt::format("route add default via {}", gateway_.str()));
  made.ip(lines);
  wait_until_forwarding(router_, made.name);
  surround(made, options.device, made.address);
  if (forged_ != nullptr)
    made.home = this;
  return made;
}

Victim Underlay::victim(Address host, Address peer) const {
  return {*Prefix::parse(besieged_.overlay), Prefix::of(host, besieged_.underlay_length), host, peer};
}

std::vector<Victim> Underlay::victims_of(Address peer) const {
  std::vector<Victim> found;
  for (const Host& host : hosts_)
    if (host.address != peer)
      found.push_back(victim(host.address, peer));
  return found;
}

void Underlay::surround(const Host& host, const std::string& device, Address address) {
  if (forged_ == nullptr)
    return;
  const Address peer = hosts_.size() > 1 ? hosts_.front().address : Address(address.v4() ^ 7U);
  const auto mac = Mac::parse(link_field(host, device, "link/ether"));
  strangers_.push_back(forged_->from_underlay(router_, "sw", own_, mac.ok() ? *mac : Mac(), victim(address, peer)));
}

Container::Container(const Netns& host, const std::string& bridge)
    : port_(unique_port_name()), host_fd_(fcntl(host.fd(), F_DUPFD_CLOEXEC, 0)) {
  const std::string mtu = link_field(host, bridge, "mtu");
  host.ip({fmt::format("link add {} mtu {} type veth peer name eth0 mtu {} netns {}", port_, mtu, mtu, path()),
           fmt::format("link set {} master {} up", port_, bridge)});
  ip({"link set eth0 up"});
  if (host.run({"ip", "-br", "link", "show", "dev", bridge, "up"}).out.find(bridge) != std::string::npos) {
    wait_until_forwarding(host, port_);
    wait_until_up(host, bridge); // its first port gives it carrier
  }
}

namespace {

constexpr const char* group_of_fans = "64023"; // what fanctl puts its devices into (docs/state.md)

} // namespace

Container::Container(const Host& host, const std::string& bridge) : Container(static_cast<const Netns&>(host), bridge) {
  if (host.home != nullptr && link_field(host, bridge, "group") == group_of_fans) {
    peer_ = &host;
    watched_ = host.home->forged().watch_container(*this);
  }
}

Container::Container(Container&& other) noexcept
    : Netns(std::move(other)), port_(std::move(other.port_)), peer_(other.peer_), watched_(std::move(other.watched_)),
      forging_(std::move(other.forging_)), host_fd_(std::exchange(other.host_fd_, -1)) {}

Container::~Container() {
  forging_.clear();
  if (host_fd_ >= 0) {
    remove_device(host_fd_, port_);
    close(host_fd_);
  }
}

void Container::address(const std::string& cidr, Address gateway, unsigned mtu) {
  std::vector<std::string> lines{fmt::format("addr add {} dev eth0", cidr),
                                 fmt::format("route add default via {}", gateway.str())};
  if (mtu != 0)
    lines.push_back(fmt::format("link set eth0 mtu {}", mtu));
  ip(lines);
  if (peer_ != nullptr)
    for (const Victim& victim : peer_->home->victims_of(peer_->address))
      forging_.push_back(peer_->home->forged().from_container(*this, parsed(cidr), victim));
}

std::optional<Lease> Container::dhcp() {
  RunOptions options;
  options.timeout = std::chrono::seconds(in_guest() ? 60 : 20);
  const std::string script = std::string(FAN_SUPPORT_DIR) + "/udhcpc-script";
  const Outcome got =
      run({"udhcpc", "-f", "-n", "-q", "-t", "8", "-T", "1", "-i", "eth0", "-O", "mtu", "-s", script}, options);
  const auto ip = leased(got.out, "ip");
  if (!got.ok() || !ip)
    return std::nullopt;
  Lease lease;
  lease.address = parsed(*ip);
  lease.prefix_length = static_cast<unsigned>(std::stoul(leased(got.out, "mask").value_or("0")));
  if (const auto router = leased(got.out, "router"))
    lease.router = parsed(*router);
  if (const auto server = leased(got.out, "serverid"))
    lease.server = parsed(*server);
  if (const auto mtu = leased(got.out, "mtu"))
    lease.mtu = static_cast<unsigned>(std::stoul(*mtu));
  lease.seconds = static_cast<unsigned>(std::stoul(leased(got.out, "lease").value_or("0")));
  return lease;
}

Mac Container::mac() const {
  auto mac = Mac::parse(link_field(*this, "eth0", "link/ether"));
  return mac.ok() ? *mac : Mac{};
}

unsigned Container::mtu() const {
  return static_cast<unsigned>(std::stoul("0" + link_field(*this, "eth0", "mtu")));
}

bool pings(const Netns& in, Address to, std::optional<Address> from, int count) {
  // Not -f: a flood stops at the first answer. -w bounds the whole.
  Argv argv{"ping", "-n", "-q", "-i", "0.05", "-W", "2", "-c", std::to_string(count), "-w", in_guest() ? "20" : "6"};
  if (from)
    argv.insert(argv.end(), {"-I", from->str()});
  argv.push_back(to.str());
  const auto all_came_back = [&] {
    const Outcome outcome = in.run(argv);
    return outcome.ok() && outcome.out.find(" 0% packet loss") != std::string::npos;
  };
  return all_came_back() || all_came_back();
}

std::string link_field(const Netns& in, const std::string& device, const std::string& field) {
  std::istringstream words(in.must({"ip", "-o", "link", "show", "dev", device}));
  for (std::string word; words >> word;)
    if (word == field && words >> word)
      return word;
  return {};
}

} // namespace fan::test
