#include "linux/probe/sockets.h"

#include <arpa/inet.h>
#include <linux/errqueue.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/errors.h"

namespace fan::probe {
namespace {

constexpr std::size_t longest = 65536;

Error failed(const char* doing) {
  Error error = make_error(errno == EPERM || errno == EACCES ? ErrorClass::privilege : ErrorClass::kernel,
                           std::string(doing) + ": " + std::strerror(errno));
  error.sys_errno = errno;
  return error;
}

sockaddr_in socket_address(Address address, std::uint16_t port) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(address.v4());
  return to;
}

Address address_of(const sockaddr* from) {
  sockaddr_in in{};
  std::memcpy(&in, from, sizeof in);
  return in.sin_family == AF_INET ? Address(ntohl(in.sin_addr.s_addr)) : Address();
}

} // namespace

Socket::~Socket() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

Socket::Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

Result<Socket> Socket::ip(int type, int protocol, Address source) {
  Socket made(::socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
  const sockaddr_in own = socket_address(source, 0);
  if (made.fd_ < 0 || ::bind(made.fd_, reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0) {
    return failed("open a socket");
  }
  if (Result<void> done = made.set(IPPROTO_IP, IP_RECVERR, 1); !done) {
    return std::move(done).error();
  }
  return made;
}

Result<Socket> Socket::packets(const std::string& device, std::uint16_t ethertype) {
  Socket made(::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_ll at{};
  at.sll_family = AF_PACKET;
  at.sll_protocol = htons(ethertype);
  at.sll_ifindex = static_cast<int>(if_nametoindex(device.c_str()));
  if (made.fd_ < 0 || ::bind(made.fd_, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0) {
    return failed("open a packet socket");
  }
  return made;
}

Result<void> Socket::set(int level, int option, int value) const {
  return ::setsockopt(fd_, level, option, &value, sizeof value) == 0 ? Result<void>()
                                                                     : Result<void>(failed("set a socket's option"));
}

int Socket::send(const Bytes& bytes, Address to, std::uint16_t port) const {
  const sockaddr_in peer = socket_address(to, port);
  return ::sendto(fd_, bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr*>(&peer), sizeof peer) < 0 ? errno
                                                                                                                 : 0;
}

int Socket::broadcast(const Bytes& bytes, std::uint16_t ethertype, const std::string& device) const {
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_protocol = htons(ethertype);
  to.sll_ifindex = static_cast<int>(if_nametoindex(device.c_str()));
  to.sll_halen = ETH_ALEN;
  std::fill_n(std::begin(to.sll_addr), ETH_ALEN, std::uint8_t{0xff});
  return ::sendto(fd_, bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to) < 0 ? errno
                                                                                                             : 0;
}

Bytes Socket::receive() const {
  Bytes bytes(longest);
  const ssize_t size = ::recv(fd_, bytes.data(), bytes.size(), 0);
  bytes.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return bytes;
}

bool Socket::next_error(SentError& into) const {
  Bytes quoted(longest);
  std::array<char, 512> control{};
  iovec part{quoted.data(), quoted.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t size = ::recvmsg(fd_, &message, MSG_ERRQUEUE);
  if (size < 0) {
    return false;
  }
  quoted.resize(static_cast<std::size_t>(size));
  into = {};
  into.quoted = std::move(quoted);
  for (cmsghdr* one = CMSG_FIRSTHDR(&message); one != nullptr; one = CMSG_NXTHDR(&message, one)) {
    sock_extended_err error{};
    if (one->cmsg_level != IPPROTO_IP || one->cmsg_type != IP_RECVERR ||
        one->cmsg_len < CMSG_LEN(sizeof error + sizeof(sockaddr_in))) {
      continue;
    }
    std::memcpy(&error, CMSG_DATA(one), sizeof error);
    if (error.ee_origin == SO_EE_ORIGIN_ICMP) {
      into.type = error.ee_type;
      into.code = error.ee_code;
      into.mtu = error.ee_type == 3 && error.ee_code == 4 ? error.ee_info : 0;
      into.from = address_of(reinterpret_cast<const sockaddr*>(CMSG_DATA(one) + sizeof error));
    }
  }
  return true;
}

void wait_for(std::span<const Socket* const> sockets, std::chrono::milliseconds most,
              const std::function<bool()>& look) {
  const auto end = std::chrono::steady_clock::now() + most;
  std::vector<pollfd> polled;
  for (const Socket* socket : sockets) {
    polled.push_back({socket->fd(), POLLIN, 0});
  }
  while (!look()) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    if (left.count() <= 0) {
      return;
    }
    (void)::poll(polled.data(), polled.size(), static_cast<int>(left.count()));
  }
}

std::uint16_t checksum(std::span<const std::uint8_t> bytes) {
  std::uint32_t sum = 0;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    sum += std::uint32_t{bytes[at]} << (at % 2 == 0 ? 8U : 0U);
  }
  sum = (sum & 0xffffU) + (sum >> 16U);
  return static_cast<std::uint16_t>(~((sum & 0xffffU) + (sum >> 16U)));
}

} // namespace fan::probe
