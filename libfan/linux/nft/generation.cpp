#include "linux/nft/generation.h"

#include <arpa/inet.h>
#include <cstring>

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include "linux/nft/worker.h"

namespace fan::nft {
namespace {

struct Question {
  nlmsghdr header;
  nfgenmsg family;
};

std::uint16_t type_of(int message) {
  return static_cast<std::uint16_t>((NFNL_SUBSYS_NFTABLES << 8U) | message);
}

bool ask(int socket) {
  Question question{};
  question.header.nlmsg_len = sizeof question;
  question.header.nlmsg_type = type_of(NFT_MSG_GETGEN);
  question.header.nlmsg_flags = NLM_F_REQUEST;
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  return sendto(socket, &question, sizeof question, 0, reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel) ==
         static_cast<ssize_t>(sizeof question);
}

// `length` bytes of attributes.
std::optional<std::uint32_t> number_in(const unsigned char* attributes, std::size_t length) {
  nlattr attribute{};
  while (length >= sizeof attribute) {
    std::memcpy(&attribute, attributes, sizeof attribute);
    const std::size_t step = NLA_ALIGN(attribute.nla_len);
    if (attribute.nla_len < sizeof attribute || attribute.nla_len > length) {
      return std::nullopt;
    }
    std::uint32_t value = 0;
    if ((attribute.nla_type & NLA_TYPE_MASK) == NFTA_GEN_ID && attribute.nla_len == NLA_HDRLEN + sizeof value) {
      std::memcpy(&value, attributes + NLA_HDRLEN, sizeof value);
      return ntohl(value);
    }
    attributes += step;
    length -= step < length ? step : length;
  }
  return std::nullopt;
}

std::optional<std::uint32_t> answer(int socket) {
  alignas(nlmsghdr) unsigned char buffer[1024];
  sockaddr_nl from{};
  socklen_t from_length = sizeof from;
  const ssize_t length = recvfrom(socket, buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&from), &from_length);
  constexpr std::size_t head = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(nfgenmsg));
  if (length < static_cast<ssize_t>(head) || from.nl_pid != 0) {
    return std::nullopt;
  }
  nlmsghdr header{};
  std::memcpy(&header, buffer, sizeof header);
  if (header.nlmsg_type != type_of(NFT_MSG_NEWGEN) || header.nlmsg_len > static_cast<std::size_t>(length) ||
      header.nlmsg_len < head) {
    return std::nullopt;
  }
  return number_in(buffer + head, header.nlmsg_len - head);
}

} // namespace

std::optional<Generation> generation() {
  const ino_t network = network_here();
  if (network == 0) {
    return std::nullopt;
  }
  const int descriptor = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
  if (descriptor < 0) {
    return std::nullopt;
  }
  const std::optional<std::uint32_t> number = ask(descriptor) ? answer(descriptor) : std::nullopt;
  close(descriptor);
  return number ? std::optional(Generation{network, *number}) : std::nullopt;
}

} // namespace fan::nft
