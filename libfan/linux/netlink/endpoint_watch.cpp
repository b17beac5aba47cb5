#include "linux/netlink/endpoint_watch.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include <arpa/inet.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <unistd.h>

#include "linux/netlink/attributes.h"
#include "linux/netlink/error.h"
#include "linux/netlink/fdb.h"
#include "linux/netlink/socket.h"

namespace fan::netlink {
namespace {

// The first half of an ARP message of IPv4 over Ethernet (RFC 826).
struct Arp {
  std::uint16_t hardware;
  std::uint16_t protocol;
  std::uint8_t hardware_length;
  std::uint8_t protocol_length;
  std::uint16_t operation;
  std::array<std::uint8_t, 6> sender_mac;
  std::array<std::uint8_t, 4> sender;
};

class Descriptor {
public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) {
      close(fd_);
    }
  }
  [[nodiscard]] int get() const { return fd_; }

private:
  int fd_;
};

Error failed(const char* what) {
  return error_from(errno, "").within(what);
}

Result<Descriptor> news_socket() {
  Descriptor socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  sockaddr_nl own{};
  own.nl_family = AF_NETLINK;
  own.nl_groups = RTMGRP_LINK | RTMGRP_NEIGH;
  if (socket.get() < 0 || bind(socket.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0) {
    return failed("listen for news of links and neighbours");
  }
  const int bytes = 1 << 20;
  (void)setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  return socket;
}

Result<Descriptor> arp_socket(std::uint32_t bridge) {
  Descriptor socket(::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)); // nothing until it is bound
  sockaddr_ll place{};
  place.sll_family = AF_PACKET;
  place.sll_protocol = htons(ETH_P_ARP);
  place.sll_ifindex = static_cast<int>(bridge);
  if (socket.get() < 0 || bind(socket.get(), reinterpret_cast<const sockaddr*>(&place), sizeof place) != 0) {
    Error error = failed("listen to ARP on a bridge");
    if (error.sys_errno == EPERM) { // packet(7)
      error.hint = "this process lacks CAP_NET_RAW: run it as root";
    }
    return error;
  }
  return socket;
}

bool is_of_links(const nlmsghdr& message) {
  return message.nlmsg_type == RTM_NEWLINK || message.nlmsg_type == RTM_DELLINK;
}

} // namespace

std::optional<Heard> heard_in(std::span<const std::uint8_t> bytes, const Mac& from, std::uint32_t bridge) {
  Arp arp{};
  if (bytes.size() < sizeof arp) {
    return std::nullopt;
  }
  std::memcpy(&arp, bytes.data(), sizeof arp);
  const bool ethernet = ntohs(arp.hardware) == ARPHRD_ETHER && ntohs(arp.protocol) == ETH_P_IP &&
                        arp.hardware_length == 6 && arp.protocol_length == 4;
  if (!ethernet || arp.sender_mac != from.bytes) {
    return std::nullopt;
  }
  std::uint32_t sender = 0;
  std::memcpy(&sender, arp.sender.data(), sizeof sender);
  return Heard{bridge, Address(ntohl(sender)), Mac{arp.sender_mac}};
}

std::optional<Heard> heard_in(const nlmsghdr& message) {
  const auto* header = header_of<ndmsg>(message);
  if (message.nlmsg_type != RTM_NEWNEIGH || header == nullptr || header->ndm_family != AF_INET ||
      (header->ndm_state & (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE)) == 0) {
    return std::nullopt;
  }
  const Attributes attributes = Attributes::of(message, sizeof(ndmsg));
  const auto address = attributes.v4(NDA_DST);
  const auto mac = attributes.mac(NDA_LLADDR);
  return address && mac ? std::optional(Heard{static_cast<std::uint32_t>(header->ndm_ifindex), *address, *mac, true})
                        : std::nullopt;
}

namespace {

// Where the bridges that are listened on have learned MACs. What is registered stays where it is, whoever says what.
class Whereabouts {
public:
  struct Who {
    std::uint32_t bridge = 0;
    Mac mac;
    auto operator<=>(const Who&) const = default;
  };

  void see(const Who& who, std::uint32_t port) {
    const auto known = known_.find(who);
    if (known == known_.end()) {
      if (known_.size() < most_known) {
        known_.emplace(who, Spot{port, {}});
      }
    } else if (known->second.port != port) {
      known->second = Spot{port, Clock::now() + distrust};
    }
  }
  void forget(const Who& who) { known_.erase(who); }
  void forget_all() { known_.clear(); }

  [[nodiscard]] std::uint32_t port_of(const Who& who) const {
    const auto known = known_.find(who);
    return known == known_.end() ? 0 : known->second.port;
  }
  [[nodiscard]] bool is_doubtful(const Who& who) const {
    const auto known = known_.find(who);
    return known != known_.end() && Clock::now() < known->second.doubted_until;
  }

private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds distrust{60}; // after each move
  static constexpr std::size_t most_known = 1U << 16U;

  struct Spot {
    std::uint32_t port = 0;
    Clock::time_point doubted_until;
  };
  std::map<Who, Spot> known_;
};

} // namespace

struct EndpointWatch::Sockets {
  Descriptor news;
  std::map<std::uint32_t, Descriptor> arp; // by bridge
  std::set<Heard> heard;
  Whereabouts whereabouts;
  bool links = false;

  void take(std::optional<Heard> one) {
    if (!one || arp.count(one->bridge) == 0 || heard.size() >= most_heard) {
      return;
    }
    const Whereabouts::Who who{one->bridge, one->mac};
    if (!whereabouts.is_doubtful(who)) {
      one->port = whereabouts.port_of(who);
      heard.insert(*one);
    }
  }

  void note_learned(const nlmsghdr& message) {
    const auto* header = header_of<ndmsg>(message);
    const bool about = message.nlmsg_type == RTM_NEWNEIGH || message.nlmsg_type == RTM_DELNEIGH;
    if (!about || header == nullptr || header->ndm_family != AF_BRIDGE) {
      return;
    }
    const Attributes attributes = Attributes::of(message, sizeof(ndmsg));
    const auto mac = attributes.mac(NDA_LLADDR);
    const std::uint32_t bridge = attributes.u32(NDA_MASTER).value_or(0);
    if (!mac || arp.count(bridge) == 0) {
      return;
    }
    if (message.nlmsg_type == RTM_DELNEIGH) {
      whereabouts.forget({bridge, *mac});
    } else if ((header->ndm_state & (NUD_PERMANENT | NUD_NOARP)) == 0) {
      whereabouts.see({bridge, *mac}, static_cast<std::uint32_t>(header->ndm_ifindex));
    }
  }

  // What was learned before anybody listened.
  void read_table(std::uint32_t bridge) {
    auto socket = Socket::open();
    const auto table = socket ? list_fdb(*socket, bridge) : std::move(socket).error();
    for (std::size_t n = 0; table && n < table->size(); ++n) {
      if (const FdbRecord& record = (*table)[n]; !record.fixed) {
        whereabouts.see({bridge, record.mac}, record.ifindex);
      }
    }
  }

  // Nobody knows who has moved meanwhile.
  void start_anew() {
    links = true;
    heard.clear();
    whereabouts.forget_all();
    for (const auto& [bridge, socket] : arp) {
      read_table(bridge);
    }
  }

  void read_messages(const unsigned char* begin, unsigned length) {
    for (const auto* one = reinterpret_cast<const nlmsghdr*>(begin); NLMSG_OK(one, length);
         one = NLMSG_NEXT(one, length)) {
      links = links || is_of_links(*one);
      note_learned(*one);
      take(heard_in(*one));
    }
  }

  // What was too much for the socket's buffer is lost, and may have been of links.
  Result<void> read_news() {
    alignas(nlmsghdr) std::array<unsigned char, 32768> buffer{};
    for (;;) {
      const ssize_t got = recv(news.get(), buffer.data(), buffer.size(), 0);
      if (got > 0) {
        read_messages(buffer.data(), static_cast<unsigned>(got));
      } else if (got < 0 && errno == ENOBUFS) {
        start_anew();
      } else {
        return got < 0 && errno != EAGAIN && errno != EINTR ? failed("read news of links and neighbours")
                                                            : Result<void>();
      }
    }
  }

  // At most as many as can be kept, so that a flood cannot hold us here.
  void read_arp(std::uint32_t bridge, const Descriptor& socket) {
    for (std::size_t n = 0; n < most_heard; ++n) {
      std::array<std::uint8_t, sizeof(Arp)> arp{};
      sockaddr_ll from{};
      socklen_t length = sizeof from;
      const ssize_t got =
          recvfrom(socket.get(), arp.data(), arp.size(), 0, reinterpret_cast<sockaddr*>(&from), &length);
      if (got < 0) {
        return; // nothing more, or the bridge is gone, which is news of links
      }
      Mac mac;
      if (from.sll_pkttype != PACKET_OUTGOING && from.sll_halen == mac.bytes.size()) {
        std::copy_n(std::begin(from.sll_addr), mac.bytes.size(), mac.bytes.begin());
        take(heard_in(std::span(arp).first(static_cast<std::size_t>(got)), mac, bridge));
      }
    }
  }
};

EndpointWatch::EndpointWatch(std::unique_ptr<Sockets> sockets) : sockets_(std::move(sockets)) {}
EndpointWatch::EndpointWatch(EndpointWatch&& other) noexcept = default;
EndpointWatch& EndpointWatch::operator=(EndpointWatch&& other) noexcept = default;
EndpointWatch::~EndpointWatch() = default;

Result<EndpointWatch> EndpointWatch::open() {
  auto news = news_socket();
  if (!news) {
    return std::move(news).error();
  }
  auto sockets = std::make_unique<Sockets>();
  sockets->news = std::move(*news);
  return EndpointWatch(std::move(sockets));
}

Result<void> EndpointWatch::listen(const std::set<std::uint32_t>& bridges) {
  std::erase_if(sockets_->arp, [&](const auto& entry) { return bridges.count(entry.first) == 0; });
  for (const std::uint32_t bridge : bridges) {
    if (sockets_->arp.count(bridge) != 0) {
      continue;
    }
    auto socket = arp_socket(bridge);
    if (!socket && socket.error().sys_errno != ENODEV) {
      return std::move(socket).error();
    }
    if (socket) {
      sockets_->arp.emplace(bridge, std::move(*socket));
      sockets_->read_table(bridge);
    }
  }
  return ask();
}

// The answer is read as news are.
Result<void> EndpointWatch::ask() {
  struct {
    nlmsghdr header;
    ndmsg neighbour;
  } dump{};
  dump.header.nlmsg_len = sizeof dump;
  dump.header.nlmsg_type = RTM_GETNEIGH;
  dump.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  dump.neighbour.ndm_family = AF_INET;
  const ssize_t sent = send(sockets_->news.get(), &dump, sizeof dump, 0);
  return sent < 0 ? failed("ask for the neighbours") : Result<void>();
}

Result<News> EndpointWatch::wait(std::chrono::milliseconds patience) {
  std::vector<pollfd> all{{sockets_->news.get(), POLLIN, 0}};
  for (const auto& [bridge, socket] : sockets_->arp) {
    all.push_back({socket.get(), POLLIN, 0});
  }
  if (poll(all.data(), all.size(), static_cast<int>(patience.count())) < 0 && errno != EINTR) {
    return failed("wait for news");
  }
  if (auto read = sockets_->read_news(); !read) {
    return std::move(read).error();
  }
  for (const auto& [bridge, socket] : sockets_->arp) {
    sockets_->read_arp(bridge, socket);
  }
  News news{std::exchange(sockets_->links, false), {sockets_->heard.begin(), sockets_->heard.end()}};
  sockets_->heard.clear();
  return news;
}

} // namespace fan::netlink
