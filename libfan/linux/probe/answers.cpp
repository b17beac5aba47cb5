#include "linux/probe/answers.h"

#include <linux/errqueue.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "core/packet.h"

namespace fan::probe {
namespace {

constexpr std::size_t arp_size = 28;
constexpr std::size_t ip_header = 20;
constexpr std::size_t icmp_header = 8;
constexpr std::size_t udp_header = 8;
constexpr std::size_t vxlan_header = 8;
constexpr std::uint8_t reply = 0;
constexpr std::uint8_t request = 8;

std::uint32_t number_at(const Bytes& bytes, std::size_t at, std::size_t size) {
  std::uint32_t value = 0;
  for (std::size_t n = 0; n < size; ++n) {
    value = (value << 8U) | bytes.at(at + n);
  }
  return value;
}

bool is_echo(const Bytes& bytes, std::size_t at, std::uint8_t type, std::uint16_t id, std::uint16_t number) {
  return bytes.size() >= at + icmp_header && bytes.at(at) == type && number_at(bytes, at + 4, 2) == id &&
         number_at(bytes, at + 6, 2) == number;
}

std::size_t header_length(const Bytes& packet) {
  return (packet.at(0) & 0x0fU) * 4U;
}

Address address_of(const sockaddr_in& from) {
  return from.sin_family == AF_INET ? Address(ntohl(from.sin_addr.s_addr)) : Address();
}

} // namespace

SentError sent_error_in(msghdr& message) {
  SentError found;
  const auto* end = static_cast<const unsigned char*>(message.msg_control) + message.msg_controllen;
  for (cmsghdr* one = CMSG_FIRSTHDR(&message); one != nullptr; one = CMSG_NXTHDR(&message, one)) {
    sock_extended_err error{};
    sockaddr_in from{};
    if (one->cmsg_level != IPPROTO_IP || one->cmsg_type != IP_RECVERR ||
        one->cmsg_len < CMSG_LEN(sizeof error + sizeof from) ||
        end - CMSG_DATA(one) < static_cast<std::ptrdiff_t>(sizeof error + sizeof from)) {
      continue;
    }
    std::memcpy(&error, CMSG_DATA(one), sizeof error);
    std::memcpy(&from, CMSG_DATA(one) + sizeof error, sizeof from);
    if (error.ee_origin == SO_EE_ORIGIN_ICMP) {
      found.type = error.ee_type;
      found.code = error.ee_code;
      found.mtu = error.ee_type == 3 && error.ee_code == 4 ? error.ee_info : 0;
      found.from = address_of(from);
    }
  }
  return found;
}

std::optional<Mac> arp_reply_about(const Bytes& arp, Address address) {
  if (arp.size() < arp_size || arp.at(7) != 2 || Address(number_at(arp, 14, 4)) != address) {
    return std::nullopt;
  }
  Mac mac;
  std::copy_n(arp.begin() + 8, mac.bytes.size(), mac.bytes.begin());
  return mac;
}

std::optional<std::uint8_t> echo_reply(const Bytes& packet, std::uint16_t id, std::uint16_t number) {
  const bool ours = packet.size() >= ip_header && is_echo(packet, header_length(packet), reply, id, number);
  return ours ? std::optional(packet.at(8)) : std::nullopt;
}

bool is_our_request(const Bytes& message, std::uint16_t id, std::uint16_t number) {
  return is_echo(message, 0, request, id, number);
}

std::optional<Arrived> tunnelled_reply(const Bytes& packet, Address host, Address peer, std::uint16_t id) {
  if (packet.size() < ip_header || number_at(packet, 12, 4) != peer.v4() || number_at(packet, 16, 4) != host.v4()) {
    return std::nullopt;
  }
  Arrived arrived;
  std::size_t at = header_length(packet);
  arrived.form.encapsulation = packet.at(9) == protocol_ipip ? Encapsulation::ipip : Encapsulation::vxlan;
  if (packet.at(9) == protocol_udp && packet.size() >= at + udp_header + vxlan_header) {
    arrived.form.port = static_cast<std::uint16_t>(number_at(packet, at + 2, 2));
    arrived.form.vni = number_at(packet, at + udp_header + 4, 3);
    at += udp_header + vxlan_header + ETH_HLEN;
  } else if (packet.at(9) != protocol_ipip) {
    return std::nullopt;
  }
  const bool is_reply = packet.size() >= at + ip_header + icmp_header && packet.at(at) == 0x45 &&
                        packet.at(at + 9) == protocol_icmp && packet.at(at + ip_header) == reply &&
                        number_at(packet, at + ip_header + 4, 2) == id;
  if (!is_reply) {
    return std::nullopt;
  }
  arrived.form.inner_source = Address(number_at(packet, at + 12, 4));
  arrived.form.inner_destination = Address(number_at(packet, at + 16, 4));
  arrived.index = static_cast<std::uint16_t>(number_at(packet, at + ip_header + 6, 2));
  return arrived;
}

} // namespace fan::probe
