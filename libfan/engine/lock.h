// One fanctl at a time in a network namespace.
#pragma once

#include <chrono>
#include <string>

#include "core/result.h"

namespace fan {

// Whether `path`, which is no link, still names what is open as `descriptor`. It may have been unlinked by its last
// holder while somebody waited for it: then the lock is on nothing.
bool is_still_there(int descriptor, const std::string& path);

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

  // In a process that was forked by the holder: the lock stays that one's.
  void leave();

private:
  Lock(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  int descriptor_;
  std::string path_;
};

} // namespace fan
