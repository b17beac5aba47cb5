#include "linux/probe/sockets.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <iterator>
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

// By a socket that is there: if_nametoindex(3) opens another, of a family that a unit may not have. 0: errno says why.
int index_of(int fd, const std::string& device) {
  ifreq request{};
  std::strncpy(std::begin(request.ifr_name), device.c_str(), IFNAMSIZ - 1);
  return ::ioctl(fd, SIOCGIFINDEX, &request) == 0 ? request.ifr_ifindex : 0;
}

// For one datagram. To make it anew for each, full of zeroes, takes longer than to send one.
Bytes& room() {
  static thread_local Bytes bytes(longest);
  return bytes;
}

// Where a filter finds what the kernel knows of a packet.
constexpr std::uint32_t beside_packet(int what) {
  return static_cast<std::uint32_t>(SKF_AD_OFF + what);
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
  at.sll_ifindex = index_of(made.fd_, device);
  if (made.fd_ < 0 || ::bind(made.fd_, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0) {
    return failed("open a packet socket");
  }
  return made;
}

// A bridge takes a frame before sockets for its protocol are asked, and after those for every protocol. These hear what
// is sent as well.
Result<Socket> Socket::port_packets(const std::string& port, std::uint16_t ethertype) {
  Socket made(::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  std::array<sock_filter, 6> code{{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, beside_packet(SKF_AD_PKTTYPE)),
                                   BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 3, 0),
                                   BPF_STMT(BPF_LD | BPF_W | BPF_ABS, beside_packet(SKF_AD_PROTOCOL)),
                                   BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ethertype, 0, 1),
                                   BPF_STMT(BPF_RET | BPF_K, longest), BPF_STMT(BPF_RET | BPF_K, 0)}};
  const sock_fprog filter{static_cast<unsigned short>(code.size()), code.data()};
  sockaddr_ll at{};
  at.sll_family = AF_PACKET;
  at.sll_protocol = htons(ETH_P_ALL);
  at.sll_ifindex = made.fd_ < 0 ? 0 : index_of(made.fd_, port);
  // Without a device it would hear all of them.
  if (made.fd_ < 0 || at.sll_ifindex == 0 ||
      ::setsockopt(made.fd_, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) != 0 ||
      ::bind(made.fd_, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0) {
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
  to.sll_ifindex = index_of(fd_, device);
  to.sll_halen = ETH_ALEN;
  std::fill_n(std::begin(to.sll_addr), ETH_ALEN, std::uint8_t{0xff});
  return ::sendto(fd_, bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to) < 0 ? errno
                                                                                                             : 0;
}

Bytes Socket::receive() const {
  Bytes& bytes = room();
  const ssize_t size = ::recv(fd_, bytes.data(), bytes.size(), 0);
  return {bytes.begin(), bytes.begin() + std::max<ssize_t>(size, 0)};
}

bool Socket::next_error(SentError& into) const {
  Bytes& quoted = room();
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
  into = sent_error_in(message);
  into.quoted.assign(quoted.begin(), quoted.begin() + size);
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
