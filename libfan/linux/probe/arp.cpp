// Who has an address on a segment (RFC 826; asked from no address, as RFC 5227 does, so that nobody learns anything).
#include <linux/if_ether.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>

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
    socket->take_received([&](const Bytes& bytes) {
      const auto mac = probe::arp_reply_about(bytes, address);
      if (mac && *mac != own && std::find(found.begin(), found.end(), *mac) == found.end()) {
        found.push_back(*mac);
      }
    });
    return false;
  });
  return found;
}

namespace {

constexpr std::chrono::milliseconds between_requests{250};
constexpr int requests = 4;

struct Holder {
  HolderQuestion question;
  Socket socket;
  Mac own;
  bool answered = false;

  void ask() const { (void)socket.broadcast(request(own, question.address), ETH_P_ARP, question.port); }
  void listen() {
    socket.take_received([this](const Bytes& bytes) {
      answered = answered || probe::arp_reply_about(bytes, question.address).has_value();
    });
  }
};

} // namespace

// On the port itself: past the bridge, which would answer in the endpoint's place, and hearing nobody else.
Result<std::vector<bool>> KernelProber::holders(const std::vector<HolderQuestion>& questions) {
  std::map<std::size_t, Holder> asked; // by the place of the question
  for (std::size_t n = 0; n < questions.size(); ++n) {
    Result<Socket> socket = Socket::port_packets(questions[n].port, ETH_P_ARP);
    if (!socket && socket.error().sys_errno != ENODEV) {
      return std::move(socket).error();
    }
    if (socket) {
      const Mac own = own_mac(*socket, questions[n].port);
      asked.emplace(n, Holder{questions[n], std::move(socket).value(), own});
    }
  }
  std::vector<const Socket*> sockets;
  for (const auto& [place, holder] : asked) {
    sockets.push_back(&holder.socket);
  }
  const auto all_answered = [&] {
    for (auto& [place, holder] : asked) {
      holder.listen();
    }
    return std::all_of(asked.begin(), asked.end(), [](const auto& one) { return one.second.answered; });
  };
  for (int n = 0; n < requests && !all_answered(); ++n) {
    for (const auto& [place, holder] : asked) {
      if (!holder.answered) {
        holder.ask();
      }
    }
    probe::wait_for(sockets, between_requests, all_answered);
  }
  std::vector<bool> found(questions.size(), false);
  for (const auto& [place, holder] : asked) {
    found[place] = holder.answered;
  }
  return found;
}

} // namespace fan
