#include "nft_world.h"

#include <gtest/gtest.h>

namespace fan::test {
namespace {

constexpr const char* bridge = "fan-250-0-28";
constexpr const char* tunnel = "fanvx8472";

} // namespace

Fan sample_fan() {
  FanSpec spec;
  spec.overlay = *Prefix::parse("250.0.0.0/8");
  spec.encapsulation = Encapsulation::vxlan;
  spec.accept = {Encapsulation::ipip};
  auto mapping = Mapping::make(spec.overlay, *Prefix::parse("172.30.0.0/16"));
  return Fan{spec, *mapping, host_address, "eth0", 1450, bridge, {}};
}

Change create(Object object) {
  return {std::nullopt, std::move(object), "test"};
}
Change remove(Object object) {
  return {std::move(object), std::nullopt, "test"};
}

std::vector<Change> loading(const Fan& fan) {
  std::vector<Change> transaction{create(Ruleset{})};
  for (const SetElement& element : firewall_elements(fan)) {
    transaction.push_back(create(element));
  }
  return transaction;
}

// The bridge has to be there before the containers are.
static const std::string& with_bridge(const Host& host) {
  static const std::string name = bridge;
  host.ip({"link add " + name + " group 64023 address 02:fa:fa:00:1c:01 mtu 1450 type bridge forward_delay 0",
           "addr add 250.0.28.1/24 dev " + name, "link set " + name + " up"});
  return name;
}

FirewalledHost::Wiring::Wiring(const Host& host, const Netns& far) {
  far.set_sysctl("net/ipv6/conf/default/disable_ipv6", "1"); // its announcements would count as refused, too
  join(host, tunnel, far, "eth0");
  host.ip({std::string("link set ") + tunnel + " group 64023",
           std::string("route add 250.0.0.0/8 dev ") + tunnel + " src 250.0.28.1"});
  far.ip({"addr add 250.0.27.5/8 dev eth0", "route add default dev eth0"});
  host.set_sysctl("net/ipv4/ip_forward", "1");
  host.set_sysctl("net/ipv4/conf/fanvx8472/proxy_arp", "1"); // the far end asks for everybody
}

FirewalledHost::FirewalledHost()
    : host(underlay.host("172.30.0.28/16")), peer(underlay.host("172.30.0.27/16")), near(host, with_bridge(host)),
      neighbour(host, bridge), wiring_(host, far) {
  near.address("250.0.28.5/24", gateway_address);
  neighbour.address("250.0.28.6/24", gateway_address);
  apply(loading(sample_fan()));
}

void FirewalledHost::apply(const std::vector<Change>& transaction) {
  const Inside inside(host);
  const Result<void> done = firewall.apply(transaction);
  ASSERT_TRUE(done.ok()) << done.error().message << "\n" << done.error().kernel_text;
}

std::uint64_t FirewalledHost::dropped(const std::string& reason) {
  const Inside inside(host);
  const auto counts = firewall.counts(NftTable::inet);
  EXPECT_TRUE(counts.ok());
  for (const nft::DropCount& count : *counts) {
    if (count.reason == reason) {
      return count.packets;
    }
  }
  ADD_FAILURE() << "no counter " << reason;
  return 0;
}

Bytes udp_packet(Address source, Address destination, std::uint16_t source_port, std::uint16_t destination_port) {
  return ipv4({source, destination}, udp(source_port, destination_port, text("here come the bits")));
}

Bytes ipip_packet(Address source, Address destination) {
  Ipv4 header{source, destination};
  header.protocol = protocol_ipip;
  return ipv4(header, udp_packet(far_address, near_address, 1000, 2000));
}

} // namespace fan::test
