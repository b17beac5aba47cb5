#include "fanctl/docker/container.h"

#include <cctype>
#include <cerrno>
#include <cstring>

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/errors.h"
#include "fanctl/descriptor.h"

namespace fan::cli::docker {

namespace {

constexpr std::size_t largest_answer = 4U * 1024U * 1024U;
constexpr const char* name_another_way = "name its port, MAC address or address instead";

using Document = nlohmann::json;

Error not_running(const std::string& socket, const char* doing, int number) {
  const bool refused = number == EACCES || number == EPERM;
  Error error =
      host_error(fmt::format("{}: {} {}: {}", refused ? "docker cannot be asked" : "docker is not running", doing,
                             socket, strerror(number)),
                 std::string(refused ? "be root" : "start it") + ", or name the port, MAC address or address instead");
  error.sys_errno = number;
  return error;
}

Error cannot_follow() {
  return host_error("docker's answer cannot be followed", name_another_way);
}

// 0 where it is no HTTP answer.
int http_status(std::string_view answer) {
  const std::size_t space = answer.find(' ');
  const bool good = answer.starts_with("HTTP/1.") && space == 8 && answer.size() > 12;
  const std::string_view digits = good ? answer.substr(9, 3) : std::string_view("");
  const bool number = !digits.empty() &&
                      std::all_of(digits.begin(), digits.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
  return number ? std::stoi(std::string(digits)) : 0;
}

std::string_view body_of(std::string_view answer) {
  const std::size_t end = answer.find("\r\n\r\n");
  return end == std::string_view::npos ? std::string_view() : answer.substr(end + 4);
}

// null where there is none.
const Document& member(const Document& of, const char* name) {
  static const Document none;
  const auto found = of.is_object() ? of.find(name) : of.end();
  return of.is_object() && found != of.end() ? *found : none;
}

std::vector<std::string> macs_in(const Document& container) {
  std::vector<std::string> macs;
  for (const Document& network : member(member(container, "NetworkSettings"), "Networks")) {
    const Document& mac = member(network, "MacAddress");
    if (mac.is_string() && !mac.get<std::string>().empty()) {
      macs.push_back(mac.get<std::string>());
    }
  }
  return macs;
}

bool is_running(const Document& container) {
  const Document& running = member(member(container, "State"), "Running");
  return running.is_boolean() && running.get<bool>();
}

Result<void> connect_to(const Descriptor& descriptor, const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return not_running(path, "connect to", ENAMETOOLONG);
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  const timeval patience{5, 0};
  (void)setsockopt(descriptor.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  (void)setsockopt(descriptor.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (descriptor.get() < 0 ||
      connect(descriptor.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return not_running(path, "connect to", errno);
  }
  return {};
}

// One request, and all that comes until Docker closes: HTTP/1.0, so that the body is no sequence of chunks.
Result<std::string> ask(const std::string& path, const std::string& what) {
  const Descriptor descriptor(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (Result<void> connected = connect_to(descriptor, path); !connected) {
    return std::move(connected).error();
  }
  const std::string request = fmt::format("GET {} HTTP/1.0\r\nHost: docker\r\n\r\n", what);
  if (send(descriptor.get(), request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) {
    return not_running(path, "ask", errno);
  }
  std::string answer;
  char part[16384];
  ssize_t length = 0;
  while ((length = recv(descriptor.get(), part, sizeof part, 0)) != 0) {
    if (length < 0 && errno != EINTR) {
      return not_running(path, "read from", errno);
    }
    answer.append(part, length < 0 ? 0 : static_cast<std::size_t>(length));
    if (answer.size() > largest_answer) {
      return cannot_follow();
    }
  }
  return answer;
}

} // namespace

bool may_be_a_container(std::string_view name) {
  const auto is_letter = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  return !name.empty() && name.size() <= 255 && is_letter(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return is_letter(c) || c == '_' || c == '.' || c == '-'; });
}

Result<std::vector<std::string>> macs_in(std::string_view answer, const std::string& name) {
  const int status = http_status(answer);
  if (status == 404) {
    return make_error(ErrorClass::not_found, "docker has no container " + quoted(name));
  }
  const Document container = Document::parse(body_of(answer), nullptr, false);
  if (status != 200 || !container.is_object()) {
    return status == 0 || status == 200
               ? cannot_follow()
               : host_error(fmt::format("docker answered with status {}", status), name_another_way);
  }
  if (!is_running(container)) {
    return host_error(fmt::format("container {} is not running", name), "start it first");
  }
  std::vector<std::string> macs = macs_in(container);
  return macs.empty() ? Result<std::vector<std::string>>(host_error(
                            fmt::format("container {} is on no network of Docker's", name), name_another_way))
                      : macs;
}

Result<std::vector<std::string>> macs_of(const std::string& name, const std::string& socket) {
  const Result<std::string> answer = ask(socket, "/containers/" + name + "/json");
  return answer ? macs_in(*answer, name) : answer.error();
}

} // namespace fan::cli::docker
