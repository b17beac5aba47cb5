#include "linux/service/server_unit.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/errors.h"
#include "core/storage.h"
#include "linux/service/descriptor.h"
#include "linux/service/launch.h"

namespace fan::service {
namespace {

constexpr const char* folder = "/run/fanctl/dhcp";
constexpr const char* word_characters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.,:=/"; // more than dhcp_argv() uses
constexpr const char* name_characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:";

bool consists_of(const std::string& text, const char* characters) {
  return !text.empty() && text.find_first_not_of(characters) == std::string::npos;
}

std::string unit_of(const std::string& bridge) {
  return fmt::format("fanctl-dhcp@{}.service", bridge);
}

// What systemd reads the arguments from, and puts the server's standard error into: named in the unit.
std::string arguments_file(const std::string& bridge) {
  return fmt::format("{}/{}.arguments", folder, bridge);
}
std::string said_file(const std::string& bridge) {
  return fmt::format("{}/{}.said", folder, bridge);
}

bool is_installed() {
  constexpr std::array places{"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system",
                              "/usr/lib/systemd/system", "/lib/systemd/system"};
  return std::any_of(places.begin(), places.end(), [](const char* place) {
    return access(fmt::format("{}/fanctl-dhcp@.service", place).c_str(), R_OK) == 0;
  });
}

std::string text_of(const std::string& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

Error cannot_write(const std::string& path, int number) {
  Error error = host_error(fmt::format("write {}: {}", path, strerror(number)), storage_hint(number));
  error.sys_errno = number;
  return error;
}

Result<void> write_arguments(const std::string& bridge, std::vector<std::string> argv) {
  std::replace(argv.begin(), argv.end(), std::string(no_pid_file), fmt::format("{}{}.pid", unit_pid_file, bridge));
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) {
    return cannot_write(folder, failed.value());
  }
  const std::string file = arguments_file(bridge);
  const std::string fresh = file + ".new"; // one at a time, under the lock; what a killed one left is taken away
  const std::string text = fmt::format("ARGUMENTS={}\n", fmt::join(argv, " "));
  (void)unlink(fresh.c_str());
  Descriptor out(open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  const ssize_t written = out.open() ? write(out.get(), text.data(), text.size()) : -1;
  const bool whole = written == static_cast<ssize_t>(text.size());
  if (!whole || std::rename(fresh.c_str(), file.c_str()) != 0) {
    const int number = written < 0 || whole ? errno : ENOSPC; // a part was written, and no more
    (void)unlink(fresh.c_str());
    rmdir(folder);
    return cannot_write(file, number);
  }
  return {};
}

Result<void> systemctl(const char* verb, const std::string& bridge) {
  return launch(find_program("systemctl"), {verb, "--quiet", unit_of(bridge)});
}

} // namespace

bool in_first_netns() {
  struct stat mine {};
  struct stat first {};
  return stat("/proc/thread-self/ns/net", &mine) == 0 && stat("/proc/1/ns/net", &first) == 0 &&
         mine.st_ino == first.st_ino && mine.st_dev == first.st_dev;
}

bool can_be_unit(const std::string& bridge, const std::vector<std::string>& argv) {
  return in_first_netns() && access("/run/systemd/system", F_OK) == 0 && consists_of(bridge, name_characters) &&
         std::all_of(argv.begin(), argv.end(), [](const auto& word) { return consists_of(word, word_characters); }) &&
         is_installed() && !find_program("systemctl").empty();
}

bool is_of_unit(pid_t pid, const std::string& bridge) {
  const std::string cgroup = text_of(fmt::format("/proc/{}/cgroup", pid));
  return cgroup.find("/" + unit_of(bridge)) != std::string::npos;
}

Result<void> start_unit(const std::string& bridge, const std::vector<std::string>& argv) {
  if (Result<void> written = write_arguments(bridge, argv); !written) {
    return written;
  }
  Result<void> started = systemctl("start", bridge);
  if (!started) {
    const std::string said = text_of(said_file(bridge));
    started.error().kernel_text = said.empty() ? started.error().kernel_text : said;
    started.error().hint = fmt::format("`journalctl -u {}` may say more", unit_of(bridge));
    (void)stop_unit(bridge); // it would be tried again and again
  }
  return started;
}

Result<void> stop_unit(const std::string& bridge) {
  if (!in_first_netns() || access(arguments_file(bridge).c_str(), F_OK) != 0) {
    return {};
  }
  Result<void> stopped = systemctl("stop", bridge);
  if (stopped) {
    unlink(arguments_file(bridge).c_str());
    unlink(said_file(bridge).c_str());
    unlink(fmt::format("{}/{}.pid", folder, bridge).c_str());
    rmdir(folder);
  }
  return stopped;
}

} // namespace fan::service
