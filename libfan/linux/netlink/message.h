// One netlink request under construction: an owned nl_msg. Builds; sends nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/address.h"

struct nl_msg;
struct nlmsghdr;

namespace fan::netlink {

class Message {
public:
  // `type` is RTM_…, `flags` NLM_F_… (NLM_F_REQUEST is added).
  Message(int type, int flags);
  // Takes over a message that libnl-route built; null counts as a failed build.
  explicit Message(nl_msg* built);

  template <class Header>
  Message& header(const Header& value) {
    return append(&value, sizeof value);
  }
  // A family header and attributes, as the kernel gave them.
  Message& body(const std::vector<unsigned char>& bytes) { return append(bytes.data(), bytes.size()); }
  Message& u8(int type, std::uint8_t value) { return put(type, &value, sizeof value); }
  Message& u32(int type, std::uint32_t value) { return put(type, &value, sizeof value); }
  Message& u64(int type, std::uint64_t value) { return put(type, &value, sizeof value); }
  Message& be16(int type, std::uint16_t host_order);
  Message& v4(int type, Address value);
  Message& mac(int type, const Mac& value) { return put(type, value.bytes.data(), value.bytes.size()); }
  Message& text(int type, const std::string& value); // with its NUL
  Message& flag(int type) { return put(type, nullptr, 0); }

  // Puts the attributes that `fill(*this)` adds inside attribute `type`.
  template <class Fill>
  Message& nest(int type, Fill fill) {
    void* start = open_nest(type);
    fill(*this);
    close_nest(start);
    return *this;
  }

  // False once anything did not fit or could not be allocated; such a message must not be sent.
  [[nodiscard]] bool good() const { return good_; }
  [[nodiscard]] nlmsghdr* raw() const;

private:
  struct Free {
    void operator()(nl_msg* message) const;
  };
  Message& append(const void* data, std::size_t size);
  Message& put(int type, const void* data, std::size_t size);
  void* open_nest(int type);
  void close_nest(void* start);

  std::unique_ptr<nl_msg, Free> message_;
  bool good_;
};

} // namespace fan::netlink
