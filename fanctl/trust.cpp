#include "fanctl/trust.h"

#include <cerrno>
#include <cstring>

#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "core/errors.h"

namespace fan::cli {

namespace {

Error about(const std::string& path, const std::string& what, const std::string& hint) {
  Error error = host_error(what, hint);
  error.place = TextPlace{path, 0, 0, {}};
  return error;
}

} // namespace

Result<void> check_trusted(int descriptor, const std::string& path) {
  struct stat facts {};
  if (fstat(descriptor, &facts) != 0) {
    return about(path, std::string("cannot be looked at: ") + std::strerror(errno), "");
  }
  if (facts.st_uid != 0 && facts.st_uid != geteuid()) {
    return about(path, fmt::format("belongs to the user {}, and a configuration has to belong to root", facts.st_uid),
                 "look at what is in it, then: chown root " + path);
  }
  if ((facts.st_mode & S_IWOTH) != 0 || ((facts.st_mode & S_IWGRP) != 0 && facts.st_gid != 0)) {
    return about(path, fmt::format("can be written by others (mode {:04o})", facts.st_mode & 07777U),
                 "look at what is in it, then: chmod go-w " + path);
  }
  return {};
}

} // namespace fan::cli
