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
#include <string_view>

#include <fmt/format.h>

#include "linux/bpf/failure.h"

namespace fan::bpf {
namespace {

constexpr std::uint16_t our_preference = 1;
constexpr int dump_attempts = 5;

std::uint32_t parent_of(Direction direction) {
  return TC_H_MAKE(TC_H_CLSACT, direction == Direction::ingress ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS);
}

// Calls each(type, payload) for the attributes in `data`; stops at what is cut off.
template <class Each>
void for_attributes(std::string_view data, Each&& each) {
  while (data.size() >= sizeof(nlattr)) {
    nlattr header{};
    std::memcpy(&header, data.data(), sizeof(header));
    if (header.nla_len < sizeof(header) || header.nla_len > data.size()) {
      return;
    }
    each(header.nla_type & NLA_TYPE_MASK, data.substr(sizeof(header), header.nla_len - sizeof(header)));
    data.remove_prefix(std::min<std::size_t>(NLA_ALIGN(header.nla_len), data.size()));
  }
}

std::uint32_t number(std::string_view payload) {
  std::uint32_t value = 0;
  std::memcpy(&value, payload.data(), std::min(payload.size(), sizeof(value)));
  return value;
}

// Also reads the kind of a qdisc. The handle is 0 for the entry that stands for a preference as a whole, and for other
// chains.
Filter parse_filter(const nlmsghdr* message) {
  Filter filter;
  if (message->nlmsg_len < NLMSG_LENGTH(sizeof(tcmsg))) {
    return filter;
  }
  const auto* header = static_cast<const tcmsg*>(NLMSG_DATA(message));
  const std::string_view attributes(reinterpret_cast<const char*>(header) + NLMSG_ALIGN(sizeof(tcmsg)),
                                    message->nlmsg_len - NLMSG_LENGTH(sizeof(tcmsg)));
  filter.handle = header->tcm_handle;
  filter.preference = static_cast<std::uint16_t>(header->tcm_info >> 16U);
  filter.protocol = ntohs(static_cast<std::uint16_t>(header->tcm_info & 0xffffU));
  for_attributes(attributes, [&](int type, std::string_view payload) {
    if (type == TCA_KIND) {
      filter.kind = payload.substr(0, payload.find('\0'));
    } else if (type == TCA_CHAIN && number(payload) != 0) {
      filter.handle = 0;
    } else if (type == TCA_OPTIONS && filter.kind == "bpf") {
      for_attributes(payload, [&](int option, std::string_view value) {
        filter.program = option == TCA_BPF_ID ? number(value) : filter.program;
      });
    }
  });
  return filter;
}

// Whether its last message ends where the datagram does.
bool is_whole(const char* begin, std::size_t length) {
  std::size_t at = 0;
  while (length - at >= sizeof(nlmsghdr)) {
    const std::size_t size = reinterpret_cast<const nlmsghdr*>(begin + at)->nlmsg_len;
    if (size < sizeof(nlmsghdr) || size > length - at) {
      return false;
    }
    at += std::min<std::size_t>(NLMSG_ALIGN(size), length - at);
  }
  return at == length && length != 0;
}

// The errno, positive, that NLMSG_DONE carries; 0 for the end of a whole list.
int error_at_end(const nlmsghdr& message) {
  int number = 0;
  if (message.nlmsg_len >= NLMSG_LENGTH(sizeof number)) {
    std::memcpy(&number, NLMSG_DATA(&message), sizeof number);
  }
  return number < 0 ? -number : number == 0 ? 0 : EPROTO;
}

// From an NLMSG_ERROR with an error in it: errno, and NLMSGERR_ATTR_MSG verbatim.
Error refusal(const nlmsghdr* message, const std::string& doing) {
  const auto* error = static_cast<const nlmsgerr*>(NLMSG_DATA(message));
  std::string text;
  const std::size_t skip =
      sizeof(nlmsgerr) +
      ((message->nlmsg_flags & NLM_F_CAPPED) != 0 ? 0 : NLMSG_ALIGN(error->msg.nlmsg_len) - sizeof(nlmsghdr));
  if ((message->nlmsg_flags & NLM_F_ACK_TLVS) != 0 && NLMSG_LENGTH(skip) < message->nlmsg_len) {
    const std::string_view rest(reinterpret_cast<const char*>(error) + skip, message->nlmsg_len - NLMSG_LENGTH(skip));
    for_attributes(rest, [&](int type, std::string_view payload) {
      if (type == NLMSGERR_ATTR_MSG) {
        text = payload.substr(0, payload.find('\0'));
      }
    });
  }
  Error e = failure(-error->error, doing);
  e.kernel_text = text;
  if (!text.empty()) {
    e.message += " (" + text + ")";
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
  return is_whole(buffer.data(), static_cast<std::size_t>(length)) ? Result(static_cast<std::size_t>(length))
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
    const auto* answer = static_cast<const nlmsgerr*>(NLMSG_DATA(message));
    return message->nlmsg_type == NLMSG_ERROR && answer->error != 0 ? Result<void>(refusal(message, doing))
                                                                    : Result<void>();
  }
}

Result<bool> Filters::dump(Request& request, const std::string& doing,
                           const std::function<void(const nlmsghdr*)>& each) {
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
        const int number = error_at_end(*m); // the list may end with an error, and is not whole then
        return number == 0 ? Result<bool>(!interrupted) : failure(number, doing);
      }
      if (m->nlmsg_type == NLMSG_ERROR) {
        const bool says_why =
            m->nlmsg_len >= NLMSG_LENGTH(sizeof(nlmsgerr)) && static_cast<const nlmsgerr*>(NLMSG_DATA(m))->error < 0;
        return says_why ? refusal(m, doing) : failure(EPROTO, doing);
      }
      each(m);
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
    const Result<bool> whole = dump(request, doing, [&](const nlmsghdr* message) {
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

Result<void> Filters::make_clsact(std::uint32_t ifindex) {
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
  e.hint = "remove it: tc qdisc del dev DEVICE ingress";
  return e;
}

Result<std::string> Filters::kind_at_ingress(std::uint32_t ifindex) {
  tcmsg body{};
  body.tcm_ifindex = static_cast<int>(ifindex);
  Request request(RTM_GETQDISC, NLM_F_DUMP, body);
  std::string kind;
  const Result<bool> whole = dump(request, "ask for the ingress qdisc", [&](const nlmsghdr* message) {
    const auto* header = static_cast<const tcmsg*>(NLMSG_DATA(message));
    if (header->tcm_ifindex == static_cast<int>(ifindex) && header->tcm_parent == TC_H_CLSACT) {
      kind = parse_filter(message).kind;
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
