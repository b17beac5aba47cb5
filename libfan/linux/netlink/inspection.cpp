#include "linux/netlink/inspection.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <set>

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "linux/netlink/error.h"
#include "linux/netlink/link.h"
#include "linux/netlink/network.h"
#include "linux/netlink/route_lookup.h"
#include "linux/netlink/routes.h"

namespace fan::netlink {
namespace {

constexpr std::size_t routes_at_most = 8;

std::string name_of(const std::vector<Link>& links, std::uint32_t ifindex) {
  const auto found =
      std::find_if(links.begin(), links.end(), [ifindex](const Link& link) { return link.fact.ifindex == ifindex; });
  return found == links.end() ? std::string() : found->fact.name;
}

const char* word_for(std::uint8_t type) {
  switch (type) {
  case RTN_BLACKHOLE:
    return "blackhole";
  case RTN_UNREACHABLE:
    return "unreachable";
  case RTN_PROHIBIT:
    return "prohibit";
  case RTN_THROW:
    return "throw";
  default:
    return "unicast";
  }
}

RouteWords words_of(const RouteEntry& route, const std::vector<Link>& links) {
  RouteWords seen{route.destination, {word_for(route.type), route.destination.str()}};
  const auto add = [&seen](const char* word, const std::string& value) {
    seen.words.insert(seen.words.end(), {word, value});
  };
  if (route.via) {
    add("via", route.via->str());
  }
  if (route.ifindex != 0) {
    add("dev", name_of(links, route.ifindex));
  }
  add("table", std::to_string(route.table));
  add("metric", std::to_string(route.metric));
  return seen;
}

// A conversation of its own: sock_diag is no rtnetlink.
class DiagSocket {
public:
  DiagSocket() : fd_(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG)) {}
  ~DiagSocket() {
    if (fd_ >= 0) {
      close(fd_);
    }
  }
  DiagSocket(const DiagSocket&) = delete;
  DiagSocket& operator=(const DiagSocket&) = delete;

  [[nodiscard]] bool ask() const {
    struct {
      nlmsghdr header;
      inet_diag_req_v2 request;
    } message{};
    message.header = {sizeof message, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, 1, 0};
    message.request.sdiag_family = AF_INET;
    message.request.sdiag_protocol = IPPROTO_UDP;
    message.request.idiag_states = ~0U;
    return fd_ >= 0 && send(fd_, &message, sizeof message, 0) == static_cast<ssize_t>(sizeof message);
  }

  // False at the end of the dump; errno is not 0 then when it failed.
  bool read(std::vector<BoundUdp>& into) {
    ssize_t length = 0;
    do {
      length = recv(fd_, buffer_.data(), buffer_.size(), 0);
    } while (length < 0 && errno == EINTR);
    if (length <= 0) {
      return false;
    }
    int left = static_cast<int>(length);
    for (auto* one = reinterpret_cast<nlmsghdr*>(buffer_.data()); NLMSG_OK(one, static_cast<unsigned>(left));
         one = NLMSG_NEXT(one, left)) {
      if (one->nlmsg_type == NLMSG_DONE || one->nlmsg_type == NLMSG_ERROR) {
        errno = one->nlmsg_type == NLMSG_ERROR ? EPROTO : 0;
        return false;
      }
      if (one->nlmsg_len >= NLMSG_LENGTH(sizeof(inet_diag_msg))) {
        into.push_back(parse(*static_cast<const inet_diag_msg*>(NLMSG_DATA(one))));
      }
    }
    return true;
  }

private:
  static BoundUdp parse(const inet_diag_msg& message) {
    return {Address(ntohl(message.id.idiag_src[0])), ntohs(message.id.idiag_sport), message.id.idiag_if,
            message.idiag_inode};
  }

  int fd_;
  alignas(nlmsghdr) std::array<unsigned char, 32768> buffer_{};
};

} // namespace

Result<std::vector<RouteWords>> Inspection::routes_inside(const Prefix& overlay) {
  auto socket = Socket::open();
  const auto links = socket ? list_links(*socket) : Result<std::vector<Link>>(socket.error());
  if (!links) {
    return links.error();
  }
  std::set<std::uint32_t> ours;
  for (const Link& link : *links) {
    if (bears_our_sign(link.fact)) {
      ours.insert(link.fact.ifindex);
    }
  }
  const auto found = find_inside(*socket, overlay, ours, routes_at_most);
  if (!found) {
    return found.error();
  }
  std::vector<RouteWords> routes;
  std::transform(found->begin(), found->end(), std::back_inserter(routes),
                 [&](const RouteEntry& route) { return words_of(route, *links); });
  return routes;
}

Result<std::optional<std::string>> Inspection::device_into(const Prefix& network) {
  auto socket = Socket::open();
  const auto links = socket ? list_links(*socket) : Result<std::vector<Link>>(socket.error());
  if (!links) {
    return links.error();
  }
  const auto device = netlink::device_into(*socket, network);
  if (!device) {
    return device.error();
  }
  return *device ? std::optional(name_of(*links, **device)) : std::optional<std::string>();
}

Result<std::vector<Lifetime>> Inspection::lifetimes() {
  auto socket = Socket::open();
  return socket ? list_lifetimes(*socket) : std::move(socket).error();
}

Result<std::vector<BoundUdp>> Inspection::udp_sockets() {
  DiagSocket socket;
  std::vector<BoundUdp> all;
  errno = 0;
  if (socket.ask()) {
    while (socket.read(all)) {
    }
  }
  if (errno != 0) {
    Error error;
    error.sys_errno = errno;
    error.message = std::string("list the UDP sockets: ") + std::strerror(errno);
    return error;
  }
  return all;
}

} // namespace fan::netlink
