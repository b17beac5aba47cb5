#include "fanctl/text_file.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/errors.h"

namespace fan::cli {

namespace {

Error failed(const std::string& path, const std::string& what, int number) {
  const bool refused = number == EACCES || number == EPERM;
  Error error = make_error(refused ? ErrorClass::privilege : ErrorClass::host_state,
                           fmt::format("{} {}: {}", path, what, std::strerror(number)));
  error.sys_errno = number;
  return error;
}

class Descriptor {
public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() { release(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return number_; }
  // What close(2) says: a full disk may be told only here.
  int release() { return number_ < 0 ? 0 : close(std::exchange(number_, -1)); }

private:
  int number_;
};

bool write_whole(int descriptor, const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t wrote = write(descriptor, text.data() + done, text.size() - done);
    if (wrote < 0 && errno != EINTR) {
      return false;
    }
    done += wrote < 0 ? 0 : static_cast<std::size_t>(wrote);
  }
  return true;
}

// The file that a chain of links names; `path` itself when there is none.
std::string behind_links(const std::string& path) {
  std::error_code ignored;
  const std::filesystem::path real = std::filesystem::weakly_canonical(path, ignored);
  return ignored ? path : real.string();
}

// A rename lasts when its directory is on disk.
void flush_directory(const std::string& directory) {
  const Descriptor folder(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() >= 0) {
    (void)fsync(folder.get());
  }
}

// 0 or an errno.
int fill(Descriptor& file, const std::string& text, const struct stat* like, mode_t mode) {
  const bool owned = like == nullptr || fchown(file.get(), like->st_uid, like->st_gid) == 0;
  const mode_t bits = like == nullptr ? mode : like->st_mode & 07777U;
  if (!owned || fchmod(file.get(), bits) != 0 || !write_whole(file.get(), text) || fsync(file.get()) != 0) {
    return errno;
  }
  return file.release() == 0 ? 0 : errno;
}

} // namespace

Result<std::optional<std::string>> read_text_file(const std::string& path) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)); // opening a pipe must not hang
  if (file.get() < 0) {
    return errno == ENOENT ? Result(std::optional<std::string>()) : failed(path, "cannot be read", errno);
  }
  struct stat facts {};
  if (fstat(file.get(), &facts) != 0 || !S_ISREG(facts.st_mode)) {
    return host_error(path + " is not a regular file");
  }
  std::string text;
  std::string part(65536, '\0');
  for (ssize_t got = 0; (got = read(file.get(), part.data(), part.size())) != 0;) {
    if (got < 0 && errno != EINTR) {
      return failed(path, "cannot be read", errno);
    }
    text.append(part, 0, got < 0 ? 0 : static_cast<std::size_t>(got));
    if (text.size() > largest_text_file) {
      return host_error(fmt::format("{} is larger than {} bytes", path, largest_text_file));
    }
  }
  return std::optional(std::move(text));
}

Result<void> replace_text_file(const std::string& path, const std::string& text, mode_t mode) {
  const std::string target = behind_links(path);
  const std::string directory = std::filesystem::path(target).parent_path().string();
  std::error_code made;
  std::filesystem::create_directories(directory, made);
  std::string name = target + ".XXXXXX";
  Descriptor file(mkostemp(name.data(), O_CLOEXEC));
  if (file.get() < 0) {
    return failed(path, "cannot be written", errno);
  }
  struct stat old {};
  const bool exists = stat(target.c_str(), &old) == 0;
  int number = fill(file, text, exists ? &old : nullptr, mode);
  if (number == 0 && rename(name.c_str(), target.c_str()) != 0) {
    number = errno;
  }
  if (number != 0) {
    (void)unlink(name.c_str());
    return failed(path, "cannot be written", number);
  }
  flush_directory(directory);
  return {};
}

Result<void> remove_text_file(const std::string& path) {
  if (unlink(path.c_str()) != 0 && errno != ENOENT) {
    return failed(path, "cannot be removed", errno);
  }
  flush_directory(std::filesystem::path(path).parent_path().string());
  return {};
}

} // namespace fan::cli
