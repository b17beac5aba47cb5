#include "fanctl/trial.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "core/errors.h"
#include "core/storage.h"
#include "engine/host.h"
#include "engine/lock.h"
#include "engine/restore.h"
#include "fanctl/console.h"
#include "fanctl/output/error_text.h"

namespace fan::cli {

namespace {

using Clock = std::chrono::steady_clock;

constexpr char keep_it = 'k';
constexpr char revert_it = 'r';
constexpr char is_ready = '+';
constexpr char has_kept = 'K';
constexpr char has_reverted = 'R';
constexpr std::chrono::seconds patience{60}; // for another fanctl that is at work

Error failed(const std::string& what) {
  const int number = errno;
  Error error = host_error(what + ": " + std::strerror(number), storage_hint(number));
  error.sys_errno = number;
  return error;
}

bool send(int descriptor, const std::string& text) {
  return write_all(descriptor, text).ok();
}

// --- the keeper's process

// The first byte that comes from either, or nothing when the commander is gone or the time is over.
std::optional<char> await_order(int orders, int confirmations, Clock::time_point end) {
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
    std::array<pollfd, 2> both{{{orders, POLLIN, 0}, {confirmations, POLLIN, 0}}};
    const int ready = poll(both.data(), both.size(), static_cast<int>(std::max<long long>(left.count(), 0)));
    if (ready == 0) {
      return std::nullopt;
    }
    for (const pollfd& one : both) {
      char order = 0;
      if (one.revents == 0) {
        continue;
      }
      const ssize_t got = read(one.fd, &order, 1);
      if (got == 1) {
        return order;
      }
      if (got == 0 && one.fd == orders) {
        return std::nullopt;
      }
    }
  }
}

Result<void> take_back(World& world, const Host& before) {
  if (Result<void> locked = world.lock(patience); !locked) {
    return locked;
  }
  Result<Provider*> provider = world.provider();
  if (!provider) {
    return std::move(provider).error();
  }
  const Result<std::vector<Change>> done = restore(**provider, before);
  world.unlock();
  return done ? Result<void>() : Result<void>(done.error());
}

// Whoever waits for the command's output shall not wait for the keeper as well.
void leave_terminal() {
  setsid();
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  dup2(null, 0);
  dup2(null, 1);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGPIPE}) {
    (void)std::signal(number, SIG_IGN);
  }
}

int keep_watch(World& world, std::chrono::seconds timeout, int orders, int answers, int confirmations) {
  leave_terminal();
  world.leave_lock();
  Result<Provider*> provider = world.provider();
  const Result<Host> host = provider ? look(**provider) : Result<Host>(provider.error());
  if (!host) {
    send(answers, error_text(host.error()));
    return 1;
  }
  send(answers, std::string(1, is_ready));
  const std::optional<char> order = await_order(orders, confirmations, Clock::now() + timeout);
  if (order == keep_it) {
    send(answers, std::string(1, has_kept));
    return 0;
  }
  const Result<void> done = take_back(world, *host);
  const std::string answer = done ? std::string(1, has_reverted) : error_text(done.error());
  if (!send(answers, answer) && !done) { // nobody listens any more
    (void)write_all(2, answer);
  }
  return done ? 0 : 1;
}

// Nothing of the command that was forked may run in this process, whatever is thrown.
int keep_watch_safely(World& world, std::chrono::seconds timeout, int orders, int answers, int confirmations) {
  try {
    return keep_watch(world, timeout, orders, answers, confirmations);
  } catch (const std::exception& unexpected) {
    send(answers, unexpected.what());
    return 1;
  }
}

// --- where the keeper can be told by others

// A pipe with a name, which nobody but root can open. Nobody reads it: no trial is under way.
int open_for_confirming(const std::string& path) {
  return open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
}

void remove_own(int descriptor, const std::string& path) {
  if (is_still_there(descriptor, path)) {
    unlink(path.c_str());
  }
}

// Whose pipe it is, is who has it locked, until the keeper ends: looking whether somebody reads it would let two begin
// that look at the same time. Nothing: another got in between, so once more.
Result<std::optional<int>> try_to_listen(const std::string& path) {
  const bool made = mkfifo(path.c_str(), 0600) == 0;
  if (!made && errno != EEXIST) {
    return failed("cannot make " + path);
  }
  const int descriptor = open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW); // never at its end
  if (descriptor < 0) {
    return errno == ENOENT ? Result<std::optional<int>>(std::nullopt) : failed("cannot open " + path);
  }
  if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    close(descriptor);
    return make_error(ErrorClass::busy, "another `fanctl try` is under way",
                      "confirm it with `fanctl try --confirm`, or wait for its end");
  }
  if (made && is_still_there(descriptor, path)) {
    return std::optional(descriptor);
  }
  remove_own(descriptor, path); // what a keeper that was killed has left may have words for it in it
  close(descriptor);
  return std::optional<int>();
}

Result<int> listen_at(const std::string& path) {
  (void)mkdir(path.substr(0, path.rfind('/')).c_str(), 0700);
  for (int tries = 0; tries < 100; ++tries) {
    const Result<std::optional<int>> listening = try_to_listen(path);
    if (!listening || *listening) {
      return listening ? Result<int>(**listening) : listening.error();
    }
  }
  return host_error("cannot make " + path + ": what has this name cannot be removed, or others make it all the time");
}

// All that comes until the other end is closed.
std::string read_all(int descriptor) {
  std::string text;
  std::array<char, 512> part{};
  for (;;) {
    const ssize_t got = read(descriptor, part.data(), part.size());
    if (got == 0 || (got < 0 && errno != EINTR)) {
      return text;
    }
    text.append(part.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
  }
}

} // namespace

Result<Trial> Trial::begin(World& world, std::chrono::seconds timeout) {
  const std::string path = world.try_path();
  Result<int> confirmations = listen_at(path);
  if (!confirmations) {
    return std::move(confirmations).error();
  }
  int orders[2];
  int answers[2];
  if (pipe2(orders, O_CLOEXEC) != 0 || pipe2(answers, O_CLOEXEC) != 0) {
    return failed("cannot make a pipe");
  }
  const pid_t keeper = fork();
  if (keeper < 0) {
    return failed("cannot start the process that would revert");
  }
  if (keeper == 0) {
    close(orders[1]);
    close(answers[0]);
    const int status = keep_watch_safely(world, timeout, orders[0], answers[1], *confirmations);
    remove_own(*confirmations, path);
    _exit(status);
  }
  close(*confirmations);
  close(orders[0]);
  close(answers[1]);
  Trial trial(keeper, orders[1], answers[0]);
  char first = 0;
  if (read(trial.answers_, &first, 1) == 1 && first == is_ready) {
    return trial;
  }
  return host_error("the process that would revert did not get ready: " + std::string(1, first) +
                    read_all(trial.answers_));
}

Trial::Trial(Trial&& other) noexcept
    : keeper_(std::exchange(other.keeper_, -1)), orders_(std::exchange(other.orders_, -1)),
      answers_(std::exchange(other.answers_, -1)) {}

Trial::~Trial() {
  for (const int descriptor : {orders_, answers_}) {
    if (descriptor >= 0) {
      close(descriptor);
    }
  }
}

void Trial::keep() {
  send(orders_, std::string(1, keep_it));
}

void Trial::revert() {
  send(orders_, std::string(1, revert_it));
}

Result<Verdict> Trial::verdict() {
  const std::string answer = read_all(answers_);
  while (waitpid(keeper_, nullptr, 0) < 0 && errno == EINTR) { // what became of it is in its answer alone
  }
  if (answer.size() == 1) {
    return answer[0] == has_kept ? Verdict::kept : Verdict::reverted;
  }
  return make_error(ErrorClass::partial, answer.empty() ? "the process that would revert was killed" : answer,
                    "`fanctl apply` makes the host as the files say");
}

Result<void> confirm_trial(const std::string& path) {
  const int descriptor = open_for_confirming(path);
  if (descriptor < 0 && (errno == ENXIO || errno == ENOENT)) {
    return make_error(ErrorClass::not_found, "no `fanctl try` is under way in this network namespace");
  }
  if (descriptor < 0) {
    Error error = failed("cannot open " + path);
    error.kind = error.sys_errno == EACCES || error.sys_errno == EPERM ? ErrorClass::privilege : error.kind;
    return error;
  }
  const bool told = send(descriptor, std::string(1, keep_it));
  close(descriptor);
  return told ? Result<void>() : failed("cannot write to " + path);
}

} // namespace fan::cli
