// Datagrams of rtnetlink about tc's filters and qdiscs, in which the lengths may be anything.
#include <cstring>
#include <vector>

#include <linux/netlink.h>

#include "linux/bpf/filter_messages.h"
#include "property.h"

namespace {

void read_one(const nlmsghdr& message) {
  const fan::bpf::Filter filter = fan::bpf::parse_filter(message);
  fan::fuzz::require(filter.program == 0 || filter.kind == "bpf", "only a filter of BPF has a program");
  fan::fuzz::require(filter.kind.find('\0') == std::string::npos, "a kind ends where its text does");
  const std::string kind = fan::bpf::parse_ingress_kind(message, 7);
  fan::fuzz::require(kind.empty() || kind == filter.kind, "a qdisc's kind is read as a filter's");
  const int number = fan::bpf::parse_error(message);
  fan::fuzz::require(number >= 0 && number <= 4095, "an errno is one of the kernel's");
  fan::fuzz::require(fan::bpf::parse_error_text(message).size() <= message.nlmsg_len, "no more than was said");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<char> datagram(data, data + size); // of its size to the byte
  const bool whole = fan::bpf::is_whole(datagram);
  std::size_t at = 0;
  while (datagram.size() - at >= sizeof(nlmsghdr)) {
    nlmsghdr header{};
    std::memcpy(&header, datagram.data() + at, sizeof header);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > datagram.size() - at) {
      fan::fuzz::require(!whole, "what is cut off is not whole");
      return 0;
    }
    const std::vector<char> one(datagram.begin() + static_cast<std::ptrdiff_t>(at),
                                datagram.begin() + static_cast<std::ptrdiff_t>(at + header.nlmsg_len));
    read_one(*reinterpret_cast<const nlmsghdr*>(one.data()));
    at += std::min<std::size_t>(NLMSG_ALIGN(std::size_t{header.nlmsg_len}), datagram.size() - at);
  }
  fan::fuzz::require(whole == (at == size && size != 0), "whole is what ends where its last message does");
  return 0;
}
