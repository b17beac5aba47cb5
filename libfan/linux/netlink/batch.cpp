#include "linux/netlink/batch.h"

#include <linux/netlink.h>

namespace fan::netlink {

void Batch::add(const Message& message) {
  good_ = good_ && message.good();
  if (!good_)
    return;
  const nlmsghdr* header = message.raw();
  const auto* begin = reinterpret_cast<const unsigned char*>(header);
  starts_.push_back(bytes_.size());
  bytes_.insert(bytes_.end(), begin, begin + header->nlmsg_len);
  bytes_.resize(NLMSG_ALIGN(bytes_.size()));
}

nlmsghdr* Batch::at(std::size_t n) {
  return reinterpret_cast<nlmsghdr*>(bytes_.data() + starts_[n]);
}

std::size_t Batch::length(std::size_t first, std::size_t last) const {
  const std::size_t end = last + 1 < starts_.size() ? starts_[last + 1] : bytes_.size();
  return end - starts_[first];
}

} // namespace fan::netlink
