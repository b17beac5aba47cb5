// What the kernel says of tc's filters, read without trusting its lengths. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>

struct nlmsghdr;

namespace fan::bpf {

// One filter of chain 0, where classification begins.
struct Filter {
  std::uint16_t preference = 0;
  std::uint16_t protocol = 0; // host byte order; ETH_P_ALL for all
  std::uint32_t handle = 0;   // 0: the entry that stands for a preference as a whole, or one of another chain
  std::string kind;           // "bpf", "flower", ...
  std::uint32_t program = 0;  // id of the BPF program, 0 for other kinds
};

// Whether its last message ends where the datagram does.
bool is_whole(std::span<const char> datagram);

// All of it is nothing for a message that is too short.
Filter parse_filter(const nlmsghdr& message);
// The kind of the qdisc where ingress and clsact are of this device; "" for a message about anything else.
std::string parse_ingress_kind(const nlmsghdr& message, std::uint32_t ifindex);

// The errno, positive, that an NLMSG_ERROR or NLMSG_DONE carries: 0 for an acknowledgement and for the end of a whole
// list; EPROTO for what says neither.
int parse_error(const nlmsghdr& message);
// NLMSGERR_ATTR_MSG of an NLMSG_ERROR, verbatim; "" when there is none.
std::string parse_error_text(const nlmsghdr& message);

} // namespace fan::bpf
