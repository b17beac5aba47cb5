// Many netlink requests in one piece of memory, for Socket::requests.
#pragma once

#include <cstddef>
#include <vector>

#include "linux/netlink/message.h"

namespace fan::netlink {

class Batch {
public:
  void add(const Message& message);

  [[nodiscard]] std::size_t size() const { return starts_.size(); }
  // False once a message was added that could not be built; such a batch must not be sent.
  [[nodiscard]] bool good() const { return good_; }
  // Precondition for these: n < size(), first <= last < size().
  [[nodiscard]] nlmsghdr* at(std::size_t n);
  [[nodiscard]] std::size_t length(std::size_t first, std::size_t last) const; // of those messages together, in bytes

private:
  std::vector<unsigned char> bytes_;
  std::vector<std::size_t> starts_;
  bool good_ = true;
};

} // namespace fan::netlink
