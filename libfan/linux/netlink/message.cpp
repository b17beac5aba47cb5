#include "linux/netlink/message.h"

#include <arpa/inet.h>

#include <netlink/attr.h>
#include <netlink/msg.h>

namespace fan::netlink {

void Message::Free::operator()(nl_msg* message) const {
  nlmsg_free(message);
}

Message::Message(int type, int flags) : Message(nlmsg_alloc_simple(type, flags | NLM_F_REQUEST)) {}

Message::Message(nl_msg* built) : message_(built), good_(built != nullptr) {
  if (good_)
    raw()->nlmsg_flags |= NLM_F_REQUEST;
}

nlmsghdr* Message::raw() const {
  return nlmsg_hdr(message_.get());
}

Message& Message::append(const void* data, std::size_t size) {
  good_ = good_ && nlmsg_append(message_.get(), const_cast<void*>(data), size, NLMSG_ALIGNTO) == 0;
  return *this;
}

Message& Message::put(int type, const void* data, std::size_t size) {
  good_ = good_ && nla_put(message_.get(), type, static_cast<int>(size), data) == 0;
  return *this;
}

Message& Message::be16(int type, std::uint16_t host_order) {
  const std::uint16_t wire = htons(host_order);
  return put(type, &wire, sizeof wire);
}

Message& Message::v4(int type, Address value) {
  const std::uint32_t wire = htonl(value.v4());
  return put(type, &wire, sizeof wire);
}

Message& Message::text(int type, const std::string& value) {
  return put(type, value.c_str(), value.size() + 1);
}

void* Message::open_nest(int type) {
  nlattr* start = good_ ? nla_nest_start(message_.get(), type) : nullptr;
  good_ = start != nullptr;
  return start;
}

void Message::close_nest(void* start) {
  // Without the flag NLA_F_NESTED in 3.7, which rtnetlink accepts either way; "keep_empty" because an empty nest is
  // meant.
  if (good_)
    nla_nest_end_keep_empty(message_.get(), static_cast<nlattr*>(start));
}

} // namespace fan::netlink
