#include "support/packet.h"

#include <initializer_list>

namespace fan::test {
namespace {

void put16(Bytes& to, std::uint32_t value) {
  to.push_back(static_cast<std::uint8_t>(value >> 8U));
  to.push_back(static_cast<std::uint8_t>(value));
}

void put(Bytes& to, const Bytes& from) {
  to.insert(to.end(), from.begin(), from.end());
}

void put_address(Bytes& to, Address a) {
  put16(to, a.v4() >> 16U);
  put16(to, a.v4() & 0xffffU);
}

// RFC 1071.
std::uint16_t checksum(const Bytes& bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 2)
    sum += (std::uint32_t{bytes[i]} << 8U) | (i + 1 < bytes.size() ? bytes[i + 1] : 0U);
  while (sum >> 16U)
    sum = (sum & 0xffffU) + (sum >> 16U);
  return static_cast<std::uint16_t>(~sum);
}

void set16(Bytes& in, std::size_t at, std::uint16_t value) {
  in[at] = static_cast<std::uint8_t>(value >> 8U);
  in[at + 1] = static_cast<std::uint8_t>(value);
}

} // namespace

Bytes text(std::string_view payload) {
  return {payload.begin(), payload.end()};
}

Bytes udp(std::uint16_t source_port, std::uint16_t destination_port, const Bytes& payload) {
  Bytes result;
  put16(result, source_port);
  put16(result, destination_port);
  put16(result, static_cast<std::uint32_t>(8 + payload.size()));
  put16(result, 0);
  put(result, payload);
  return result;
}

Bytes icmp_echo(std::uint16_t id, std::uint16_t sequence, const Bytes& payload) {
  Bytes result{8, 0};
  put16(result, 0);
  put16(result, id);
  put16(result, sequence);
  put(result, payload);
  set16(result, 2, checksum(result));
  return result;
}

Bytes ipv4(const Ipv4& header, const Bytes& payload) {
  Bytes result{0x45, header.tos};
  put16(result, static_cast<std::uint32_t>(20 + payload.size()));
  put16(result, header.id);
  put16(result, header.dont_fragment ? 0x4000 : 0);
  result.push_back(header.ttl);
  result.push_back(header.protocol);
  put16(result, 0);
  put_address(result, header.source);
  put_address(result, header.destination);
  set16(result, 10, checksum(result));
  put(result, payload);
  return result;
}

Bytes ethernet(const Mac& source, const Mac& destination, std::uint16_t type, const Bytes& payload) {
  Bytes result(destination.bytes.begin(), destination.bytes.end());
  result.insert(result.end(), source.bytes.begin(), source.bytes.end());
  put16(result, type);
  put(result, payload);
  return result;
}

Bytes vxlan(std::uint32_t vni, const Bytes& inner_frame) {
  Bytes result{0x08, 0, 0, 0};
  put16(result, vni >> 8U);
  put16(result, (vni & 0xffU) << 8U);
  put(result, inner_frame);
  return result;
}

} // namespace fan::test
