#include "fanctl/safe_file.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "core/errors.h"
#include "fanctl/console.h"

namespace fan::cli {

namespace {

Error failed(const std::string& what, const std::string& path) {
  const int number = errno;
  const bool refused = number == EACCES || number == EPERM;
  Error error = make_error(refused ? ErrorClass::privilege : ErrorClass::host_state,
                           fmt::format("cannot {} {}: {}", what, path, std::strerror(number)));
  error.sys_errno = number;
  return error;
}

std::string folder_of(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

// The name outlives a crash only when the folder is on the disk too.
void sync_folder(const std::string& folder) {
  const int descriptor = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor >= 0) {
    (void)fsync(descriptor);
    close(descriptor);
  }
}

Result<void> fill(int descriptor, const std::string& temporary, const std::string& text) {
  Result<void> written = write_all(descriptor, std::string(our_sign) + text);
  const bool whole = written && fchmod(descriptor, 0644) == 0 && fsync(descriptor) == 0;
  const int number = written ? errno : written.error().sys_errno;
  close(descriptor);
  errno = number;
  return whole ? Result<void>() : Result<void>(failed("write", temporary));
}

} // namespace

Result<std::optional<std::string>> read_ours(const std::string& path) {
  struct stat facts {};
  if (lstat(path.c_str(), &facts) != 0) {
    return errno == ENOENT ? Result<std::optional<std::string>>(std::optional<std::string>()) : failed("read", path);
  }
  std::ostringstream text;
  if (S_ISREG(facts.st_mode)) {
    text << std::ifstream(path, std::ios::binary).rdbuf();
  }
  if (!text.str().starts_with(our_sign)) {
    return host_error(path + " was not written by fanctl, so it is left as it is",
                      "change it by hand, or move it away");
  }
  return std::optional(text.str().substr(our_sign.size()));
}

Result<void> write_ours(const std::string& path, const std::string& text) {
  if (const auto old = read_ours(path); !old) {
    return old.error();
  }
  const std::string folder = folder_of(path);
  if (mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST) {
    return failed("make", folder);
  }
  std::string temporary = folder + "/.fanctl-XXXXXX"; // not *.yaml: nobody reads it
  const int descriptor = mkostemp(temporary.data(), O_CLOEXEC);
  if (descriptor < 0) {
    return failed("write in", folder);
  }
  Result<void> done = fill(descriptor, temporary, text);
  if (done && rename(temporary.c_str(), path.c_str()) != 0) {
    done = failed("rename " + temporary + " to", path);
  }
  if (!done) {
    unlink(temporary.c_str());
    return done;
  }
  sync_folder(folder);
  return {};
}

Result<void> remove_ours(const std::string& path) {
  if (const auto old = read_ours(path); !old) {
    return old.error();
  }
  if (unlink(path.c_str()) != 0 && errno != ENOENT) {
    return failed("remove", path);
  }
  sync_folder(folder_of(path));
  return {};
}

} // namespace fan::cli
