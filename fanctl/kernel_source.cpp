#include "fanctl/kernel_source.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "core/errors.h"
#include "fanctl/text_file.h"

namespace fan::cli {

Result<std::optional<std::string>> KernelSource::text(const std::string& path) {
  return read_text_file(path);
}

Result<std::vector<std::string>> KernelSource::names(const std::string& directory) {
  std::vector<std::string> found;
  std::error_code failed;
  for (std::filesystem::directory_iterator entry(directory, failed), end; !failed && entry != end;
       entry.increment(failed)) {
    found.push_back(entry->path().filename().string());
  }
  if (failed && failed.value() != ENOENT && failed.value() != ENOTDIR) {
    Error error = make_error(failed.value() == EACCES ? ErrorClass::privilege : ErrorClass::host_state,
                             directory + " cannot be listed: " + failed.message());
    error.sys_errno = failed.value();
    return error;
  }
  std::sort(found.begin(), found.end());
  return found;
}

} // namespace fan::cli
