// Tunnel packets made by hand, as a peer of another configuration would send them, and what comes back of them on the
// underlay: a peer that is configured otherwise answers those that are like its own.
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "core/names.h"
#include "core/object.h"
#include "core/packet.h"
#include "linux/probe/kernel_prober.h"
#include "linux/probe/sockets.h"

namespace fan {
namespace {

using probe::Bytes;
using probe::Socket;

constexpr std::chrono::milliseconds waiting{1000};
constexpr std::size_t ip_header = 20;

// An echo request of which `id` and `index` come back.
Bytes inner(const TunnelForm& form, std::uint16_t id, std::uint16_t index) {
  Packet packet;
  packet.source = form.inner_source;
  packet.destination = form.inner_destination;
  Bytes bytes = bytes_of(packet, packet.size);
  const std::uint32_t mark = (std::uint32_t{id} << 16U) | index;
  for (std::size_t n = 0; n < 4; ++n) {
    bytes.at(ip_header + 4 + n) = static_cast<std::uint8_t>(mark >> (24U - 8U * n));
  }
  const std::uint16_t sum = probe::checksum(std::span(bytes).subspan(ip_header));
  bytes.at(ip_header + 2) = static_cast<std::uint8_t>(sum >> 8U);
  bytes.at(ip_header + 3) = static_cast<std::uint8_t>(sum);
  return bytes;
}

Bytes payload(const TunnelForm& form, Address host, std::uint16_t id, std::uint16_t index) {
  Bytes packet = inner(form, id, index);
  if (form.encapsulation == Encapsulation::ipip) {
    return packet;
  }
  const Mac own = tunnel_mac(host);
  Bytes bytes{8,
              0,
              0,
              0,
              static_cast<std::uint8_t>(form.vni >> 16U),
              static_cast<std::uint8_t>(form.vni >> 8U),
              static_cast<std::uint8_t>(form.vni),
              0};
  bytes.insert(bytes.end(), next_hop_mac.bytes.begin(), next_hop_mac.bytes.end());
  bytes.insert(bytes.end(), own.bytes.begin(), own.bytes.end());
  bytes.insert(bytes.end(), {0x08, 0x00});
  bytes.insert(bytes.end(), packet.begin(), packet.end());
  return bytes;
}

Result<Socket> socket_for(const TunnelForm& form, Address host) {
  const bool is_vxlan = form.encapsulation == Encapsulation::vxlan;
  Result<Socket> socket = Socket::ip(is_vxlan ? SOCK_DGRAM : SOCK_RAW, is_vxlan ? IPPROTO_UDP : IPPROTO_IPIP, host);
  if (!socket) {
    return socket;
  }
  // As the egress program sends: our own table lets nothing else leave for a tunnel's port.
  Result<void> set = socket->set(SOL_SOCKET, SO_MARK, static_cast<int>(tunnel_mark));
  if (set) {
    set = socket->set(IPPROTO_IP, IP_TTL, 255);
  }
  if (set && is_vxlan) {
    set = socket->set(SOL_SOCKET, SO_NO_CHECK, 1);
  }
  return set ? std::move(socket) : Result<Socket>(std::move(set).error());
}

void read_errors(const Socket& socket, TunnelAnswer& answer) {
  socket.take_errors([&answer](const probe::SentError& error) {
    const bool prohibits = error.code == 9 || error.code == 10 || error.code == 13; // RFC 1812 section 5.2.7.1
    answer.prohibited = answer.prohibited || (error.type == 3 && prohibits);
    answer.unreachable = answer.unreachable || (error.type == 3 && (error.code == 2 || error.code == 3));
    answer.error_from = error.from;
  });
}

} // namespace

Result<std::vector<TunnelAnswer>> KernelProber::tunnel(Address host, Address peer, const std::string& device,
                                                       const std::vector<TunnelForm>& forms) {
  const auto id = static_cast<std::uint16_t>(::getpid());
  Result<Socket> underlay = Socket::packets(device, ETH_P_IP);
  if (!underlay) {
    return std::move(underlay).error();
  }
  std::vector<Socket> senders;
  std::vector<const Socket*> sockets{&*underlay};
  senders.reserve(forms.size());
  for (const TunnelForm& form : forms) {
    Result<Socket> socket = socket_for(form, host);
    if (!socket) {
      return std::move(socket).error();
    }
    senders.push_back(std::move(*socket));
    sockets.push_back(&senders.back());
    const auto index = static_cast<std::uint16_t>(senders.size() - 1);
    const std::uint16_t port = form.encapsulation == Encapsulation::vxlan ? form.port : std::uint16_t{0};
    (void)senders.back().send(payload(form, host, id, index), peer, port);
  }
  std::vector<TunnelAnswer> answers(forms.size());
  probe::wait_for(sockets, waiting, [&] {
    underlay->take_received([&](const Bytes& bytes) {
      const auto arrived = probe::tunnelled_reply(bytes, host, peer, id);
      if (arrived && arrived->index < answers.size()) {
        answers.at(arrived->index).form = arrived->form;
      }
    });
    for (std::size_t n = 0; n < senders.size(); ++n) {
      read_errors(senders.at(n), answers.at(n));
    }
    return false; // whoever is slow is waited for
  });
  return answers;
}

} // namespace fan
