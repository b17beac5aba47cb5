// A network card without offloads, in the way of one port of a bridge: what comes in by the port goes on byte for byte,
// so that a checksum which was left to the card stays unfilled, as by one that promises to fill it in and does not.
// The other way frames pass as they are.
#pragma once

#include <string>
#include <thread>

#include "support/netns.h"

namespace fan::test {

class FrameRelay {
public:
  // Takes `port` out of `bridge`, and puts itself between the two.
  FrameRelay(const Netns& netns, const std::string& port, const std::string& bridge);
  ~FrameRelay();
  FrameRelay(const FrameRelay&) = delete;
  FrameRelay& operator=(const FrameRelay&) = delete;

private:
  void loop(const std::stop_token& stop) const;
  int port_ = -1;
  int bridge_ = -1;
  std::jthread thread_;
};

} // namespace fan::test
