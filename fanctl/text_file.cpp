#include "fanctl/text_file.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <filesystem>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/errors.h"
#include "core/storage.h"
#include "fanctl/console.h"
#include "fanctl/descriptor.h"

namespace fan::cli {

namespace {

Error failed(const std::string& path, const std::string& what, int number) {
  const bool refused = number == EACCES || number == EPERM;
  Error error = make_error(refused ? ErrorClass::privilege : ErrorClass::host_state,
                           fmt::format("{} {}: {}", path, what, std::strerror(number)), storage_hint(number));
  error.sys_errno = number;
  return error;
}

// The folders of a path that were missing: made, and removed again unless they are kept.
class MissingFolders {
public:
  MissingFolders() = default;
  ~MissingFolders() {
    for (auto path = made_.rbegin(); path != made_.rend(); ++path) {
      (void)rmdir(path->c_str());
    }
  }
  MissingFolders(const MissingFolders&) = delete;
  MissingFolders& operator=(const MissingFolders&) = delete;

  // 0 or an errno.
  int make(const std::filesystem::path& path) {
    const int first = path.empty() ? 0 : make_one(path);
    if (first != ENOENT || path == path.parent_path()) {
      return first;
    }
    const int above = make(path.parent_path());
    return above == 0 ? make_one(path) : above; // not again: a link to nowhere is there, and has no folder behind it
  }
  void keep() { made_.clear(); }

private:
  int make_one(const std::filesystem::path& path) {
    if (mkdir(path.c_str(), 0755) != 0) {
      return errno == EEXIST ? 0 : errno;
    }
    made_.push_back(path.string());
    return 0;
  }

  std::vector<std::string> made_;
};

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
  if (!owned || fchmod(file.get(), bits) != 0) {
    return errno;
  }
  if (Result<void> written = write_all(file.get(), text); !written) {
    return written.error().sys_errno;
  }
  return fsync(file.get()) == 0 && file.release() == 0 ? 0 : errno;
}

std::string random_name() {
  std::uint64_t number = 0;
  return getrandom(&number, sizeof number, 0) == sizeof number ? fmt::format(".fanctl-{:016x}", number) : "";
}

// /dev/stdout is a link into /proc, where it names what is open. A link to nowhere is one to a file that is gone.
bool leads_to_file(int folder, const std::string& link) {
  std::string target(PATH_MAX, '\0');
  struct stat facts {};
  return readlinkat(folder, link.c_str(), target.data(), target.size()) >= 0 && !target.starts_with("/proc/") &&
         (fstatat(folder, link.c_str(), &facts, 0) == 0 ? S_ISREG(facts.st_mode) : errno == ENOENT);
}

// What is neither a file nor the link to one stays: a device or a pipe is not what was meant.
Result<void> check_replaceable(int folder, const std::string& name, const std::string& path) {
  struct stat facts {};
  const bool there = !name.empty() && fstatat(folder, name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0;
  if (name.empty() || (there && S_ISDIR(facts.st_mode))) {
    return failed(path, "cannot be written", EISDIR);
  }
  if (!there || S_ISREG(facts.st_mode) || (S_ISLNK(facts.st_mode) && leads_to_file(folder, name))) {
    return {};
  }
  return host_error(path + " is there, and is not a regular file", "name a file that may be replaced");
}

// 0 or an errno. By the folder's descriptor, so that the file and its new name are of one folder whoever moves it.
int publish_in(int folder, const std::string& name, const std::string& text) {
  const std::string passing = random_name();
  Descriptor file(openat(folder, passing.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (file.get() < 0) {
    return errno;
  }
  int number = write_all(file.get(), text) && fchmod(file.get(), 0644) == 0 && file.release() == 0 ? 0 : errno;
  if (number == 0 && renameat(folder, passing.c_str(), folder, name.c_str()) != 0) {
    number = errno;
  }
  if (number != 0) {
    (void)unlinkat(folder, passing.c_str(), 0);
  }
  return number;
}

struct RegularFile {
  Descriptor descriptor;
  std::size_t size; // when it was opened
};

// Nothing when there is none. Opening a pipe must not hang.
Result<std::optional<RegularFile>> open_to_read(const std::string& path, int more_flags) {
  Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | more_flags));
  if (file.get() < 0) {
    return errno == ENOENT ? Result(std::optional<RegularFile>()) : failed(path, "cannot be read", errno);
  }
  struct stat facts {};
  if (fstat(file.get(), &facts) != 0 || !S_ISREG(facts.st_mode)) {
    return host_error(path + " is not a regular file");
  }
  return std::optional(RegularFile{std::move(file), static_cast<std::size_t>(facts.st_size)});
}

} // namespace

// What is not there has no canonical path, and neither has the link to it.
std::string behind_links(const std::string& path) {
  constexpr int most_links = 40; // as the kernel
  std::filesystem::path at = path;
  for (int n = 0; n < most_links; ++n) {
    std::error_code failed;
    at = std::filesystem::weakly_canonical(at, failed);
    if (failed) {
      return path;
    }
    const std::filesystem::path named = std::filesystem::read_symlink(at, failed);
    if (failed) { // no link
      return at.string();
    }
    at = at.parent_path() / named;
  }
  return path;
}

Result<void> publish_text_file(const std::string& path, const std::string& text) {
  const std::filesystem::path whole(path);
  const std::string parent = whole.has_parent_path() ? whole.parent_path().string() : ".";
  const std::string name = whole.filename().string();
  const Descriptor folder(open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0) {
    return failed(path, "cannot be written", errno);
  }
  if (auto replaceable = check_replaceable(folder.get(), name, path); !replaceable) {
    return replaceable;
  }
  const int number = publish_in(folder.get(), name, text);
  return number == 0 ? Result<void>() : failed(path, "cannot be written", number);
}

Result<std::optional<std::string>> read_text_file(const std::string& path) {
  const Result<std::optional<RegularFile>> opened = open_to_read(path, 0);
  if (!opened || !*opened) {
    return opened ? Result(std::optional<std::string>()) : opened.error();
  }
  std::optional<std::string> text = read_text((*opened)->descriptor.get(), largest_text_file);
  if (!text) {
    return failed(path, "cannot be read", errno);
  }
  if (text->size() > largest_text_file) {
    return host_error(fmt::format("{} is larger than {} bytes", path, largest_text_file));
  }
  return text;
}

Result<std::optional<std::string>> read_end_of_text_file(const std::string& path, std::size_t most) {
  const Result<std::optional<RegularFile>> opened = open_to_read(path, O_NOFOLLOW);
  if (!opened || !*opened) {
    return opened ? Result(std::optional<std::string>()) : opened.error();
  }
  const std::size_t size = (*opened)->size;
  std::string text(std::min(size, most), '\0');
  const ssize_t length =
      pread((*opened)->descriptor.get(), text.data(), text.size(), static_cast<off_t>(size - text.size()));
  if (length < 0) {
    return failed(path, "cannot be read", errno);
  }
  text.resize(static_cast<std::size_t>(length));
  if (size > most) { // the first line is the end of one
    text.erase(0, std::min(text.find('\n'), text.size() - 1) + 1);
  }
  return std::optional(std::move(text));
}

Result<void> replace_text_file(const std::string& path, const std::string& text, mode_t mode) {
  const std::string target = behind_links(path);
  const std::string directory = std::filesystem::path(target).parent_path().string();
  MissingFolders folders;
  if (const int number = folders.make(directory); number != 0) {
    return failed(path, "cannot be written", number);
  }
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
  folders.keep();
  flush_directory(directory);
  return {};
}

Result<void> rename_text_file(const std::string& path, const std::string& to) {
  if (rename(path.c_str(), to.c_str()) != 0) {
    return failed(path, "cannot be renamed", errno);
  }
  flush_directory(std::filesystem::path(path).parent_path().string());
  return {};
}

Result<void> remove_text_file(const std::string& path) {
  const std::string target = behind_links(path);
  if (unlink(target.c_str()) != 0 && errno != ENOENT) {
    return failed(path, "cannot be removed", errno);
  }
  flush_directory(std::filesystem::path(target).parent_path().string());
  return {};
}

} // namespace fan::cli
