// One fanctl at a time in a network namespace.
#pragma once

#include <chrono>
#include <string>

#include "core/result.h"

namespace fan {

// Holds an exclusive flock(2) on a file that exists only while somebody holds or waits for it. The kernel lets go of it
// when the holder dies, so there is no stale lock.
class Lock {
public:
  // Makes `directory` (mode 0700) if need be. Waits at most `wait`; then class busy, naming the holder's pid where it
  // can be told.
  static Result<Lock> acquire(const std::string& directory, const std::string& name, std::chrono::milliseconds wait);

  Lock(Lock&& other) noexcept;
  Lock& operator=(Lock&& other) noexcept;
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  ~Lock();

private:
  Lock(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  int descriptor_;
  std::string path_;
};

} // namespace fan
