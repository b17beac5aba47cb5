#include "fanctl/http/exchange.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/errors.h"
#include "fanctl/http/request.h"

namespace fan::cli::http {

namespace {

using Clock = std::chrono::steady_clock;

// What a peer may still send when it has its answer; a connection closed over unread bytes loses the answer (RFC 9112,
// 9.6).
constexpr std::size_t most_drained = 65536;

bool ready(int descriptor, short what, Clock::time_point end) {
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    pollfd waiting{descriptor, what, 0};
    const int answer = poll(&waiting, 1, static_cast<int>(std::max<long long>(left, 0)));
    if (answer >= 0 || errno != EINTR) {
      return answer > 0;
    }
  }
}

// The bytes that came, "" at the end. Nothing when the time is over.
std::optional<std::string> receive(int in, Clock::time_point end) {
  std::array<char, 4096> part{};
  while (ready(in, POLLIN, end)) {
    const ssize_t got = read(in, part.data(), part.size());
    if (got >= 0) {
      return std::string(part.data(), static_cast<std::size_t>(got));
    }
    if (errno != EINTR && errno != EAGAIN) {
      return std::string();
    }
  }
  return std::nullopt;
}

std::string receive_request(int in, Clock::time_point end) {
  std::string received;
  while (reading_of(received) == Reading::more) {
    const std::optional<std::string> part = receive(in, end);
    if (!part || part->empty()) {
      break;
    }
    received += *part;
  }
  return received;
}

// False: the peer has gone, or the time is over.
bool send_all(int out, std::string_view rest, Clock::time_point end) {
  while (!rest.empty()) {
    if (!ready(out, POLLOUT, end)) {
      return false;
    }
    const ssize_t sent = write(out, rest.data(), rest.size());
    if (sent < 0 && errno != EINTR && errno != EAGAIN) {
      return false;
    }
    rest.remove_prefix(sent < 0 ? 0 : static_cast<std::size_t>(sent));
  }
  return true;
}

void drain(int in, Clock::time_point end) {
  std::size_t drained = 0;
  for (std::optional<std::string> part = receive(in, end); part && !part->empty() && drained < most_drained;
       part = receive(in, end)) {
    drained += part->size();
  }
}

// Waiting is poll's work: a write must not wait for a peer that reads a byte a minute.
Result<void> never_block(int descriptor) {
  const int flags = fcntl(descriptor, F_GETFL);
  if (flags >= 0 && fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0) {
    return {};
  }
  return host_error(std::string("the connection: ") + std::strerror(errno));
}

} // namespace

Result<void> exchange(int in, int out, const std::string& body, const Bounds& bounds) {
  for (const int descriptor : {in, out}) {
    if (Result<void> made = never_block(descriptor); !made) {
      return made;
    }
  }
  const std::string received = receive_request(in, Clock::now() + bounds.request);
  if (received.empty()) {
    return {}; // somebody looked whether the port is open
  }
  const Clock::time_point end = Clock::now() + bounds.answer;
  if (send_all(out, answer_to(received, body), end) && shutdown(out, SHUT_WR) == 0) {
    drain(in, end);
  }
  return {};
}

} // namespace fan::cli::http
