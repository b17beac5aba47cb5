// Addresses as libnl's objects, for the kinds that libnl-route encodes.
#pragma once

#include <memory>

#include <arpa/inet.h>
#include <netlink/addr.h>
#include <sys/socket.h>

#include "core/address.h"

namespace fan::netlink {

struct PutEncoded {
  void operator()(nl_addr* address) const { nl_addr_put(address); }
};
// Null when memory is short.
using EncodedAddress = std::unique_ptr<nl_addr, PutEncoded>;

inline EncodedAddress encode_v4(Address address, unsigned prefix_length = 32) {
  const std::uint32_t wire = htonl(address.v4());
  EncodedAddress encoded(nl_addr_build(AF_INET, &wire, sizeof wire));
  if (encoded) {
    nl_addr_set_prefixlen(encoded.get(), static_cast<int>(prefix_length));
  }
  return encoded;
}

inline EncodedAddress encode_mac(const Mac& mac) {
  return EncodedAddress(nl_addr_build(AF_LLC, mac.bytes.data(), mac.bytes.size()));
}

} // namespace fan::netlink
