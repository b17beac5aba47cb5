#include "linux/bpf/filters.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/netlink.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "linux/bpf/failure.h"

namespace fan::bpf {
namespace {

constexpr std::uint16_t our_preference = 1;
constexpr int dump_attempts = 5;

std::uint32_t parent_of(Direction direction) {
  return TC_H_MAKE(TC_H_CLSACT, direction == Direction::ingress ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS);
}

// Of an answer that carries an error.
Error refusal(const nlmsghdr& message, const std::string& doing) {
  Error e = failure(parse_error(message), doing);
  e.kernel_text = parse_error_text(message);
  if (!e.kernel_text.empty()) {
    e.message += " (" + e.kernel_text + ")";
  }
  return e;
}

} // namespace

// A request under construction: header, tcmsg, attributes.
class Filters::Request {
public:
  Request(std::uint16_t type, int flags, const tcmsg& body) {
    message_.header.nlmsg_type = type;
    message_.header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    message_.header.nlmsg_len = NLMSG_LENGTH(sizeof(tcmsg));
    message_.body = body;
  }

  void add(std::uint16_t type, const void* data, std::size_t size) {
    const nlattr attribute{static_cast<std::uint16_t>(sizeof(nlattr) + size), type};
    std::memcpy(end(), &attribute, sizeof(attribute));
    if (size != 0) {
      std::memcpy(end() + sizeof(attribute), data, size);
    }
    message_.header.nlmsg_len += NLA_ALIGN(attribute.nla_len);
  }
  void add(std::uint16_t type, const std::string& text) { add(type, text.c_str(), text.size() + 1); }
  void add(std::uint16_t type, std::uint32_t value) { add(type, &value, sizeof(value)); }

  // Attributes added between these two are inside the one opened. Returns where it begins.
  std::size_t open(std::uint16_t type) {
    const std::size_t at = message_.header.nlmsg_len;
    add(type, nullptr, 0);
    return at;
  }
  void close(std::size_t at) {
    const auto length = static_cast<std::uint16_t>(message_.header.nlmsg_len - at);
    std::memcpy(reinterpret_cast<char*>(&message_) + at, &length, sizeof(length));
  }

  void number(std::uint32_t sequence) { message_.header.nlmsg_seq = sequence; }
  [[nodiscard]] const void* data() const { return &message_; }
  [[nodiscard]] std::size_t size() const { return message_.header.nlmsg_len; }

private:
  char* end() { return reinterpret_cast<char*>(&message_) + message_.header.nlmsg_len; }
  struct {
    nlmsghdr header;
    tcmsg body;
    std::array<char, 256> room; // the longest request here needs 60
  } message_{};
};

Result<Filters> Filters::open() {
  Filters filters;
  filters.socket_ = Fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!filters.socket_) {
    return failure(errno, "open a netlink socket");
  }
  const int on = 1;
  setsockopt(filters.socket_.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
  // The kernel answers within the call; a wait can only mean a mistake of ours, which must not hang.
  const timeval patience{5, 0};
  setsockopt(filters.socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  return filters;
}

Result<std::size_t> Filters::receive(std::span<char> buffer, const std::string& doing) {
  ssize_t length = -1;
  do {
    length = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_TRUNC);
  } while (length < 0 && errno == EINTR);
  if (length < 0) {
    return failure(errno, doing);
  }
  if (static_cast<std::size_t>(length) > buffer.size()) {
    return failure(EMSGSIZE, doing);
  }
  return is_whole(buffer.first(static_cast<std::size_t>(length))) ? Result(static_cast<std::size_t>(length))
                                                                  : Result<std::size_t>(failure(EBADMSG, doing));
}

Result<void> Filters::transact(Request& request, const std::string& doing) {
  alignas(nlmsghdr) std::array<char, 8192> buffer;
  request.number(++sequence_);
  if (::send(socket_.get(), request.data(), request.size(), 0) < 0) {
    return failure(errno, doing);
  }
  while (true) {
    const Result<std::size_t> length = receive(buffer, doing);
    if (!length) {
      return length.error();
    }
    const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data());
    if (!NLMSG_OK(message, *length) || message->nlmsg_seq != sequence_) {
      continue;
    }
    return message->nlmsg_type == NLMSG_ERROR && parse_error(*message) != 0 ? Result<void>(refusal(*message, doing))
                                                                            : Result<void>();
  }
}

Result<bool> Filters::dump(Request& request, const std::string& doing,
                           const std::function<void(const nlmsghdr&)>& each) {
  alignas(nlmsghdr) std::array<char, 32768> buffer;
  bool interrupted = false;
  request.number(++sequence_);
  if (::send(socket_.get(), request.data(), request.size(), 0) < 0) {
    return failure(errno, doing);
  }
  while (true) {
    const Result<std::size_t> length = receive(buffer, doing);
    if (!length) {
      return length.error();
    }
    std::size_t left = *length;
    for (const auto* m = reinterpret_cast<const nlmsghdr*>(buffer.data()); NLMSG_OK(m, left); m = NLMSG_NEXT(m, left)) {
      if (m->nlmsg_seq != sequence_) {
        continue;
      }
      interrupted = interrupted || (m->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
      if (m->nlmsg_type == NLMSG_DONE) {
        const int number = parse_error(*m); // the list may end with an error, and is not whole then
        return number == 0 ? Result<bool>(!interrupted) : failure(number, doing);
      }
      if (m->nlmsg_type == NLMSG_ERROR) { // an acknowledgement is not the end of a list
        return parse_error(*m) == 0 ? failure(EPROTO, doing) : refusal(*m, doing);
      }
      each(*m);
    }
  }
}

Result<std::vector<Filter>> Filters::list(std::uint32_t ifindex, Direction direction) {
  const std::string doing = fmt::format("list the filters of device {}", ifindex);
  tcmsg body{};
  body.tcm_ifindex = static_cast<int>(ifindex);
  body.tcm_parent = parent_of(direction);
  for (int attempt = 0; attempt < dump_attempts; ++attempt) {
    Request request(RTM_GETTFILTER, NLM_F_DUMP, body);
    std::vector<Filter> found;
    const Result<bool> whole = dump(request, doing, [&](const nlmsghdr& message) {
      if (Filter filter = parse_filter(message); filter.handle != 0) {
        found.push_back(std::move(filter));
      }
    });
    if (!whole) {
      return whole.error();
    }
    if (*whole) {
      return found;
    }
  }
  return failure(EINTR, doing + ": they keep changing");
}

Result<void> Filters::make_clsact(std::uint32_t ifindex, const std::string& device) {
  tcmsg body{};
  body.tcm_ifindex = static_cast<int>(ifindex);
  body.tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
  body.tcm_parent = TC_H_CLSACT;
  Request request(RTM_NEWQDISC, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, body);
  request.add(TCA_KIND, std::string("clsact"));
  Result<void> made = transact(request, "make a clsact qdisc");
  if (made || made.error().sys_errno != EEXIST) {
    return made;
  }
  const Result<std::string> kind = kind_at_ingress(ifindex);
  if (!kind || *kind == "clsact") {
    return kind ? Result<void>() : Result<void>(kind.error());
  }
  Error e;
  e.kind = ErrorClass::host_state;
  e.message = "a qdisc of kind " + *kind + " stands where clsact must be";
  e.hint = fmt::format("remove it: tc qdisc del dev {} ingress", device);
  return e;
}

Result<std::string> Filters::kind_at_ingress(std::uint32_t ifindex) {
  tcmsg body{};
  body.tcm_ifindex = static_cast<int>(ifindex);
  Request request(RTM_GETQDISC, NLM_F_DUMP, body);
  std::string kind;
  const Result<bool> whole = dump(request, "ask for the ingress qdisc", [&](const nlmsghdr& message) {
    if (std::string found = parse_ingress_kind(message, ifindex); !found.empty()) {
      kind = std::move(found);
    }
  });
  return whole ? Result<std::string>(kind) : Result<std::string>(whole.error());
}

Result<void> Filters::attach(std::uint32_t ifindex, Direction direction, std::uint32_t handle, int program,
                             const std::string& name, bool replace) {
  tcmsg body{};
  body.tcm_ifindex = static_cast<int>(ifindex);
  body.tcm_parent = parent_of(direction);
  body.tcm_handle = handle;
  body.tcm_info = TC_H_MAKE(std::uint32_t{our_preference} << 16U, htons(ETH_P_ALL));
  Request request(RTM_NEWTFILTER, NLM_F_ACK | NLM_F_CREATE | (replace ? NLM_F_REPLACE : NLM_F_EXCL), body);
  request.add(TCA_KIND, std::string("bpf"));
  const std::size_t options = request.open(TCA_OPTIONS);
  request.add(TCA_BPF_FD, static_cast<std::uint32_t>(program));
  request.add(TCA_BPF_NAME, name);
  request.add(TCA_BPF_FLAGS, std::uint32_t{TCA_BPF_FLAG_ACT_DIRECT});
  request.close(options);
  return transact(request, "attach BPF program " + name);
}

Result<void> Filters::detach(std::uint32_t ifindex, Direction direction, std::uint32_t handle) {
  tcmsg body{};
  body.tcm_ifindex = static_cast<int>(ifindex);
  body.tcm_parent = parent_of(direction);
  body.tcm_handle = handle;
  body.tcm_info = TC_H_MAKE(std::uint32_t{our_preference} << 16U, htons(ETH_P_ALL));
  Request request(RTM_DELTFILTER, NLM_F_ACK, body);
  request.add(TCA_KIND, std::string("bpf"));
  return transact(request, "detach a BPF program");
}

} // namespace fan::bpf
