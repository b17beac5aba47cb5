// Who disturbs what is measured: somebody that does something over and over, and a sender of broadcasts.
#pragma once

#include <atomic>
#include <functional>
#include <thread>

namespace fan::bench {

// Does `what` over and over in a thread of its own until it goes; `first` once there, before that.
class Beside {
public:
  explicit Beside(
      std::function<void()> what, std::function<void()> first = [] {});
  ~Beside();
  Beside(const Beside&) = delete;
  Beside& operator=(const Beside&) = delete;

private:
  std::atomic<bool> over_ = false;
  std::thread thread_;
};

// A socket for broadcasts by the eth0 of a network namespace.
class Loud {
public:
  explicit Loud(int netns_fd);
  ~Loud();
  Loud(const Loud&) = delete;
  Loud& operator=(const Loud&) = delete;

  // One broadcast. False: it was not sent.
  [[nodiscard]] bool shout() const;

private:
  int fd_ = -1;
};

} // namespace fan::bench
