#include "linux/sysctl/sysctls.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace fan::sysctl {
namespace {

// An open file; closed with the object.
class File {
public:
  File(const std::string& path, int flags) : descriptor_(open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW)) {}
  ~File() {
    if (descriptor_ >= 0) {
      close(descriptor_);
    }
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] int get() const { return descriptor_; }
  [[nodiscard]] bool opened() const { return descriptor_ >= 0; }

private:
  int descriptor_;
};

ErrorClass class_of(int number) {
  if (number == EACCES || number == EPERM || number == EROFS) {
    return ErrorClass::privilege;
  }
  return number == ENOENT ? ErrorClass::host_state : ErrorClass::kernel;
}

Error failed(const std::string& doing, int number) {
  Error error;
  error.kind = class_of(number);
  error.message = fmt::format("{}: {} ({})", doing, strerror(number), strerrorname_np(number));
  error.sys_errno = number;
  if (number == EROFS) {
    error.hint = "/proc/sys is mounted read-only, as it is in most containers: run this on the host or in a privileged "
                 "container";
  } else if (error.kind == ErrorClass::privilege) {
    error.hint = "run it as root, in the user namespace that the network namespace belongs to";
  }
  return error;
}

bool is_part(std::string_view part) {
  return !part.empty() && part != "." && part != "..";
}

// No empty part, none that leads elsewhere, and no NUL that would cut the path short.
bool is_key(std::string_view key) {
  if (key.find('\0') != std::string_view::npos) {
    return false;
  }
  for (std::size_t slash = key.find('/'); slash != std::string_view::npos; slash = key.find('/')) {
    if (!is_part(key.substr(0, slash))) {
      return false;
    }
    key.remove_prefix(slash + 1);
  }
  return is_part(key);
}

Result<std::string> path_of(const std::string& key) {
  if (!is_key(key)) {
    return failed("'" + key + "' is no name of a kernel setting", EINVAL);
  }
  return "/proc/sys/" + key;
}

// ENODEV is what a setting answers while its device is being removed.
bool is_absent(int number) {
  return number == ENOENT || number == ENOTDIR || number == ENODEV;
}

} // namespace

Result<std::optional<std::string>> read(const std::string& key) {
  const auto path = path_of(key);
  if (!path) {
    return path.error();
  }
  const File file(*path, O_RDONLY);
  std::array<char, 4096> text{};
  const ssize_t length = file.opened() ? ::read(file.get(), text.data(), text.size()) : -1;
  if (length < 0) {
    const int number = errno;
    return is_absent(number) ? Result(std::optional<std::string>())
                             : Result<std::optional<std::string>>(failed("read " + *path, number));
  }
  std::string value(text.data(), static_cast<std::size_t>(length));
  value.erase(value.find_last_not_of(" \t\n") + 1);
  return std::optional(std::move(value));
}

Result<void> write(const std::string& key, const std::string& value) {
  const auto path = path_of(key);
  if (!path) {
    return path.error();
  }
  const std::string doing = "write " + value + " to " + *path;
  const File file(*path, O_WRONLY);
  if (!file.opened()) {
    return failed(doing, errno);
  }
  const std::string line = value + "\n";
  if (::write(file.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
    return failed(doing, errno);
  }
  return {};
}

Result<ObservedSet> observe(const std::set<std::string>& keys) {
  ObservedSet seen;
  for (const std::string& key : keys) {
    auto value = read(key);
    if (!value) {
      return std::move(value).error();
    }
    if (*value) {
      const Object object = Sysctl{key, std::move(**value)};
      seen.emplace(key_of(object), Observed{object, false});
    }
  }
  return seen;
}

Result<void> apply(const Change& change) {
  const auto* after = change.after ? std::get_if<Sysctl>(&*change.after) : nullptr;
  return after == nullptr ? Result<void>() : write(after->key, after->value);
}

} // namespace fan::sysctl
