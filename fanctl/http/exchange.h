// One request from a descriptor, one answer to another: a connection that systemd hands over as standard input and
// output. Bounded in time and size, whoever is at the other end.
#pragma once

#include <chrono>
#include <string>

#include "core/result.h"

namespace fan::cli::http {

struct Bounds {
  std::chrono::milliseconds request{5000}; // for the whole request to come
  std::chrono::milliseconds answer{5000};  // for the whole answer to go
};

// Reads a request, answers it, and lets the peer read the answer before the connection goes. A peer that has gone, or
// takes too long to read, is no error of ours: nothing is said. Error: reading failed in another way.
Result<void> exchange(int in, int out, const std::string& body, const Bounds& bounds);

} // namespace fan::cli::http
