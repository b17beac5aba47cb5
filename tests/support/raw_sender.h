// A sender of forged packets, plain and tunnelled, once or as a background through a whole test.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "support/netns.h"
#include "support/packet.h"

namespace fan::test {

class RawSender {
public:
  // Whole frames out of `device`, as they are, past every hook of the namespace's IP stack.
  static RawSender frames(const Netns& netns, const std::string& device);
  // Whole IPv4 packets, routed by the namespace to their destination (a raw socket with IP_HDRINCL: the kernel fills in
  // the header checksum, and passes them through its output hooks).
  static RawSender packets(const Netns& netns);

  ~RawSender();
  RawSender(RawSender&& other) noexcept;
  RawSender& operator=(RawSender&&) = delete;

  // What is sent from now on bears the mark, as far as the kernel carries it.
  void mark(std::uint32_t mark) const;

  // errno of the send, 0 when it went out.
  int send(const Bytes& bytes); // NOLINT(modernize-use-nodiscard)

  // Sends all of `bytes` over and over, `per_second` in all, until stop() or the object's end.
  void start(std::vector<Bytes> bytes, int per_second = 500);
  // How many went out without an error since start().
  std::uint64_t stop();

private:
  RawSender(int fd, int ifindex) : fd_(fd), ifindex_(ifindex) {}
  int fd_;
  int ifindex_; // 0: packets
  std::jthread thread_;
  std::uint64_t sent_ = 0;
};

} // namespace fan::test
