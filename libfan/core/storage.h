// Errors of file systems that take nothing: what a person can do about them.
#pragma once

#include <cerrno>

namespace fan {

// For an errno of open, mkdir, write or rename; "" where it is about something else.
inline const char* storage_hint(int number) {
  switch (number) {
  case EROFS:
    return "this file system is mounted read-only: mount it writable, then run the command again";
  case ENOSPC:
    return "this file system is full: make room, in blocks and in inodes (`df`, `df -i`), then run the command again";
  case EDQUOT:
    return "the quota of this file system is used up: make room, then run the command again";
  default:
    return "";
  }
}

} // namespace fan
