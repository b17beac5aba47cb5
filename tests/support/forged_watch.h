// Reads which kinds of forged packet have come to a place, without a thread and without seeing any other packet.
#pragma once

#include <functional>
#include <string>

#include "support/netns.h"

namespace fan::test {

class ForgedWatch {
public:
  // What comes in at a device. Only what is addressed to forged_port is handed up by the kernel.
  static ForgedWatch device(const Netns& netns, const std::string& device);
  // What a service is given that listens at forged_port on every address.
  static ForgedWatch service(const Netns& netns);
  ~ForgedWatch();
  ForgedWatch(ForgedWatch&& other) noexcept;
  ForgedWatch& operator=(ForgedWatch&&) = delete;
  ForgedWatch(const ForgedWatch&) = delete;
  ForgedWatch& operator=(const ForgedWatch&) = delete;

  // Calls `seen` with the kind of each packet that has come since the last time.
  void drain(const std::function<void(const std::string&)>& seen) const;

private:
  ForgedWatch(int fd, bool is_device) : fd_(fd), is_device_(is_device) {}
  int fd_;
  bool is_device_; // then it reads IPv4 packets, else payloads
};

} // namespace fan::test
