// Who has an address on a segment (RFC 826; asked from no address, as RFC 5227 does, so that nobody learns anything).
#include <linux/if_ether.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "linux/probe/kernel_prober.h"
#include "linux/probe/sockets.h"

namespace fan {
namespace {

using probe::Bytes;
using probe::Socket;

constexpr std::chrono::milliseconds waiting{500};
constexpr std::size_t message_size = 28;

Mac own_mac(const Socket& socket, const std::string& device) {
  ifreq request{};
  std::strncpy(std::begin(request.ifr_name), device.c_str(), IFNAMSIZ - 1);
  Mac mac;
  if (::ioctl(socket.fd(), SIOCGIFHWADDR, &request) == 0) {
    std::memcpy(mac.bytes.data(), std::begin(request.ifr_hwaddr.sa_data), mac.bytes.size());
  }
  return mac;
}

Bytes request(const Mac& own, Address address) {
  constexpr std::array<std::uint8_t, 8> head{0, 1, 0x08, 0, 6, 4, 0, 1}; // Ethernet, IPv4, request
  Bytes bytes(message_size);
  std::copy(head.begin(), head.end(), bytes.begin());
  std::copy(own.bytes.begin(), own.bytes.end(), bytes.begin() + head.size());
  for (std::size_t n = 0; n < 4; ++n) {
    bytes.at(24 + n) = static_cast<std::uint8_t>(address.v4() >> (24U - 8U * n));
  }
  return bytes;
}

// The sender's MAC of a reply about this address.
std::optional<Mac> reply_about(const Bytes& bytes, Address address) {
  if (bytes.size() < message_size || bytes.at(7) != 2) {
    return std::nullopt;
  }
  std::uint32_t sender = 0;
  for (std::size_t n = 0; n < 4; ++n) {
    sender = (sender << 8U) | bytes.at(14 + n);
  }
  Mac mac;
  std::copy_n(bytes.begin() + 8, mac.bytes.size(), mac.bytes.begin());
  return Address(sender) == address ? std::optional(mac) : std::nullopt;
}

} // namespace

Result<std::vector<Mac>> KernelProber::owners(const std::string& device, Address address) {
  Result<Socket> socket = Socket::packets(device, ETH_P_ARP);
  if (!socket) {
    return std::move(socket).error();
  }
  std::vector<Mac> found;
  const Mac own = own_mac(*socket, device);
  (void)socket->broadcast(request(own, address), ETH_P_ARP, device);
  const Socket* const sockets[] = {&*socket};
  probe::wait_for(sockets, waiting, [&] { // all of the time: a second owner answers later
    for (Bytes bytes = socket->receive(); !bytes.empty(); bytes = socket->receive()) {
      const auto mac = reply_about(bytes, address);
      if (mac && *mac != own && std::find(found.begin(), found.end(), *mac) == found.end()) {
        found.push_back(*mac);
      }
    }
    return false;
  });
  return found;
}

} // namespace fan
