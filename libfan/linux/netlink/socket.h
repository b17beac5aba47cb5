// One netlink conversation, of rtnetlink unless told, with the network namespace that the calling thread is in. Sends
// requests, reads answers, keeps the kernel's errno and extended-ACK text. Knows nothing of links or routes, and never
// parses what a visitor can parse.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "linux/netlink/batch.h"
#include "linux/netlink/message.h"

struct nl_sock;

namespace fan::netlink {

// What the reader of a dump does with it.
struct DumpReader {
  // A new dump begins, perhaps because the last was interrupted: forget what was read.
  std::function<void()> begin;
  // One message, valid during the call only. False ends the dump early.
  std::function<bool(const nlmsghdr&)> message;
};

class Socket {
public:
  // With NETLINK_EXT_ACK and, where the kernel knows it (4.20), NETLINK_GET_STRICT_CHK. Class kernel or privilege.
  static Result<Socket> open(int protocol = 0); // NETLINK_ROUTE

  // Sends a request and waits for its acknowledgement. Any error is the kernel's own (error.h).
  Result<void> request(Message& message);
  // Sends a request that is answered by one message, hands it to `read`, valid during the call only.
  Result<void> query(Message& message, const std::function<void(const nlmsghdr&)>& read);
  // Sends many requests, several in one datagram, and tells of each that was refused, counted from 0: the others were
  // carried out. Only the last of a datagram is acknowledged, as the kernel always speaks of what it refuses.
  Result<void> requests(Batch& batch, const std::function<void(std::size_t, Error)>& refused);
  // Reads a whole list. A list that changed while it was read (NLM_F_DUMP_INTR), or overran the buffer, is read again,
  // at most `dump_attempts` times in all; then errno EINTR. `message` needs NLM_F_DUMP. Success is a whole list and no
  // other: one that ends with an error, within a message (EBADMSG) or in something that ends no list (EPROTO) is an
  // error.
  Result<void> dump(Message& message, const DumpReader& reader);

  static constexpr int dump_attempts = 5; // as the CNI plugins do

private:
  struct Close {
    void operator()(nl_sock* socket) const;
  };
  enum class Answer { done, interrupted, ended_early };

  Socket(std::unique_ptr<nl_sock, Close> socket, int protocol);
  static Result<std::unique_ptr<nl_sock, Close>> connect(int protocol);
  Result<void> send(Message& message);
  Result<void> send_datagram(Batch& batch, std::size_t first, std::size_t last,
                             const std::function<void(std::size_t, Error)>& refused);
  Result<std::size_t> receive();
  Result<Answer> read_dump(unsigned sequence, const DumpReader& reader);
  Result<void> read_answers(unsigned sequence, const std::function<void(const nlmsghdr&)>& read);

  std::unique_ptr<nl_sock, Close> socket_;
  int protocol_;                      // NETLINK_…
  std::vector<unsigned char> buffer_; // one datagram; a dump's are at most 32 KiB (net/netlink/af_netlink.c)
};

// All of a dump's messages that `parse` makes something of (it returns an optional); what it cannot read is left out.
template <class T, class Parse>
Result<std::vector<T>> collect(Socket& socket, Message& message, Parse parse) {
  std::vector<T> all;
  const DumpReader reader{[&all] { all.clear(); },
                          [&all, &parse](const nlmsghdr& one) {
                            if (std::optional<T> value = parse(one))
                              all.push_back(std::move(*value));
                            return true;
                          }};
  if (auto done = socket.dump(message, reader); !done)
    return std::move(done).error();
  return all;
}

} // namespace fan::netlink
