#include "fanctl/configuration.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/legacy_file.h"
#include "core/errors.h"
#include "fanctl/configuration_files.h"
#include "fanctl/descriptor.h"
#include "fanctl/trust.h"

namespace fan::cli {

namespace {

// Of a file, not of a line in it.
Error unreadable(const std::string& path, const std::string& why, int number = 0) {
  Error error = host_error("cannot be read: " + why);
  error.sys_errno = number;
  error.place = TextPlace{path, 0, 0, {}};
  return error;
}

Result<std::string> read_descriptor(int descriptor, const std::string& path) {
  struct stat facts {};
  if (descriptor != 0 && (fstat(descriptor, &facts) != 0 || !S_ISREG(facts.st_mode))) {
    return unreadable(path, "not a regular file");
  }
  std::optional<std::string> text = read_text(descriptor, largest_legacy_file);
  return text ? Result(std::move(*text)) : unreadable(path, std::strerror(errno), errno);
}

// O_NONBLOCK: opening a pipe must not hang.
template <class Check>
Result<std::string> read_file(const std::string& path, Check check) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) {
    return unreadable(path, std::strerror(errno), errno);
  }
  Result<std::string> text = read_descriptor(file.get(), path);
  if (Result<void> good = check(file.get()); text && !good) {
    text = std::move(good).error();
  }
  return text;
}

} // namespace

Result<std::string> read_whole(const std::string& path) {
  return path == "-" ? read_descriptor(0, "standard input") : read_file(path, [](int) { return Result<void>(); });
}

Result<std::vector<ConfiguredFan>> read_configuration(const std::vector<std::string>& named) {
  const std::string path = named.empty() ? default_configuration : named.front();
  if (named.empty() && access(path.c_str(), F_OK) != 0) {
    return std::vector<ConfiguredFan>{};
  }
  Result<std::string> text = read_file(path, [&](int descriptor) { return check_trusted(descriptor, path); });
  if (!text) {
    Error error = std::move(text).error();
    error.hint = error.hint.empty() ? "name another file with --config FILE" : error.hint;
    return error;
  }
  Result<std::vector<LegacyLine>> lines = parse_legacy(*text, path);
  if (!lines) {
    return std::move(lines).error();
  }
  std::vector<ConfiguredFan> fans;
  for (LegacyLine& line : *lines) {
    if (line.spec) {
      line.spec->autostart = true;
      line.spec->origin = origin_of(path);
    }
    fans.push_back({std::move(line.place), std::move(line.spec)});
  }
  return fans;
}

} // namespace fan::cli
