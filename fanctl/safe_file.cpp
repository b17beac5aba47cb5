#include "fanctl/safe_file.h"

#include <sys/stat.h>

#include "core/errors.h"
#include "fanctl/text_file.h"

namespace fan::cli {

namespace {

// Not read by `apply`, as it does not end with ".yaml".
std::string aside(const std::string& path) {
  return path + ".removing";
}

} // namespace

Result<std::optional<std::string>> read_ours(const std::string& path) {
  struct stat facts {};
  const bool is_link = lstat(path.c_str(), &facts) == 0 && S_ISLNK(facts.st_mode);
  Result<std::optional<std::string>> text = read_text_file(path);
  if (!text || (!*text && !is_link)) {
    return text;
  }
  if (is_link || !(*text)->starts_with(our_sign)) {
    return host_error(path + " was not written by fanctl, so it is left as it is",
                      "change it by hand, or move it away");
  }
  return std::optional((*text)->substr(our_sign.size()));
}

Result<void> write_ours(const std::string& path, const std::string& text) {
  const auto old = read_ours(path);
  return old ? replace_text_file(path, std::string(our_sign) + text) : Result<void>(old.error());
}

Result<void> remove_ours(const std::string& path) {
  const auto old = read_ours(path);
  return old ? remove_text_file(path) : Result<void>(old.error());
}

Result<void> set_aside(const std::string& path) {
  return rename_text_file(path, aside(path));
}

Result<void> bring_back(const std::string& path) {
  return rename_text_file(aside(path), path);
}

Result<void> remove_set_aside(const std::string& path) {
  return remove_text_file(aside(path));
}

Result<void> recover_set_aside(const std::string& path) {
  struct stat facts {};
  if (lstat(aside(path).c_str(), &facts) != 0) {
    return {};
  }
  return lstat(path.c_str(), &facts) == 0 ? remove_set_aside(path) : bring_back(path);
}

} // namespace fan::cli
