#include "linux/nft/worker.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <utility>

#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nftables/libnftables.h>

#include "core/errors.h"

namespace fan::nft {
namespace {

enum class Reply : std::uint8_t { done, failed };

struct Free {
  void operator()(nft_ctx* context) const { nft_ctx_free(context); }
};

// False also where the other side is gone.
bool send_all(int socket, const void* data, std::size_t length) {
  const auto* at = static_cast<const char*>(data);
  while (length > 0) {
    const ssize_t sent = send(socket, at, length, MSG_NOSIGNAL);
    if (sent < 0 && errno != EINTR) {
      return false;
    }
    at += sent < 0 ? 0 : sent;
    length -= sent < 0 ? 0U : static_cast<std::size_t>(sent);
  }
  return true;
}

bool receive_all(int socket, void* data, std::size_t length) {
  auto* at = static_cast<char*>(data);
  while (length > 0) {
    const ssize_t got = recv(socket, at, length, 0);
    if (got == 0) {
      errno = EPIPE;
    }
    if (got == 0 || (got < 0 && errno != EINTR)) {
      return false;
    }
    at += got < 0 ? 0 : got;
    length -= got < 0 ? 0U : static_cast<std::size_t>(got);
  }
  return true;
}

std::string text_in(int file) {
  std::string all;
  std::array<char, 16384> part{};
  ssize_t length = 0;
  while ((length = pread(file, part.data(), part.size(), static_cast<off_t>(all.size()))) > 0) {
    all.append(part.data(), static_cast<std::size_t>(length));
  }
  return all;
}

// ---- in the worker's process

bool put(int file, const char* text) {
  std::size_t left = std::strlen(text);
  while (left > 0) {
    const ssize_t written = write(file, text, left);
    if (written < 0 && errno != EINTR) {
      return false;
    }
    text += written < 0 ? 0 : written;
    left -= written < 0 ? 0U : static_cast<std::size_t>(written);
  }
  return true;
}

Reply obey(const std::string& commands, int answer) {
  const std::unique_ptr<nft_ctx, Free> context(nft_ctx_new(NFT_CTX_DEFAULT));
  if (!context || nft_ctx_buffer_output(context.get()) != 0 || nft_ctx_buffer_error(context.get()) != 0) {
    return Reply::failed;
  }
  // Protocols and priorities as numbers, as the names differ between systems; no counter values.
  nft_ctx_output_set_flags(context.get(), NFT_CTX_OUTPUT_NUMERIC_PROTO | NFT_CTX_OUTPUT_NUMERIC_PRIO);
  const bool done = nft_run_cmd_from_buffer(context.get(), commands.c_str()) == 0;
  const char* text = done ? nft_ctx_get_output_buffer(context.get()) : nft_ctx_get_error_buffer(context.get());
  const bool said = text == nullptr || put(answer, text);
  return done && said ? Reply::done : Reply::failed;
}

// Why this process cannot be there; empty: it is.
std::string go(Where where) {
  const bool there = where == Where::here || unshare(CLONE_NEWNET) == 0;
  return there ? std::string() : std::string("make a network namespace: ") + std::strerror(errno);
}

Reply refuse(const std::string& why, int answer) {
  (void)put(answer, why.c_str());
  return Reply::failed;
}

[[noreturn]] void serve(Where where, int socket, int answer) {
  sigset_t all{};
  sigfillset(&all); // the process that it works for decides what is broken off
  sigprocmask(SIG_BLOCK, &all, nullptr);
  dup2(answer, STDERR_FILENO); // what libnftables prints before it ends the process belongs to the answer
  const std::string cannot = go(where);
  std::size_t length = 0; // of the commands, which follow
  while (receive_all(socket, &length, sizeof length)) {
    std::string commands(length, '\0');
    if (!receive_all(socket, commands.data(), commands.size()) || ftruncate(answer, 0) != 0 ||
        lseek(answer, 0, SEEK_SET) != 0) {
      break;
    }
    const Reply reply = cannot.empty() ? obey(commands, answer) : refuse(cannot, answer);
    if (!send_all(socket, &reply, sizeof reply)) {
      break;
    }
  }
  _exit(0);
}

Error failure(int number, const char* what) {
  Error error = make_error(ErrorClass::kernel, std::string("nftables: ") + what + ": " + std::strerror(number));
  error.sys_errno = number;
  return error;
}

} // namespace

ino_t network_here() {
  struct stat network {};
  return stat("/proc/thread-self/ns/net", &network) == 0 ? network.st_ino : 0;
}

Result<Worker> Worker::start(Where where) {
  Worker worker;
  std::array<int, 2> ends{-1, -1};
  worker.answer_ = memfd_create("nft", MFD_CLOEXEC);
  if (worker.answer_ < 0) {
    return failure(errno, "make a file for its answer");
  }
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return failure(errno, "make a way to its process");
  }
  worker.socket_ = ends[0];
  worker.network_ = network_here();
  worker.process_ = fork();
  const int number = errno;
  if (worker.process_ == 0) {
    close(ends[0]);
    serve(where, ends[1], worker.answer_);
  }
  close(ends[1]);
  return worker.process_ < 0 ? Result<Worker>(failure(number, "start a process")) : std::move(worker);
}

Worker::Worker(Worker&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)), answer_(std::exchange(other.answer_, -1)),
      process_(std::exchange(other.process_, -1)), network_(other.network_) {}

Worker& Worker::operator=(Worker&& other) noexcept {
  std::swap(socket_, other.socket_);
  std::swap(answer_, other.answer_);
  std::swap(process_, other.process_);
  std::swap(network_, other.network_);
  return *this;
}

Worker::~Worker() {
  (void)end();
  if (answer_ >= 0) {
    close(answer_);
  }
}

// Its status, as of wait(2).
int Worker::end() {
  if (socket_ >= 0) {
    (void)shutdown(socket_, SHUT_RDWR); // another process that was forked since may have it open
    close(std::exchange(socket_, -1));
  }
  int status = 0;
  if (process_ > 0) {
    while (waitpid(process_, &status, 0) < 0 && errno == EINTR) {
    }
    process_ = -1;
  }
  return status;
}

bool Worker::serves_here() const {
  return network_ != 0 && network_here() == network_;
}

// Whatever it is doing is not done, or done, when this returns.
Result<Worker::Answer> Worker::given_up(int number, const char* what) {
  const bool gone = number == EPIPE || number == ECONNRESET;
  const int status = end();
  if (gone && status != 0) {
    return Answer{Ended::gave_up, text_in(answer_)};
  }
  return failure(number, what);
}

Result<Worker::Answer> Worker::run(const std::string& commands) {
  const std::size_t length = commands.size();
  if (!send_all(socket_, &length, sizeof length) || !send_all(socket_, commands.data(), commands.size())) {
    return given_up(errno, "write to its process");
  }
  Reply reply = Reply::failed;
  if (!receive_all(socket_, &reply, sizeof reply)) {
    return given_up(errno, "read from its process");
  }
  return Answer{reply == Reply::done ? Ended::done : Ended::failed, text_in(answer_)};
}

} // namespace fan::nft
