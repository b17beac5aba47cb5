#include "engine/lock.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include "core/storage.h"

namespace fan {
namespace {

Error lock_error(const std::string& what, int number) {
  Error error;
  error.kind = number == EACCES || number == EPERM ? ErrorClass::privilege : ErrorClass::host_state;
  error.message = what + ": " + std::strerror(number);
  error.sys_errno = number;
  error.hint = storage_hint(number);
  return error;
}

Error busy(const std::string& path, std::chrono::milliseconds wait) {
  Error error;
  error.kind = ErrorClass::busy;
  error.message =
      "another fanctl is at work in this network namespace; waited " + std::to_string(wait.count()) + " ms for " + path;
  error.hint = "try again, or wait longer with --wait SECONDS";
  return error;
}

} // namespace

bool is_still_there(int descriptor, const std::string& path) {
  struct stat held {};
  struct stat named {};
  return ::fstat(descriptor, &held) == 0 && ::lstat(path.c_str(), &named) == 0 && held.st_ino == named.st_ino &&
         held.st_dev == named.st_dev;
}

Result<Lock> Lock::acquire(const std::string& directory, const std::string& name, std::chrono::milliseconds wait) {
  const std::string path = directory + "/" + name;
  const auto deadline = std::chrono::steady_clock::now() + wait;
  for (;;) {
    if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
      return lock_error("cannot make " + directory, errno);
    }
    const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor < 0 && errno != ENOENT) { // it is when the fanctl of another network namespace has just removed it
      return lock_error("cannot open the lock " + path, errno);
    }
    if (descriptor >= 0) {
      if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0 && is_still_there(descriptor, path)) {
        return Lock(descriptor, path);
      }
      ::close(descriptor);
    }
    if (std::chrono::steady_clock::now() >= deadline) {
      return busy(path, wait);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

Lock::Lock(Lock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_)) {}

Lock& Lock::operator=(Lock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(path_, other.path_);
  return *this;
}

void Lock::leave() {
  ::close(std::exchange(descriptor_, -1));
}

Lock::~Lock() {
  if (descriptor_ >= 0) {
    ::unlink(path_.c_str()); // while held: whoever waits for this file sees that it is gone and makes a new one
    ::close(descriptor_);
  }
}

} // namespace fan
