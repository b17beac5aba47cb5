// Sends raw frames from an end of a port, on one CPU, and says what they cost: CPU time of the sending thread, in whose
// send() the bridge's work is done, and of that CPU's ksoftirqd, which takes over what is too much for it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bridge/stage.h"
#include "core/address.h"

namespace fan::bench {

using Frame = std::vector<unsigned char>;
Frame who_has(Mac from, Address sender, Address target);
Frame broadcast(Mac from, Address sender); // a UDP datagram to 255.255.255.255
Frame datagram(Mac from, Mac to, Address sender, Address target);

struct Cost {
  double ns = 0;      // CPU time for each frame
  double copies = 0;  // frames that other ends got, for each frame
  double answers = 0; // frames that the sender got, for each frame
};

// The calling thread keeps to this CPU from now on.
void pin(unsigned cpu);

// Sends `count` frames from port `n`'s end.
Cost send_frames(const Stage& stage, unsigned n, const Frame& frame, unsigned count);

struct Shot {
  unsigned from;
  Frame frame;
};
// Sends each once. CPU time for each frame.
double send_all(const Stage& stage, const std::vector<Shot>& shots);

struct Mesh {
  double ns = 0;            // CPU time in all
  std::uint64_t frames = 0; // that ends got
};
// Every one of the first `count` asks for every other.
Mesh full_mesh(const Stage& stage, unsigned count);

// CPU time so far of this thread and of the ksoftirqd of the CPU that it is pinned to.
std::uint64_t cpu_ns();

} // namespace fan::bench
