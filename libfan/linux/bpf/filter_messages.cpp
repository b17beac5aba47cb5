#include "linux/bpf/filter_messages.h"

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>

namespace fan::bpf {
namespace {

constexpr int largest_errno = 4095; // MAX_ERRNO of the kernel (linux/err.h)

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

std::string text(std::string_view payload) {
  return std::string(payload.substr(0, payload.find('\0')));
}

std::string_view payload_of(const nlmsghdr& message) {
  const std::size_t length = message.nlmsg_len < NLMSG_HDRLEN ? 0 : message.nlmsg_len - NLMSG_HDRLEN;
  return {reinterpret_cast<const char*>(&message) + NLMSG_HDRLEN, length};
}

// The header of a message's family, and what stands behind it.
template <class Header>
std::optional<Header> take_header(std::string_view& payload) {
  if (payload.size() < sizeof(Header)) {
    return std::nullopt;
  }
  Header header{};
  std::memcpy(&header, payload.data(), sizeof header);
  payload.remove_prefix(std::min<std::size_t>(NLMSG_ALIGN(sizeof header), payload.size()));
  return header;
}

} // namespace

bool is_whole(std::span<const char> datagram) {
  std::size_t at = 0;
  while (datagram.size() - at >= sizeof(nlmsghdr)) {
    nlmsghdr header{};
    std::memcpy(&header, datagram.data() + at, sizeof header);
    if (header.nlmsg_len < sizeof(nlmsghdr) || header.nlmsg_len > datagram.size() - at) {
      return false;
    }
    at += std::min<std::size_t>(NLMSG_ALIGN(std::size_t{header.nlmsg_len}), datagram.size() - at);
  }
  return at == datagram.size() && !datagram.empty();
}

Filter parse_filter(const nlmsghdr& message) {
  Filter filter;
  std::string_view attributes = payload_of(message);
  const auto header = take_header<tcmsg>(attributes);
  if (!header) {
    return filter;
  }
  filter.handle = header->tcm_handle;
  filter.preference = static_cast<std::uint16_t>(header->tcm_info >> 16U);
  filter.protocol = ntohs(static_cast<std::uint16_t>(header->tcm_info & 0xffffU));
  std::string_view options;
  for_attributes(attributes, [&](int type, std::string_view payload) {
    if (type == TCA_KIND) {
      filter.kind = text(payload);
    } else if (type == TCA_CHAIN && number(payload) != 0) {
      filter.handle = 0;
    } else if (type == TCA_OPTIONS) {
      options = payload;
    }
  });
  // What the options mean is the kind's to say.
  for_attributes(filter.kind == "bpf" ? options : std::string_view(), [&](int option, std::string_view value) {
    filter.program = option == TCA_BPF_ID ? number(value) : filter.program;
  });
  return filter;
}

std::string parse_ingress_kind(const nlmsghdr& message, std::uint32_t ifindex) {
  std::string_view attributes = payload_of(message);
  const auto header = take_header<tcmsg>(attributes);
  const bool meant = header && header->tcm_ifindex == static_cast<int>(ifindex) && header->tcm_parent == TC_H_CLSACT;
  return meant ? parse_filter(message).kind : std::string();
}

int parse_error(const nlmsghdr& message) {
  std::string_view payload = payload_of(message);
  const auto number = take_header<int>(payload);
  if (!number) { // the list of an old kernel may end without one
    return message.nlmsg_type == NLMSG_DONE ? 0 : EPROTO;
  }
  return *number == 0 ? 0 : *number < 0 && *number >= -largest_errno ? -*number : EPROTO;
}

std::string parse_error_text(const nlmsghdr& message) {
  std::string_view rest = payload_of(message);
  const auto error = take_header<nlmsgerr>(rest);
  std::string found;
  if (!error || (message.nlmsg_flags & NLM_F_ACK_TLVS) == 0) {
    return found;
  }
  // The request follows whole, unless the kernel cut it down to its header.
  if ((message.nlmsg_flags & NLM_F_CAPPED) == 0 && error->msg.nlmsg_len >= NLMSG_HDRLEN) {
    rest.remove_prefix(std::min<std::size_t>(NLMSG_ALIGN(error->msg.nlmsg_len - NLMSG_HDRLEN), rest.size()));
  }
  for_attributes(rest, [&](int type, std::string_view payload) {
    if (type == NLMSGERR_ATTR_MSG) {
      found = text(payload);
    }
  });
  return found;
}

} // namespace fan::bpf
