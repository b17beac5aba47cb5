#include "fanctl/safe_file.h"

#include <sys/stat.h>

#include "core/errors.h"
#include "fanctl/text_file.h"

namespace fan::cli {

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

} // namespace fan::cli
