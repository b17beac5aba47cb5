#include "doctor/denials.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace fan::doctor {
namespace {

constexpr std::array<std::string_view, 2> ours{"fanctl", "fanatic"};
constexpr std::string_view server = "dnsmasq";

// A value that has a blank, a quote or a control character in it stands in the log as hexadecimal digits.
std::string plain(std::string_view value) {
  std::string text;
  for (std::size_t n = 0; n + 1 < value.size(); n += 2) {
    unsigned byte = 0;
    const auto [end, failed] = std::from_chars(value.data() + n, value.data() + n + 2, byte, 16);
    if (failed != std::errc() || end != value.data() + n + 2) {
      return std::string(value);
    }
    text += static_cast<char>(byte);
  }
  return value.size() % 2 == 0 ? text : std::string(value);
}

bool is_between_words(char c) {
  return c == ' ' || c == '\'' || c == '\x1d'; // the last is auditd's, before what it adds to a record
}

// Of the first such key that stands by itself.
std::optional<std::string> value_of(std::string_view line, std::string_view key) {
  for (std::size_t at = line.find(key); at != std::string_view::npos; at = line.find(key, at + 1)) {
    const std::size_t end = at + key.size();
    if ((at != 0 && !is_between_words(line[at - 1])) || end >= line.size() || line[end] != '=') {
      continue;
    }
    std::string_view value = line.substr(end + 1);
    if (value.starts_with('"')) {
      value.remove_prefix(1);
      return std::string(value.substr(0, value.find('"')));
    }
    return plain(value.substr(
        0, static_cast<std::size_t>(std::find_if(value.begin(), value.end(), is_between_words) - value.begin())));
  }
  return std::nullopt;
}

// What SELinux lets pass as it is permissive, it tells in the same words.
bool is_denial(std::string_view line) {
  const std::size_t selinux = line.find("avc:");
  return value_of(line, "apparmor") == "DENIED" ||
         (selinux != std::string_view::npos && line.find(" denied ", selinux) != std::string_view::npos &&
          value_of(line, "permissive") != "1");
}

// The last part of a path: of a process, of its file, or of its profile, which may be the file's.
std::string name_in(std::string_view line, std::string_view key) {
  const std::string value = value_of(line, key).value_or("");
  return value.substr(value.rfind('/') + 1);
}

// A dnsmasq in a profile of another name is somebody else's: libvirt's, say.
bool is_of_ours(std::string_view line, bool with_server) {
  const std::string profile = name_in(line, "profile");
  for (const std::string& name : {name_in(line, "comm"), name_in(line, "exe"), profile}) {
    if (std::find(ours.begin(), ours.end(), name) != ours.end() ||
        (with_server && name == server && (profile.empty() || profile == server))) {
      return true;
    }
  }
  return false;
}

// "audit(1700000000.123:456)"
std::string_view event_of(std::string_view line) {
  constexpr std::string_view before = "audit(";
  const std::size_t at = line.find(before);
  const std::size_t end = at == std::string_view::npos ? at : line.find(')', at);
  return end == std::string_view::npos ? std::string_view() : line.substr(at + before.size(), end - at - before.size());
}

} // namespace

std::vector<Denial> denials_of_ours(std::string_view log, bool with_server) {
  std::vector<Denial> denials;
  while (!log.empty()) {
    const std::string_view line = log.substr(0, log.find('\n'));
    log.remove_prefix(std::min(line.size() + 1, log.size()));
    if (!is_denial(line) || !is_of_ours(line, with_server)) {
      continue;
    }
    Denial denial{std::string(line), std::string(event_of(line))};
    (void)std::from_chars(denial.event.data(), denial.event.data() + denial.event.size(), denial.seconds);
    denials.push_back(std::move(denial));
  }
  return denials;
}

} // namespace fan::doctor
