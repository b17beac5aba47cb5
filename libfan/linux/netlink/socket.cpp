#include "linux/netlink/socket.h"

#include <algorithm>
#include <cerrno>

#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <sys/socket.h>

#include "linux/netlink/error.h"

namespace fan::netlink {
namespace {

Error out_of_memory() {
  return error_from(ENOMEM, "");
}

void switch_on(int descriptor, int option) {
  const int on = 1;
  // Kernels before 4.12 and 4.20 do not know these; everything here works without, with plainer errors and unfiltered
  // dumps.
  (void)setsockopt(descriptor, SOL_NETLINK, option, &on, sizeof on);
}

bool interrupted(const nlmsghdr& message) {
  return (message.nlmsg_flags & NLM_F_DUMP_INTR) != 0;
}

// Whether its last message ends where the datagram does.
bool is_whole(unsigned char* begin, std::size_t length) {
  int left = static_cast<int>(length);
  auto* one = reinterpret_cast<nlmsghdr*>(begin);
  while (nlmsg_ok(one, left)) {
    one = nlmsg_next(one, &left); // a last one need not be padded: then less than nothing is left
  }
  return left <= 0 && length != 0;
}

Error kept_changing() {
  Error error = error_from(EINTR, "");
  error.message = "the kernel's list changed each time it was read (EINTR)";
  return error;
}

} // namespace

void Socket::Close::operator()(nl_sock* socket) const {
  nl_socket_free(socket);
}

Socket::Socket(std::unique_ptr<nl_sock, Close> socket, int protocol)
    : socket_(std::move(socket)), protocol_(protocol), buffer_(64U * 1024U) {}

Result<std::unique_ptr<nl_sock, Socket::Close>> Socket::connect(int protocol) {
  std::unique_ptr<nl_sock, Close> socket(nl_socket_alloc());
  if (!socket)
    return out_of_memory();
  if (nl_connect(socket.get(), protocol) < 0)
    return error_from(errno, "").within("open a netlink socket");
  switch_on(nl_socket_get_fd(socket.get()), NETLINK_EXT_ACK);
  switch_on(nl_socket_get_fd(socket.get()), NETLINK_GET_STRICT_CHK);
  return socket;
}

Result<Socket> Socket::open(int protocol) {
  auto socket = connect(protocol);
  if (!socket)
    return std::move(socket).error();
  return Socket(std::move(*socket), protocol);
}

Result<void> Socket::send(Message& message) {
  if (!message.good())
    return out_of_memory();
  nlmsghdr* header = message.raw();
  header->nlmsg_seq = nl_socket_use_seq(socket_.get());
  header->nlmsg_pid = nl_socket_get_local_port(socket_.get());
  if (nl_sendto(socket_.get(), header, header->nlmsg_len) < 0)
    return error_from(errno, "").within("send a netlink request");
  return {};
}

// One datagram from the kernel itself into the buffer, whole; its length.
Result<std::size_t> Socket::receive() {
  for (;;) {
    sockaddr_nl from{};
    socklen_t from_length = sizeof from;
    const ssize_t length = recvfrom(nl_socket_get_fd(socket_.get()), buffer_.data(), buffer_.size(), MSG_TRUNC,
                                    reinterpret_cast<sockaddr*>(&from), &from_length);
    if (length < 0 && errno == EINTR)
      continue;
    if (length < 0)
      return error_from(errno, "").within("read a netlink answer");
    if (from.nl_pid != 0)
      continue; // any process may write to our port; only the kernel is believed
    if (static_cast<std::size_t>(length) > buffer_.size())
      return error_from(EMSGSIZE, "").within("read a netlink answer");
    if (!is_whole(buffer_.data(), static_cast<std::size_t>(length)))
      return error_from(EBADMSG, "").within("read a netlink answer");
    return static_cast<std::size_t>(length);
  }
}

Result<void> Socket::read_answers(unsigned sequence, const std::function<void(const nlmsghdr&)>& read) {
  for (;;) {
    auto length = receive();
    if (!length)
      return std::move(length).error();
    int left = static_cast<int>(*length);
    for (auto* one = reinterpret_cast<nlmsghdr*>(buffer_.data()); nlmsg_ok(one, left); one = nlmsg_next(one, &left)) {
      if (one->nlmsg_seq != sequence)
        continue; // what is left of a request that was given up
      if (one->nlmsg_type == NLMSG_ERROR)
        return errno_of(*one) == 0 ? Result<void>() : Result<void>(error_from(*one));
      read(*one);
    }
  }
}

Result<void> Socket::request(Message& message) {
  return query(message, [](const nlmsghdr&) {});
}

Result<void> Socket::query(Message& message, const std::function<void(const nlmsghdr&)>& read) {
  // Acknowledged also after an answer, so that there is one way to know that it is over.
  if (message.good())
    message.raw()->nlmsg_flags |= NLM_F_ACK;
  if (auto sent = send(message); !sent)
    return sent;
  return read_answers(message.raw()->nlmsg_seq, read);
}

Result<void> Socket::requests(Batch& batch, const std::function<void(std::size_t, Error)>& refused) {
  // The kernel reads all of a datagram before anybody reads its answers, and those of which each is refused have to fit
  // into the socket's buffer: 64 KiB, as libnl asks for 32 and the kernel doubles that. One takes some 0.7 KiB (85 fit
  // on 6.18, 92 do not), and may take twice that where a kernel repeats the request in it.
  constexpr std::size_t most_in_a_datagram = 32;
  if (!batch.good())
    return out_of_memory();
  for (std::size_t first = 0; first < batch.size(); first += most_in_a_datagram) {
    const std::size_t last = std::min(batch.size(), first + most_in_a_datagram) - 1;
    if (auto sent = send_datagram(batch, first, last, refused); !sent)
      return sent;
  }
  return {};
}

// Requests `first` to `last`, both included.
Result<void> Socket::send_datagram(Batch& batch, std::size_t first, std::size_t last,
                                   const std::function<void(std::size_t, Error)>& refused) {
  for (std::size_t n = first; n <= last; ++n) {
    batch.at(n)->nlmsg_seq = nl_socket_use_seq(socket_.get());
    batch.at(n)->nlmsg_pid = nl_socket_get_local_port(socket_.get());
  }
  batch.at(last)->nlmsg_flags |= NLM_F_ACK;
  const unsigned begin = batch.at(first)->nlmsg_seq;
  if (nl_sendto(socket_.get(), batch.at(first), batch.length(first, last)) < 0)
    return error_from(errno, "").within("send netlink requests");
  for (;;) {
    auto length = receive();
    if (!length)
      return std::move(length).error();
    int left = static_cast<int>(*length);
    for (auto* one = reinterpret_cast<nlmsghdr*>(buffer_.data()); nlmsg_ok(one, left); one = nlmsg_next(one, &left)) {
      const std::size_t n = first + (one->nlmsg_seq - begin);
      if (one->nlmsg_type != NLMSG_ERROR || n < first || n > last)
        continue;
      if (errno_of(*one) != 0)
        refused(n, error_from(*one));
      if (n == last)
        return {};
    }
  }
}

Result<Socket::Answer> Socket::read_dump(unsigned sequence, const DumpReader& reader) {
  bool changed = false;
  for (;;) {
    auto length = receive();
    if (!length)
      return length.error().sys_errno == ENOBUFS ? Result<Answer>(Answer::interrupted) : std::move(length).error();
    int left = static_cast<int>(*length);
    for (auto* one = reinterpret_cast<nlmsghdr*>(buffer_.data()); nlmsg_ok(one, left); one = nlmsg_next(one, &left)) {
      if (one->nlmsg_seq != sequence)
        continue;
      changed = changed || interrupted(*one);
      if ((one->nlmsg_type == NLMSG_ERROR || one->nlmsg_type == NLMSG_DONE) && errno_of(*one) != 0)
        return error_from(*one);
      if (one->nlmsg_type == NLMSG_DONE)
        return changed ? Answer::interrupted : Answer::done;
      if (one->nlmsg_type == NLMSG_ERROR) // an acknowledgement is not the end of a list
        return error_from(EPROTO, "").within("read a netlink answer");
      if (!reader.message(*one))
        return Answer::ended_early;
    }
  }
}

Result<void> Socket::dump(Message& message, const DumpReader& reader) {
  for (int attempt = 0; attempt < dump_attempts; ++attempt) {
    reader.begin();
    if (auto sent = send(message); !sent)
      return sent;
    auto answer = read_dump(message.raw()->nlmsg_seq, reader);
    if (!answer)
      return std::move(answer).error();
    if (*answer == Answer::done)
      return {};
    // The kernel allows one dump a socket: a new socket ends the one that was left half read.
    auto fresh = connect(protocol_);
    if (!fresh)
      return std::move(fresh).error();
    socket_ = std::move(*fresh);
    if (*answer == Answer::ended_early)
      return {};
  }
  return kept_changing();
}

} // namespace fan::netlink
