#include "support/forger.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string_view>

#include <gtest/gtest.h>

namespace fan::test {
namespace {

constexpr std::uint16_t forged_port = 7999;
constexpr std::uint16_t vxlan_port = 8472;
constexpr std::uint32_t vni = 16384001; // of the overlay 250.0.0.0/8
constexpr std::string_view mark = "forged: ";
constexpr int per_second = 400; // of each sender
const Mac nobody{{0x02, 0x66, 0x66, 0x66, 0x66, 0x66}};

// The name in a payload of ours; empty for any other.
std::string kind_in(std::string_view payload) {
  return payload.substr(0, mark.size()) == mark ? std::string(payload.substr(mark.size())) : std::string();
}

std::string kind_in(const Frame& frame) {
  if (frame.protocol() != protocol_udp || frame.destination_port() != forged_port) {
    return {};
  }
  const auto packet = frame.ipv4();
  const std::size_t header = (packet[0] & 0xfU) * 4U + 8U;
  const std::size_t length =
      std::min<std::size_t>(packet.size(), static_cast<std::size_t>(packet[2] << 8U | packet[3]));
  return length > header ? kind_in({reinterpret_cast<const char*>(packet.data()) + header, length - header}) : "";
}

Bytes with_protocol(std::uint8_t protocol, Address source, Address destination, const Bytes& payload) {
  Ipv4 header{source, destination};
  header.protocol = protocol;
  header.ttl = 255;
  return ipv4(header, payload);
}

int bound_socket(const Netns& netns, std::uint16_t port) {
  const Inside here(netns);
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_port = htons(port);
  EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&any), sizeof any), 0) << strerror(errno);
  return fd;
}

} // namespace

ForgedTraffic::ForgedTraffic(Encapsulation encapsulation, const Victim& victim)
    : encapsulation_(encapsulation), victim_(victim) {}

ForgedTraffic::~ForgedTraffic() {
  threads_.clear(); // they use the senders
}

Bytes ForgedTraffic::inner(const std::string& kind, Address source, Address destination) const {
  return ipv4({source, destination}, udp(forged_port, forged_port, text(std::string(mark) + kind)));
}

// As a peer would send it, addressed to the victim's own tunnel device, so that only the checks stand in its way.
Bytes ForgedTraffic::outer_payload(const Bytes& inner_packet) const {
  Mac device{{0x02, 0xfa}};
  std::copy_n(victim_.host.bytes().begin() + 12, 4, device.bytes.begin() + 2);
  return vxlan(vni, ethernet(nobody, device, 0x0800, inner_packet));
}

Bytes ForgedTraffic::outer(Address source, Address destination, const Bytes& inner_packet) const {
  return encapsulation_ == Encapsulation::ipip
             ? with_protocol(protocol_ipip, source, destination, inner_packet)
             : with_protocol(protocol_udp, source, destination, udp(40000, vxlan_port, outer_payload(inner_packet)));
}

ForgedTraffic::Kinds ForgedTraffic::plain(Address own) const {
  const Address sibling(victim_.container.v4() + 7);
  const Address broadcast(victim_.container.v4() | 0xffU);
  const Address outside = Underlay::outside();
  Kinds kinds;
  const auto put = [&](const std::string& kind, Address source, Address destination) {
    kinds.emplace_back("plain, " + kind, inner("plain, " + kind, source, destination));
  };
  put("from another slice to a container", victim_.far, victim_.container);
  put("from another slice to the gateway", victim_.far, victim_.gateway);
  put("from another slice to the host", victim_.far, victim_.host);
  put("from another slice to another address of the host", victim_.far, victim_.elsewhere);
  put("from the victim's slice to a container", sibling, victim_.container);
  put("from the gateway to a container", victim_.gateway, victim_.container);
  put("from the gateway to the host", victim_.gateway, victim_.host);
  put("from a slice of nobody to a container", Address(victim_.far.v4() + 0x00550000U), victim_.container);
  put("from another slice to the slice's broadcast", victim_.far, broadcast);
  put("uninvited from the underlay to a container", own, victim_.container);
  put("uninvited from outside to a container", outside, victim_.container);
  return kinds;
}

ForgedTraffic::Kinds ForgedTraffic::tunnelled(Address own) const {
  const Address mine(0xfa000002U | (own.v4() & 0xffffU) << 8U); // what `own` may speak for
  const Address outside = Underlay::outside();
  Kinds kinds;
  const auto put = [&](const std::string& kind, Address from, Address to, Address source, Address destination) {
    const std::string name = "tunnelled, " + kind;
    kinds.emplace_back(name, outer(from, to, inner(name, source, destination)));
  };
  put("another host's slice", own, victim_.host, victim_.far, victim_.container);
  put("another host's slice, to the gateway", own, victim_.host, victim_.far, victim_.gateway);
  put("the victim's slice", own, victim_.host, Address(victim_.container.v4() + 7), victim_.container);
  put("the gateway", own, victim_.host, victim_.gateway, victim_.container);
  put("a source outside the overlay", own, victim_.host, own, victim_.container);
  put("the world as source", own, victim_.host, outside, victim_.container);
  put("this machine as source", own, victim_.host, Address(0x7f000001U), victim_.container);
  put("to the host's own address", own, victim_.host, mine, victim_.host);
  put("to another host's container", own, victim_.host, mine, victim_.far);
  put("to the slice's broadcast", own, victim_.host, mine, Address(victim_.container.v4() | 0xffU));
  put("to all hosts", own, victim_.host, mine, Address(0xffffffffU));
  put("from outside the underlay", outside, victim_.host, victim_.far, victim_.container);
  put("to another address of the host", own, victim_.elsewhere, mine, victim_.container);
  const Bytes nested = with_protocol(protocol_ipip, mine, victim_.gateway,
                                     inner("nested, to the gateway", victim_.far, victim_.container));
  kinds.emplace_back("nested, to the gateway", outer(own, victim_.host, nested));
  const Bytes spoilt = inner("tunnelled, in the other encapsulation", victim_.far, victim_.container);
  kinds.emplace_back("tunnelled, in the other encapsulation",
                     encapsulation_ == Encapsulation::ipip
                         ? with_protocol(protocol_udp, own, victim_.host, udp(40000, vxlan_port, outer_payload(spoilt)))
                         : with_protocol(protocol_ipip, own, victim_.host, spoilt));
  if (encapsulation_ == Encapsulation::vxlan) {
    const Bytes lost = inner("tunnelled, another network's number", mine, victim_.container);
    kinds.emplace_back("tunnelled, another network's number",
                       with_protocol(protocol_udp, own, victim_.host,
                                     udp(40000, vxlan_port, vxlan(vni - 1, ethernet(nobody, nobody, 0x0800, lost)))));
  }
  return kinds;
}

ForgedTraffic::Kinds ForgedTraffic::spoken_for_the_peer() const {
  Kinds kinds;
  for (const Address to : {victim_.host, victim_.elsewhere}) {
    const std::string name = "tunnelled, by a wrong device, to " + to.str();
    kinds.emplace_back(name, outer(victim_.peer, to, inner(name, victim_.far, victim_.container)));
  }
  return kinds;
}

ForgedTraffic::Kinds ForgedTraffic::of_container(Address own) const {
  const Address sibling(victim_.far.v4() + 7);
  Kinds kinds;
  const auto put = [&](const std::string& kind, const auto& make) {
    const std::string name = "container, " + kind;
    kinds.emplace_back(name, make(inner(name, sibling, victim_.container)));
  };
  const auto datagram = [&](Address from, std::uint16_t source, std::uint16_t destination, const Bytes& packet) {
    return with_protocol(protocol_udp, from, victim_.host, udp(source, destination, outer_payload(packet)));
  };
  put("protocol 4", [&](const Bytes& p) { return with_protocol(protocol_ipip, own, victim_.host, p); });
  put("protocol 4 as its host",
      [&](const Bytes& p) { return with_protocol(protocol_ipip, victim_.peer, victim_.host, p); });
  put("to the port", [&](const Bytes& p) { return datagram(own, 40001, vxlan_port, p); });
  put("from and to the port", [&](const Bytes& p) { return datagram(own, vxlan_port, vxlan_port, p); });
  put("to the port as its host", [&](const Bytes& p) { return datagram(victim_.peer, 40001, vxlan_port, p); });
  put("from the port", [&](const Bytes& p) { return datagram(own, vxlan_port, 40001, p); });
  const std::string name = "container, plain, as a slice of nobody";
  kinds.emplace_back(name, inner(name, Address(victim_.far.v4() + 0x00550000U), victim_.container));
  return kinds;
}

void ForgedTraffic::send(RawSender sender, const Kinds& kinds, const Mac* to) {
  std::vector<Bytes> packets;
  for (const auto& [kind, packet] : kinds) {
    packets.push_back(to != nullptr ? ethernet(nobody, *to, 0x0800, packet) : packet);
    const std::lock_guard lock(mutex_);
    kinds_.insert(kind);
  }
  RawSender& kept = senders_.emplace_back(std::move(sender));
  threads_.emplace_back([this, &kept, packets = std::move(packets)](const std::stop_token& stop) {
    for (std::size_t n = 0; !stop.stop_requested(); ++n) {
      sent_ += kept.send(packets[n % packets.size()]) == 0 ? 1U : 0U;
      pause_for(std::chrono::milliseconds(1000 / per_second));
    }
  });
}

void ForgedTraffic::from_segment(const Netns& netns, const std::string& device, Address own, const Mac& to,
                                 bool is_underlay) {
  Kinds kinds = plain(own);
  for (Kinds more : {tunnelled(own), is_underlay ? Kinds() : spoken_for_the_peer()}) {
    kinds.insert(kinds.end(), more.begin(), more.end());
  }
  send(RawSender::frames(netns, device), kinds, &to);
}

void ForgedTraffic::from_process(const Netns& peer) {
  const std::string name = "a process of the peer";
  const Bytes packet = inner(name, Address(victim_.far.v4() + 7), victim_.container);
  send(RawSender::packets(peer), {{name + ", raw", outer(victim_.peer, victim_.host, packet)}}, nullptr);
  const int fd = bound_socket(peer, 0);
  threads_.emplace_back([this, fd, payload = outer_payload(packet), to = victim_.host](const std::stop_token& stop) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(vxlan_port);
    address.sin_addr.s_addr = htonl(to.v4());
    for (; !stop.stop_requested(); pause_for(std::chrono::milliseconds(5))) {
      const auto* where = reinterpret_cast<const sockaddr*>(&address);
      sent_ += sendto(fd, payload.data(), payload.size(), 0, where, sizeof address) > 0 ? 1U : 0U;
    }
    close(fd);
  });
}

void ForgedTraffic::from_container(const Netns& container, Address own) {
  send(RawSender::packets(container), of_container(own), nullptr);
}

bool ForgedTraffic::count(const std::string& kind) {
  if (kind.empty()) {
    return false;
  }
  const std::lock_guard lock(mutex_);
  arrived_.insert(kind);
  return true;
}

void ForgedTraffic::watch_container(const Netns& container, const std::string& device) {
  captures_.emplace_back(container, device,
                         [this](const Frame& frame) { return !frame.outgoing && count(kind_in(frame)); });
}

void ForgedTraffic::watch_services(const Netns& host) {
  const int fd = bound_socket(host, forged_port);
  threads_.emplace_back([this, fd](const std::stop_token& stop) {
    std::array<char, 2048> buffer{};
    while (!stop.stop_requested()) {
      pollfd ready{fd, POLLIN, 0};
      if (poll(&ready, 1, 20) > 0) {
        const ssize_t n = recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
        count(n > 0 ? kind_in({buffer.data(), static_cast<std::size_t>(n)}) : "");
      }
    }
    close(fd);
  });
}

std::set<std::string> ForgedTraffic::arrived() const {
  const std::lock_guard lock(mutex_);
  return arrived_;
}

void ForgedTraffic::forget() {
  const std::lock_guard lock(mutex_);
  arrived_.clear();
}

std::set<std::string> ForgedTraffic::kinds() const {
  const std::lock_guard lock(mutex_);
  return kinds_;
}

} // namespace fan::test
