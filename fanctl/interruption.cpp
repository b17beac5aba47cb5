#include "fanctl/interruption.h"

#include <csignal>
#include <utility>

namespace fan::cli {

namespace {

constexpr int ending[] = {SIGINT, SIGTERM, SIGHUP};

struct State {
  sigset_t held{}; // none at first
  std::optional<int> noticed;
};

State& state() {
  static State one;
  return one;
}

} // namespace

void hold_signals() {
  sigset_t before;
  sigset_t wanted;
  sigemptyset(&wanted);
  sigprocmask(SIG_BLOCK, nullptr, &before);
  for (const int number : ending) {
    struct sigaction now {};
    sigaction(number, nullptr, &now);
    if (sigismember(&before, number) == 0 && now.sa_handler != SIG_IGN) {
      sigaddset(&wanted, number);
    }
  }
  sigprocmask(SIG_BLOCK, &wanted, nullptr);
  for (const int number : ending) {
    if (sigismember(&wanted, number) == 1) {
      sigaddset(&state().held, number);
    }
  }
}

void release_signals() {
  const sigset_t held = std::exchange(state().held, sigset_t{});
  sigprocmask(SIG_UNBLOCK, &held, nullptr);
}

std::optional<int> held_signal() {
  sigset_t waiting;
  sigpending(&waiting);
  for (const int number : ending) {
    if (!state().noticed && sigismember(&state().held, number) == 1 && sigismember(&waiting, number) == 1) {
      state().noticed = number;
    }
  }
  return state().noticed;
}

void end_by_held_signal() {
  if (!state().noticed) {
    return;
  }
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, *state().noticed);
  sigprocmask(SIG_UNBLOCK, &one, nullptr); // it is still waiting, and ends the process here
}

} // namespace fan::cli
