// What each rule does to real packets, from every side. Each refusal: the packet does not arrive, and its own counter
// rises.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>

#include "core/ruleset.h"
#include "netns/transfer.h"
#include "nft_world.h"

using namespace fan;
using namespace fan::test;

namespace {

constexpr Address outside{0xc6336401U}; // 198.51.100.1
constexpr const char* in_bridge = "fan-250-0-28";

class Rules : public testing::Test {
protected:
  FirewalledHost world;
  Host& host = world.host;
  Host& peer = world.peer;

  // `sent` of these packets from `from` make the counter rise by as many, and nothing that `seen` likes comes to
  // `device` of `to`.
  void refused(const std::string& reason, const Netns& from, const Bytes& packet, const Netns& to,
               const std::string& device) {
    const std::uint64_t before = world.dropped(reason);
    const Capture seen(to, device, [&](const Frame& frame) { return same(frame, packet); });
    RawSender sender = RawSender::packets(from);
    for (int i = 0; i < 3; ++i) {
      ASSERT_EQ(sender.send(packet), 0);
    }
    EXPECT_TRUE(eventually([&] { return world.dropped(reason) == before + 3; }, std::chrono::seconds(3)))
        << reason << " " << world.dropped(reason) - before;
    EXPECT_EQ(seen.count(), 0U);
  }

  // The same packet comes to `device` of `to`, from `source`.
  void passes(const Netns& from, const Bytes& packet, const Netns& to, const std::string& device, Address source) {
    const Capture seen(to, device, [&](const Frame& frame) {
      return same(frame, packet) && frame.source() == source && !frame.outgoing;
    });
    RawSender sender = RawSender::packets(from);
    for (int i = 0; i < 3; ++i) {
      ASSERT_EQ(sender.send(packet), 0);
    }
    EXPECT_TRUE(seen.reached(3)) << "came: " << seen.count();
  }

  // As the endpoint 250.0.28.9, by eth1.
  void put_behind_routed_port(const Netns& routed) {
    join(host, "eth1", routed, "eth0");
    host.ip({"route add 250.0.28.9 dev eth1"});
    host.set_sysctl("net/ipv4/conf/eth1/proxy_arp", "1");
    routed.ip({"addr add 250.0.28.9/8 dev eth0", "route add default dev eth0"});
    element(firewall::bridges, "\"eth1\"");
    element(firewall::port_addresses, "\"eth1\" . 250.0.28.9");
  }

  // Same protocol and destination port; translation may have changed the rest.
  static bool same(const Frame& frame, const Bytes& packet) {
    if (frame.protocol() != packet[9]) {
      return false;
    }
    return packet[9] != protocol_udp || frame.destination_port() == (packet[22] << 8 | packet[23]);
  }

  // Takes the rules of a chain away, as somebody might.
  void flush(const std::string& chain) { host.must({"nft", "flush", "chain", "inet", "fanctl", chain}); }

  void element(const std::string& set, const std::string& text) { world.apply({create(SetElement{set, text, {}})}); }
  void without(const std::string& set, const std::string& text) { world.apply({remove(SetElement{set, text, {}})}); }
  void routes_to_slice() {
    for (const Netns* netns : {&world.underlay.router(), static_cast<const Netns*>(&peer)}) {
      netns->ip({"route replace 250.0.0.0/8 via 172.30.0.28"});
    }
  }
};

} // namespace

// ---- the guard

TEST_F(Rules, ForgedOverlaySourceFromTheUnderlayIsRefused) {
  routes_to_slice();
  element(firewall::exposed, "250.0.28.0/24"); // so that nothing but the guard can be what stops it
  refused("forged", peer, udp_packet(far_address, near_address, 1, 7001), world.near, "eth0");
  refused("forged", peer, udp_packet(neighbour_address, near_address, 1, 7002), world.near, "eth0");
  passes(peer, udp_packet(peer_address, near_address, 1, 7003), world.near, "eth0", peer_address);
}

TEST_F(Rules, ForgedOverlaySourceIsRefusedForTheHostsOwnServicesToo) {
  routes_to_slice();
  const std::uint64_t before = world.dropped("forged");
  RawSender::packets(peer).send(udp_packet(far_address, gateway_address, 1, 7001));
  RawSender::packets(peer).send(udp_packet(gateway_address, host_address, 1, 7001));
  EXPECT_TRUE(eventually([&] { return world.dropped("forged") == before + 2; }, std::chrono::seconds(3)));
}

TEST_F(Rules, AContainerCannotSpeakForAnotherSlice) {
  refused("forged", world.near, udp_packet(far_address, outside, 1, 7001), world.underlay.router(), "sw");
  refused("forged", world.near, udp_packet(far_address, Address(0xfa001b06U), 1, 7002), world.far, "eth0");
}

// By routes a host would take these for whoever they name, and pass them on as they are.
TEST_F(Rules, NorForAnybodyElse) {
  const Address other_host(0xac1e0063U);
  for (const Address source : {other_host, peer_address, outside, Address(0xa9fe0101U)}) {
    refused("forged", world.near, udp_packet(source, peer_address, 1, 7001), peer, "eth0");
    refused("forged", world.near, udp_packet(source, Address(0xcb007101U), 1, 7002), world.underlay.router(), "sw");
    const std::uint64_t before = world.dropped("forged");
    const Socket service(host, SOCK_DGRAM);
    ASSERT_EQ(service.bind_to(Address(), 7003), 0);
    RawSender::packets(world.near).send(udp_packet(source, host_address, 1, 7003));
    EXPECT_TRUE(eventually([&] { return world.dropped("forged") == before + 1; }, std::chrono::seconds(3)));
    char byte = 0;
    EXPECT_EQ(recv(service.fd(), &byte, 1, MSG_DONTWAIT), -1);
  }
}

TEST_F(Rules, NorCanOneBehindARoutedPort) {
  const Netns routed;
  put_behind_routed_port(routed);
  passes(routed, udp_packet(Address(0xfa001c09U), peer_address, 1, 7001), peer, "eth0", host_address);
  passes(routed, udp_packet(Address(0xfa001c09U), far_address, 1, 7002), world.far, "eth0", Address(0xfa001c09U));
  refused("forged", routed, udp_packet(Address(0xac1e0063U), peer_address, 1, 7003), peer, "eth0");
  refused("forged", routed, udp_packet(Address(0xac1e0063U), far_address, 1, 7004), world.far, "eth0");
}

TEST_F(Rules, ButWhatTheHostRoutesToBehindAContainerMaySpeak) {
  const Address behind(0x0a010203U); // 10.1.2.3
  refused("forged", world.near, udp_packet(behind, peer_address, 1, 7001), peer, "eth0");
  host.ip({"route add 10.1.0.0/16 via 250.0.28.5"});
  passes(world.near, udp_packet(behind, peer_address, 1, 7002), peer, "eth0", behind);
}

TEST_F(Rules, AndWhoAsksForAnAddressHasNone) {
  const Socket server(host, SOCK_DGRAM);
  ASSERT_EQ(server.bind_to(Address(), 67), 0);
  const Address everybody(0xffffffffU);
  const auto asks = [&](Address source) {
    RawSender::frames(world.near, "eth0")
        .send(ethernet(world.near.mac(), Mac{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}, 0x0800,
                       udp_packet(source, everybody, 68, 67)));
    char byte = 0;
    return eventually([&] { return recv(server.fd(), &byte, 1, MSG_DONTWAIT) == 1; }, std::chrono::seconds(3));
  };
  const std::uint64_t before = world.dropped("forged");
  EXPECT_TRUE(asks(Address()));
  EXPECT_TRUE(asks(Address(0x0a010203U))) << "who has one of another network yet";
  EXPECT_EQ(world.dropped("forged"), before);
}

// Frames between ports of a bridge, that br_netfilter shows: other networks beside the slice are the containers'
// affair.
TEST_F(Rules, BetweenPortsOfABridgeOtherNetworksMaySpeak) {
  ASSERT_EQ(host.sysctl("net/bridge/bridge-nf-call-iptables"), "1");
  EXPECT_TRUE(pings(world.near, neighbour_address));
  for (const Address source : {Address(0x0a010203U), Address(0xa9fe0101U)}) {
    passes(world.near, udp_packet(source, neighbour_address, 1, 7001), world.neighbour, "eth0", source);
  }
}

TEST_F(Rules, TheHostStillReachesItselfByItsGateway) {
  EXPECT_TRUE(pings(host, gateway_address, gateway_address));
}

TEST_F(Rules, TheHostSpeaksToItselfWithTheAddressThatItChose) {
  passes(host, udp_packet(gateway_address, host_address, 1, 7001), host, "lo", gateway_address);
}

// ---- the coarse check behind the tunnel

TEST_F(Rules, OutOfTheTunnelComesOnlyOverlayToSlice) {
  passes(world.far, udp_packet(far_address, near_address, 1, 7001), world.near, "eth0", far_address);
  refused("tunnel_coarse", world.far, udp_packet(outside, near_address, 1, 7002), world.near, "eth0");
  refused("tunnel_coarse", world.far, udp_packet(neighbour_address, near_address, 1, 7003), world.near, "eth0");
  refused("tunnel_coarse", world.far, udp_packet(far_address, outside, 1, 7004), world.underlay.router(), "sw");
  refused("tunnel_coarse", world.far, udp_packet(far_address, host_address, 1, 7005), world.near, "eth0");
}

TEST_F(Rules, WithoutTheCoarseCheckTheSamePacketsArrive) {
  refused("tunnel_coarse", world.far, udp_packet(neighbour_address, near_address, 1, 7001), world.near, "eth0");
  flush("coarse");
  passes(world.far, udp_packet(neighbour_address, near_address, 1, 7002), world.near, "eth0", neighbour_address);
}

// What the ingress program does: its mark is its word, and goes no further than the first rule.
TEST_F(Rules, WhatTheIngressProgramLetInIsNotJudgedAgainAndItsMarkIsTakenOff) {
  host.must({"nft", fmt::format("add table netdev program {{ chain in {{ type filter hook ingress device fanvx8472 "
                                "priority 0; meta mark set {:#010x} ; }} ; }}",
                                checked_mark)});
  host.must({"nft", "add table inet probe { counter marked { } ; chain seen { type filter hook prerouting priority "
                    "-290; meta mark != 0 counter name marked ; } ; }"});
  passes(world.far, udp_packet(outside, near_address, 1, 7001), world.near, "eth0", outside);
  EXPECT_NE(host.must({"nft", "list", "counters", "table", "inet", "probe"}).find("packets 0 "), std::string::npos);
  flush("checked");
  passes(world.far, udp_packet(outside, near_address, 1, 7002), world.near, "eth0", outside);
  EXPECT_NE(host.must({"nft", "list", "counters", "table", "inet", "probe"}).find("packets 3 "), std::string::npos);
}

// As a macvlan in a container can send them: its frames do not change namespaces where marks are taken off.
TEST_F(Rules, OurMarksMeanNothingByABridgeOrAPort) {
  const Netns routed;
  put_behind_routed_port(routed);
  element(firewall::closed_bridges, fmt::format("\"{}\"", in_bridge));
  element(firewall::closed_bridges, "\"eth1\"");
  const Address routed_address(0xfa001c09U);
  const auto mark = [&](std::uint32_t value) {
    (void)host.run({"nft", "delete table netdev keeper"});
    for (const std::string& device : {world.near.port(), std::string("eth1")}) {
      host.must({"nft", fmt::format("add table netdev keeper {{ chain {} {{ type filter hook ingress device {} "
                                    "priority 0; meta mark set {:#010x} ; }} ; }}",
                                    device, device, value)});
    }
  };
  for (const std::uint32_t value : {tunnel_mark, checked_mark, arrived_mark, kept_mark, left_mark}) {
    SCOPED_TRACE(value);
    mark(value);
    for (const auto& [from, own] :
         {std::pair<const Netns&, Address>(world.near, near_address), {routed, routed_address}}) {
      refused("forged", from, udp_packet(far_address, outside, 1, 7001), world.underlay.router(), "sw");
      refused("forged", from, udp_packet(peer_address, outside, 1, 7002), world.underlay.router(), "sw");
      refused("host_access", from, udp_packet(own, host_address, 1, 7003), peer, "eth0");
      refused("smuggled", from, udp_packet(own, peer_address, 40000, 8472), peer, "eth0");
      passes(from, udp_packet(own, outside, 1, 7004), world.underlay.router(), "sw", host_address);
    }
  }
  host.ip({std::string("link set ") + in_bridge + " group default"});
  mark(arrived_mark);
  refused("host_access", world.near, udp_packet(near_address, host_address, 1, 7003), peer, "eth0");
}

TEST_F(Rules, ADeviceThatLostItsGroupIsJudgedByItsNameToTheSameEnd) {
  routes_to_slice();
  host.ip({"link set fanvx8472 group default", "link set fan-250-0-28 group default"});
  passes(world.far, udp_packet(far_address, near_address, 1, 7001), world.near, "eth0", far_address);
  passes(world.near, udp_packet(near_address, far_address, 1, 7001), world.far, "eth0", near_address);
  passes(world.near, ipip_packet(near_address, far_address), world.far, "eth0", near_address);
  passes(world.near, udp_packet(near_address, outside, 1, 7001), world.underlay.router(), "sw", host_address);
  refused("tunnel_coarse", world.far, udp_packet(outside, near_address, 1, 7002), world.near, "eth0");
  refused("forged", world.near, udp_packet(far_address, outside, 1, 7003), world.underlay.router(), "sw");
  refused("outside", peer, udp_packet(peer_address, near_address, 1, 7004), world.near, "eth0");
  refused("smuggled", world.near, udp_packet(near_address, peer_address, 40000, 8472), peer, "eth0");
}

// ---- arrival of tunnel packets

TEST_F(Rules, TheTunnelIsAcceptedOnItsDeviceAndAddressFromTheUnderlayOnly) {
  host.ip({"addr add 172.30.0.29/16 dev eth0", "addr add 10.9.9.1/32 dev lo"});
  const Netns side;
  join(host, "eth1", side, "eth0");
  host.ip({"addr add 172.31.0.1/24 dev eth1"});
  side.ip({"addr add 172.31.0.2/24 dev eth0", "route add default via 172.31.0.1"});
  peer.ip({"route add 10.9.9.1 via 172.30.0.28"});
  const Address second(0xac1e001dU);
  const Address loopback(0x0a090901U);
  for (const bool tunnelled : {false, true}) {
    const auto packet = [&](Address source, Address destination) {
      return tunnelled ? ipip_packet(source, destination) : udp_packet(source, destination, 40000, 8472);
    };
    refused("misdelivered", peer, packet(peer_address, second), world.near, "eth0");
    refused("misdelivered", peer, packet(peer_address, loopback), world.near, "eth0");
    refused("misdelivered", world.underlay.router(), packet(outside, host_address), world.near, "eth0");
    refused("misdelivered", side, packet(peer_address, host_address), world.near, "eth0");
    const std::uint64_t before = world.dropped("misdelivered");
    RawSender::packets(peer).send(packet(peer_address, host_address));
    pause_for(std::chrono::milliseconds(100));
    EXPECT_EQ(world.dropped("misdelivered"), before);
  }
}

// Only what no network device has filled in: docs/wire.md.
TEST_F(Rules, ATunnelPacketHasNoChecksum) {
  Bytes packet = udp_packet(peer_address, host_address, 40000, 8472);
  const Socket tunnel(host, SOCK_DGRAM);
  ASSERT_EQ(tunnel.bind_to(Address(), 8472), 0);
  RawSender::packets(peer).send(packet);
  char byte = 0;
  EXPECT_TRUE(eventually([&] { return recv(tunnel.fd(), &byte, 1, MSG_DONTWAIT) == 1; }));
  std::uint32_t sum = protocol_udp + static_cast<std::uint32_t>(packet.size() - 20);
  for (std::size_t i = 12; i + 1 < packet.size(); i += 2) { // the addresses, and the whole datagram
    sum += packet[i] * 256U + packet[i + 1];
  }
  sum = (sum & 0xffffU) + (sum >> 16U);
  sum = ~(sum + (sum >> 16U));
  packet[26] = static_cast<std::uint8_t>(sum >> 8U);
  packet[27] = static_cast<std::uint8_t>(sum);
  refused("checksum", peer, packet, world.near, "eth0");
  EXPECT_EQ(recv(tunnel.fd(), &byte, 1, MSG_DONTWAIT), -1);
  flush("arriving");
  RawSender::packets(peer).send(packet);
  EXPECT_TRUE(eventually([&] { return recv(tunnel.fd(), &byte, 1, MSG_DONTWAIT) == 1; })) << "it is right";
}

TEST_F(Rules, WithoutTheCheckOfArrivalTunnelPacketsReachTheHostByAnyWay) {
  host.ip({"addr add 172.30.0.29/16 dev eth0"});
  const Socket tunnel(host, SOCK_DGRAM);
  ASSERT_EQ(tunnel.bind_to(Address(), 8472), 0);
  const auto came = [&](std::uint16_t from) {
    RawSender::packets(peer).send(udp_packet(peer_address, Address(0xac1e001dU), from, 8472));
    pause_for(std::chrono::milliseconds(200));
    char byte = 0;
    return recv(tunnel.fd(), &byte, 1, MSG_DONTWAIT) == 1;
  };
  const std::uint64_t before = world.dropped("misdelivered");
  EXPECT_FALSE(came(40000));
  EXPECT_EQ(world.dropped("misdelivered"), before + 1);
  flush("arriving");
  EXPECT_TRUE(came(40001));
}

TEST_F(Rules, AContainerCannotSpeakToItsHostsTunnel) {
  refused("misdelivered", world.near, udp_packet(near_address, host_address, 40000, 8472), peer, "eth0");
  refused("misdelivered", world.near, ipip_packet(near_address, gateway_address), peer, "eth0");
}

TEST_F(Rules, WithoutAnIpipFanProtocol4IsNoneOfOurBusiness) {
  without(firewall::protocols, "4");
  const std::uint64_t before = world.dropped("misdelivered");
  RawSender::packets(peer).send(ipip_packet(peer_address, Address(0xac1e001dU)));
  pause_for(std::chrono::milliseconds(100));
  EXPECT_EQ(world.dropped("misdelivered"), before);
}

// ---- never tracked

TEST_F(Rules, TunnelPacketsAreNeverTracked) {
  const std::string chain = " priority -150 ; meta l4proto 4 jump count ; udp dport { 8472, 8473 } jump count ; } ; ";
  host.must(
      {"nft",
       "add table inet probe { counter tracked { } ; counter untracked { } ; "
       "chain count { ct state untracked counter name untracked ; ct state != untracked counter name tracked ; } ; "
       "chain in { type filter hook prerouting" +
           chain + "chain out { type filter hook output" + chain + "}"});
  const auto counted = [&](const std::string& packets) {
    return host.must({"nft", "list", "counters", "table", "inet", "probe"}).find(packets) != std::string::npos;
  };
  RawSender from_peer = RawSender::packets(peer);
  from_peer.send(udp_packet(peer_address, host_address, 40000, 8472));
  from_peer.send(ipip_packet(peer_address, host_address));
  RawSender from_container = RawSender::packets(world.near);
  from_container.send(udp_packet(near_address, peer_address, 40000, 8472));
  from_container.send(ipip_packet(near_address, peer_address));
  RawSender from_host = RawSender::packets(host);
  from_host.send(udp_packet(host_address, outside, 40000, 8472));
  from_host.send(ipip_packet(host_address, outside));
  EXPECT_TRUE(eventually([&] { return counted("untracked {\n\t\tpackets 6 "); }, std::chrono::seconds(3)));
  EXPECT_TRUE(counted("counter tracked {\n\t\tpackets 0 "));
  from_host.send(udp_packet(host_address, outside, 40000, 8473)); // the probe does see what is tracked
  EXPECT_TRUE(eventually([&] { return counted("counter tracked {\n\t\tpackets 1 "); }, std::chrono::seconds(3)));
}

// ---- ICMP errors

// Of which a kernel takes the path's MTU, whoever sends it: so to a peer nobody may but the underlay.
TEST_F(Rules, AnEndpointCannotSayThatThePathToAPeerIsNarrow) {
  const auto narrow = [](Address source, Address destination) {
    Bytes quote = udp_packet(host_address, peer_address, 50000, 8472);
    quote.resize(28);
    Bytes error{3, 4, 0, 0, 0, 0, 552 >> 8U, 552 & 0xffU};
    error.insert(error.end(), quote.begin(), quote.end());
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < error.size(); i += 2) {
      sum += error[i] * 256U + error[i + 1];
    }
    sum = (sum & 0xffffU) + (sum >> 16U);
    sum = ~(sum + (sum >> 16U));
    error[2] = static_cast<std::uint8_t>(sum >> 8U);
    error[3] = static_cast<std::uint8_t>(sum);
    return ipv4({source, destination, protocol_icmp}, error);
  };
  const auto is_narrow = [&] {
    return host.must({"ip", "route", "get", "172.30.0.27"}).find("mtu 552") != std::string::npos;
  };
  const Socket outer(host, SOCK_DGRAM); // the kernel asks whose packet it is
  ASSERT_EQ(outer.bind_to(Address(), 50000), 0);
  for (const bool closed : {false, true}) {
    if (closed) {
      element(firewall::closed_bridges, fmt::format("\"{}\"", in_bridge));
      element(firewall::closed_slices, "250.0.28.0/24");
    }
    refused("forged", world.near, narrow(near_address, gateway_address), peer, "eth0");
    refused("forged", world.near, narrow(near_address, host_address), peer, "eth0");
    refused("forged", world.far, narrow(far_address, gateway_address), peer, "eth0");
    EXPECT_FALSE(is_narrow());
    // About what this host has sent to an endpoint, an error of the endpoint comes.
    for (const Address to : {near_address, far_address}) {
      EXPECT_TRUE(eventually([&] {
        const Socket asks(host, SOCK_DGRAM);
        char byte = 0;
        return asks.connect_to(to, 9) == 0 && send(asks.fd(), "x", 1, 0) == 1 && recv(asks.fd(), &byte, 1, 0) == -1 &&
               errno == ECONNREFUSED;
      })) << to.str();
    }
  }
  RawSender::packets(peer).send(narrow(peer_address, host_address)); // as a router of the underlay would
  EXPECT_TRUE(eventually(is_narrow));
}

// ---- containers that play host

TEST_F(Rules, AContainerCannotSendTunnelPacketsToAPeer) {
  passes(world.near, udp_packet(near_address, peer_address, 5000, 7001), peer, "eth0", host_address);
  refused("smuggled", world.near, ipip_packet(near_address, peer_address), peer, "eth0");
  refused("smuggled", world.near, udp_packet(near_address, peer_address, 40000, 8472), peer, "eth0");
  refused("smuggled", world.near, udp_packet(near_address, peer_address, 8472, 40000), peer, "eth0");
  refused("smuggled", world.near, udp_packet(Address(0xac1e0063U), peer_address, 40000, 8472), peer, "eth0");
  refused("smuggled", world.near, udp_packet(near_address, outside, 40000, 8472), peer, "eth0");
  refused("smuggled", world.near, udp_packet(near_address, outside, 8472, 40000), peer, "eth0");
}

TEST_F(Rules, NorCanOneOnABridgeThatIsNotOurs) {
  host.ip({"link add docker0 mtu 1500 type bridge forward_delay 0", "addr add 172.17.0.1/16 dev docker0",
           "link set docker0 up"});
  host.must({"nft", "add table ip docker { chain post { type nat hook postrouting priority 100; ip saddr 172.17.0.0/16 "
                    "masquerade ; } ; }"});
  Container container(host, "docker0");
  container.address("172.17.0.2/16", Address(0xac110001U));
  const Address address(0xac110002U);
  passes(container, udp_packet(address, peer_address, 5000, 7001), peer, "eth0", host_address);
  refused("smuggled", container, ipip_packet(address, peer_address), peer, "eth0");
  refused("smuggled", container, udp_packet(address, peer_address, 40000, 8472), peer, "eth0");
  refused("smuggled", container, udp_packet(address, peer_address, 8472, 40000), peer, "eth0");
  refused("smuggled", container, udp_packet(Address(0xac1e0063U), peer_address, 40000, 8472), peer, "eth0");
}

TEST_F(Rules, EndpointsMayTunnelToEachOther) {
  passes(world.near, udp_packet(near_address, far_address, 40000, 8472), world.far, "eth0", near_address);
  passes(world.near, ipip_packet(near_address, far_address), world.far, "eth0", near_address);
  passes(world.far, udp_packet(far_address, near_address, 40000, 8472), world.near, "eth0", far_address);
}

TEST_F(Rules, AFanHostMayRouteForOtherHostsOfTheUnderlay) {
  const Netns side;
  join(host, "eth1", side, "eth0");
  host.ip({"addr add 172.30.200.1/24 dev eth1"});
  side.ip({"addr add 172.30.200.2/24 dev eth0", "route add default via 172.30.200.1"});
  peer.ip({"route add 172.30.200.0/24 via 172.30.0.28"});
  const Address side_address(0xac1ec802U);
  passes(side, udp_packet(side_address, peer_address, 40000, 8472), peer, "eth0", side_address);
  passes(peer, ipip_packet(peer_address, side_address), side, "eth0", peer_address);
  refused("smuggled", side, udp_packet(Address(0xac1e0063U), peer_address, 40000, 8472), peer, "eth0");
}

// ---- into the slice

TEST_F(Rules, NewConnectionsFromOutsideAreRefusedUnlessExposed) {
  routes_to_slice();
  refused("outside", peer, udp_packet(peer_address, near_address, 1, 7001), world.near, "eth0");
  refused("outside", world.underlay.router(), udp_packet(outside, near_address, 1, 7002), world.near, "eth0");
  element(firewall::exposed, "250.0.28.5");
  passes(peer, udp_packet(peer_address, near_address, 1, 7003), world.near, "eth0", peer_address);
  refused("outside", peer, udp_packet(peer_address, neighbour_address, 1, 7004), world.neighbour, "eth0");
}

TEST_F(Rules, AnswersComeBack) {
  EXPECT_TRUE(pings(world.near, outside));
  EXPECT_TRUE(pings(world.near, host_address));
  EXPECT_TRUE(pings(world.near, far_address));
}

TEST_F(Rules, WhatTheHostTranslatesComesIn) {
  host.must(
      {"nft",
       "add table ip mine { chain pre { type nat hook prerouting priority -100; udp dport 8080 dnat to 250.0.28.5:80 ; "
       "udp dport 8081 dnat to 250.0.27.5:81 ; } ; }"});
  const Capture near_seen(world.near, "eth0",
                          [](const Frame& f) { return f.destination_port() == 80 && f.source() == peer_address; });
  const Capture far_seen(world.far, "eth0",
                         [](const Frame& f) { return f.destination_port() == 81 && f.source() == gateway_address; });
  RawSender sender = RawSender::packets(peer);
  sender.send(udp_packet(peer_address, host_address, 5000, 8080));
  sender.send(udp_packet(peer_address, host_address, 5000, 8081));
  EXPECT_TRUE(near_seen.reached(1));
  EXPECT_TRUE(far_seen.reached(1))
      << "to a remote container: with the gateway's address, or the answer does not come back";
}

// Fans are kept apart by the source: translated, it has to be of the same fan as before.
TEST_F(Rules, WhatAnEndpointWithTheShortcutAsksOfAnotherFanIsOfItsOwn) {
  host.ip({"route add 251.0.0.0/8 dev fanvx8472 src 250.0.28.1"});
  world.far.ip({"addr add 251.0.27.5/8 dev eth0"});
  element(firewall::overlays, "251.0.0.0/8");
  element(firewall::slices, "251.0.28.0/24");
  world.apply({create(SetElement{firewall::gateways, "251.0.0.0/8", "251.0.28.1"})});
  element(firewall::shortcuts, "250.0.28.0/24");
  host.must({"nft", "add table ip mine { chain pre { type nat hook prerouting priority -100; udp dport 8082 dnat to "
                    "251.0.27.5:82 ; udp dport 8083 dnat to 250.0.27.5:83 ; } ; }"});
  for (const std::uint16_t port : {std::uint16_t{82}, std::uint16_t{83}}) {
    const Capture seen(world.far, "eth0", [port](const Frame& f) {
      return f.destination_port() == port && f.source() == gateway_address && !f.outgoing;
    });
    RawSender::packets(world.near)
        .send(udp_packet(near_address, outside, 5000, static_cast<std::uint16_t>(8000 + port)));
    EXPECT_TRUE(seen.reached(1)) << port;
  }
}

// ---- out

TEST_F(Rules, TheSliceLeavesWithTheAddressOfTheDeviceItLeavesBy) {
  host.ip({"addr add 172.31.0.1/24 dev eth0"});
  passes(world.near, udp_packet(near_address, outside, 1, 7001), world.underlay.router(), "sw", host_address);
  without(firewall::nat_slices, "250.0.28.0/24");
  passes(world.neighbour, udp_packet(neighbour_address, outside, 2, 7002), world.underlay.router(), "sw",
         neighbour_address);
}

TEST_F(Rules, InsideTheOverlayTheSourceIsKept) {
  passes(world.near, udp_packet(near_address, far_address, 1, 7001), world.far, "eth0", near_address);
}

TEST_F(Rules, TheHostsOwnProcessesSpeakIntoTheTunnelAsTheGateway) {
  passes(host, udp_packet(host_address, far_address, 5000, 7001), world.far, "eth0", gateway_address);
  EXPECT_TRUE(pings(host, far_address, host_address));
}

TEST_F(Rules, BridgedFramesAreLeftAlone) {
  ASSERT_EQ(host.sysctl("net/bridge/bridge-nf-call-iptables"), "1");
  EXPECT_TRUE(pings(world.near, neighbour_address));
  world.near.ip({"route add 224.0.0.0/4 dev eth0"});
  passes(world.near, udp_packet(near_address, Address(0xe00000fbU), 5353, 5353), world.neighbour, "eth0", near_address);
}

// ---- the mark

TEST_F(Rules, AnUnprivilegedProcessCannotSendToAPeersTunnel) {
  const std::uint64_t before = world.dropped("unmarked");
  const Capture seen(peer, "eth0", [](const Frame& f) { return f.destination_port() == 8472; });
  RunOptions options;
  options.uid = 65534;
  options.input = "forged";
  options.timeout = std::chrono::seconds(5);
  (void)host.run({"nc", "-u", "-w", "1", "172.30.0.27", "8472"}, options);
  EXPECT_GT(world.dropped("unmarked"), before);
  EXPECT_EQ(seen.count(), 0U);
  const std::uint64_t so_far = world.dropped("unmarked");
  EXPECT_EQ(RawSender::packets(host).send(ipip_packet(host_address, peer_address)), EPERM);
  EXPECT_EQ(world.dropped("unmarked"), so_far + 1);
}

TEST_F(Rules, TheSamePortOutsideTheUnderlayIsFree) {
  passes(host, udp_packet(host_address, outside, 40000, 8472), world.underlay.router(), "sw", host_address);
}

TEST_F(Rules, WhatTheProgramMarksLeavesAndTheMarkDoesNot) {
  host.must(
      {"nft",
       "add table netdev wire { counter marked { } ; counter unmarked { } ; chain out { type filter hook egress device "
       "eth0 priority 0; udp dport 8472 meta mark 0 counter name unmarked ; udp dport 8472 meta mark != 0 counter name "
       "marked ; } ; }"});
  const Capture seen(peer, "eth0", [](const Frame& f) { return f.destination_port() == 8472; });
  const auto send_marked = [&] {
    const Socket marked(host, SOCK_DGRAM);
    const std::uint32_t mark = tunnel_mark;
    ASSERT_EQ(setsockopt(marked.fd(), SOL_SOCKET, SO_MARK, &mark, sizeof mark), 0);
    ASSERT_EQ(marked.connect_to(peer_address, 8472), 0);
    EXPECT_EQ(send(marked.fd(), "x", 1, 0), 1);
  };
  const auto on_the_wire = [&](const std::string& kind, int packets) {
    return host.must({"nft", "list", "counter", "netdev", "wire", kind}).find(fmt::format("packets {} ", packets)) !=
           std::string::npos;
  };
  send_marked();
  EXPECT_TRUE(seen.reached(1));
  EXPECT_TRUE(on_the_wire("unmarked", 1));
  EXPECT_TRUE(on_the_wire("marked", 0));
  flush("output"); // and this is what took it off
  send_marked();
  EXPECT_TRUE(seen.reached(2));
  EXPECT_TRUE(on_the_wire("marked", 1));
}

// ---- replacing the table

TEST_F(Rules, NothingGetsThroughWhileTheTableIsReplaced) {
  routes_to_slice();
  const Capture forged(world.near, "eth0", [](const Frame& f) { return f.destination_port() == 7001; });
  const Capture uninvited(world.near, "eth0", [](const Frame& f) { return f.destination_port() == 7002; });
  RawSender sender = RawSender::packets(peer);
  sender.start({udp_packet(far_address, near_address, 1, 7001), udp_packet(peer_address, near_address, 1, 7002)}, 5000);
  for (int i = 0; i < 200; ++i) {
    world.apply({{Ruleset{"altered"}, Ruleset{}, "test"}});
  }
  EXPECT_GT(sender.stop(), 500U);
  EXPECT_EQ(forged.count(), 0U);
  EXPECT_EQ(uninvited.count(), 0U);
}
