// Echo requests, with and without DF.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "linux/probe/kernel_prober.h"
#include "linux/probe/sockets.h"

namespace fan {
namespace {

using probe::Bytes;
using probe::Socket;

constexpr std::chrono::milliseconds waiting{1000};
constexpr int rounds = 2; // a first packet can wait in vain for an answer to ARP
constexpr std::size_t ip_header = 20;
constexpr std::size_t icmp_header = 8;

struct Asked {
  Socket socket;
  std::uint16_t number;
};

Bytes request(std::uint16_t id, std::uint16_t number, std::uint32_t size) {
  Bytes bytes(std::max<std::size_t>(size, ip_header + icmp_header) - ip_header);
  bytes.at(0) = 8;
  bytes.at(4) = static_cast<std::uint8_t>(id >> 8U);
  bytes.at(5) = static_cast<std::uint8_t>(id);
  bytes.at(6) = static_cast<std::uint8_t>(number >> 8U);
  bytes.at(7) = static_cast<std::uint8_t>(number);
  const std::uint16_t sum = probe::checksum(bytes);
  bytes.at(2) = static_cast<std::uint8_t>(sum >> 8U);
  bytes.at(3) = static_cast<std::uint8_t>(sum);
  return bytes;
}

// True when the question needs no more waiting.
bool read_answer(const Asked& asked, std::uint16_t id, EchoAnswer& answer) {
  asked.socket.take_received([&](const Bytes& bytes) {
    if (const auto ttl = probe::echo_reply(bytes, id, asked.number)) {
      answer.answered = true;
      answer.ttl = *ttl;
    }
  });
  asked.socket.take_errors([&](const probe::SentError& error) {
    if (probe::is_our_request(error.quoted, id, asked.number)) {
      answer.error_type = error.type;
      answer.error_code = error.code;
      answer.error_from = error.from;
      answer.mtu = error.mtu;
    }
  });
  return answer.answered || answer.error_type || answer.send_errno != 0;
}

Result<Socket> socket_for(const EchoQuestion& question) {
  Result<Socket> socket = Socket::ip(SOCK_RAW, IPPROTO_ICMP, question.source);
  if (!socket) {
    return socket;
  }
  // Probing: DF, whatever was learned of the path.
  const int discover = question.dont_fragment ? IP_PMTUDISC_PROBE : IP_PMTUDISC_DONT;
  Result<void> set = socket->set(IPPROTO_IP, IP_MTU_DISCOVER, discover);
  return set ? std::move(socket) : Result<Socket>(std::move(set).error());
}

} // namespace

Result<std::vector<EchoAnswer>> KernelProber::echo(const std::vector<EchoQuestion>& questions) {
  const auto id = static_cast<std::uint16_t>(::getpid());
  std::vector<Asked> asked;
  std::vector<const Socket*> sockets;
  asked.reserve(questions.size());
  for (const EchoQuestion& question : questions) {
    Result<Socket> socket = socket_for(question);
    if (!socket) {
      return std::move(socket).error();
    }
    asked.push_back({std::move(*socket), static_cast<std::uint16_t>(asked.size() + 1)});
    sockets.push_back(&asked.back().socket);
  }
  std::vector<EchoAnswer> answers(questions.size());
  const auto look = [&] {
    bool all = true;
    for (std::size_t n = 0; n < asked.size(); ++n) {
      all = read_answer(asked.at(n), id, answers.at(n)) && all;
    }
    return all;
  };
  for (int round = 0; round < rounds && !look(); ++round) {
    for (std::size_t n = 0; n < asked.size(); ++n) {
      EchoAnswer& answer = answers.at(n);
      if (!answer.answered && !answer.error_type) {
        const EchoQuestion& question = questions.at(n);
        answer.send_errno =
            asked.at(n).socket.send(request(id, asked.at(n).number, question.size), question.destination, 0);
      }
    }
    probe::wait_for(sockets, waiting, look);
  }
  return answers;
}

} // namespace fan
