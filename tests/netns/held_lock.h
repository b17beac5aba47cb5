// Somebody else at work on a host.
#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "support/topology.h"

namespace fan::test {

// Holds the lock of the host's namespace, as a fanctl at work does.
class HeldLock {
public:
  explicit HeldLock(const Host& host) : path_(fmt::format("/run/fanctl/netns-{}.lock", host.inode())) {
    std::filesystem::create_directories("/run/fanctl");
    descriptor_ = open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    EXPECT_EQ(flock(descriptor_, LOCK_EX | LOCK_NB), 0);
  }
  ~HeldLock() { release(); }
  HeldLock(const HeldLock&) = delete;
  HeldLock& operator=(const HeldLock&) = delete;
  void release() {
    if (descriptor_ >= 0) {
      unlink(path_.c_str());
      close(descriptor_);
    }
    descriptor_ = -1;
  }

private:
  std::string path_;
  int descriptor_ = -1;
};

} // namespace fan::test
