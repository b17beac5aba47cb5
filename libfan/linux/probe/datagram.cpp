// UDP datagrams whose checksum the device is to fill in, and others that have none.
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>

#include "linux/probe/kernel_prober.h"
#include "linux/probe/sockets.h"

namespace fan {
namespace {

using probe::Bytes;
using probe::Socket;

constexpr std::chrono::milliseconds until_told{1000};
constexpr std::uint16_t first_port = 33434; // as traceroute's: one for each, so that an answer is to one question
constexpr std::uint8_t unreachable = 3;
constexpr std::uint8_t no_such_port = 3;

Result<Socket> socket_for(const DatagramQuestion& question) {
  Result<Socket> socket = Socket::ip(SOCK_DGRAM, IPPROTO_UDP, question.source);
  if (!socket || question.checksum) {
    return socket;
  }
  Result<void> set = socket->set(SOL_SOCKET, SO_NO_CHECK, 1);
  return set ? std::move(socket) : Result<Socket>(std::move(set).error());
}

bool says_nobody_listens(const Socket& socket, Address destination) {
  bool said = false;
  socket.take_errors([&](const probe::SentError& error) {
    said = said || (error.type == unreachable && error.code == no_such_port && error.from == destination);
  });
  return said;
}

} // namespace

Result<std::vector<bool>> KernelProber::datagrams(const std::vector<DatagramQuestion>& questions) {
  std::vector<Socket> asked;
  std::vector<const Socket*> sockets;
  asked.reserve(questions.size());
  for (const DatagramQuestion& question : questions) {
    Result<Socket> socket = socket_for(question);
    if (!socket) {
      return std::move(socket).error();
    }
    asked.push_back(std::move(*socket));
    sockets.push_back(&asked.back());
  }
  for (std::size_t n = 0; n < asked.size(); ++n) {
    const auto port = static_cast<std::uint16_t>(first_port + n);
    (void)asked.at(n).send(Bytes(32), questions.at(n).destination, port);
  }
  std::vector<bool> answers(questions.size());
  probe::wait_for(sockets, until_told, [&] {
    for (std::size_t n = 0; n < asked.size(); ++n) {
      answers.at(n) = answers.at(n) || says_nobody_listens(asked.at(n), questions.at(n).destination);
    }
    return std::find(answers.begin(), answers.end(), false) == answers.end();
  });
  return answers;
}

} // namespace fan
