#include "core/packet.h"

#include <algorithm>

namespace fan {
namespace {

constexpr std::uint32_t header_size = 20; // IPv4 without options (RFC 791)

void put16(std::vector<std::uint8_t>& bytes, std::size_t at, std::uint32_t value) {
  bytes.at(at) = static_cast<std::uint8_t>(value >> 8U);
  bytes.at(at + 1) = static_cast<std::uint8_t>(value);
}

void put32(std::vector<std::uint8_t>& bytes, std::size_t at, std::uint32_t value) {
  put16(bytes, at, value >> 16U);
  put16(bytes, at + 2, value & 0xffffU);
}

// RFC 1071, over the IPv4 header.
std::uint32_t header_checksum(const std::vector<std::uint8_t>& bytes) {
  std::uint32_t sum = 0;
  for (std::size_t at = 0; at < header_size; at += 2) {
    sum += (std::uint32_t{bytes.at(at)} << 8U) | bytes.at(at + 1);
  }
  sum = (sum & 0xffffU) + (sum >> 16U);
  return ~((sum & 0xffffU) + (sum >> 16U)) & 0xffffU;
}

void put_payload(const Packet& packet, std::vector<std::uint8_t>& bytes) {
  if (packet.protocol == protocol_icmp) {
    bytes.at(header_size) = 8; // echo request
    return;
  }
  if (packet.protocol != protocol_tcp && packet.protocol != protocol_udp) {
    return;
  }
  put16(bytes, header_size, packet.source_port);
  put16(bytes, header_size + 2, packet.destination_port);
  if (packet.protocol == protocol_udp) {
    put16(bytes, header_size + 4, static_cast<std::uint32_t>(bytes.size()) - header_size);
    return;
  }
  bytes.at(header_size + 12) = 5U << 4U; // header of five words
  bytes.at(header_size + 13) = 0x02;     // SYN
}

} // namespace

std::string protocol_name(std::uint8_t protocol) {
  switch (protocol) {
  case protocol_icmp:
    return "icmp";
  case protocol_tcp:
    return "tcp";
  case protocol_udp:
    return "udp";
  default:
    return std::to_string(protocol);
  }
}

std::uint32_t least_size(std::uint8_t protocol) {
  return header_size + (protocol == protocol_tcp                                ? 20U
                        : protocol == protocol_icmp || protocol == protocol_udp ? 8U
                                                                                : 0U);
}

std::vector<std::uint8_t> bytes_of(const Packet& packet, std::uint32_t size) {
  std::vector<std::uint8_t> bytes(std::max(size, least_size(packet.protocol)));
  bytes.at(0) = 0x45; // version 4, five words
  put16(bytes, 2, static_cast<std::uint32_t>(bytes.size()));
  put16(bytes, 6, packet.dont_fragment ? 0x4000U : 0U);
  bytes.at(8) = 64; // TTL
  bytes.at(9) = packet.protocol;
  put32(bytes, 12, packet.source.v4());
  put32(bytes, 16, packet.destination.v4());
  put16(bytes, 10, header_checksum(bytes));
  put_payload(packet, bytes);
  return bytes;
}

} // namespace fan
