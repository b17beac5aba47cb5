#include "fanctl/http/request.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

namespace fan::cli::http {

namespace {

constexpr std::string_view metrics_type = "text/plain; version=0.0.4; charset=utf-8";
constexpr std::string_view plain_type = "text/plain; charset=utf-8";

struct RequestLine {
  std::string_view method;
  std::string_view target;
  std::string_view version;
};

// "a" and "b c" of "a b c"; the second is empty where there is no blank.
std::pair<std::string_view, std::string_view> cut(std::string_view text) {
  const std::size_t blank = text.find(' ');
  return blank == std::string_view::npos ? std::pair(text, std::string_view())
                                         : std::pair(text.substr(0, blank), text.substr(blank + 1));
}

bool is_token(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_visible(char c) {
  return c > ' ' && c < '\x7f';
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool all_of(std::string_view text, bool (*is)(char)) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is);
}

bool is_version(std::string_view text) {
  return text.size() == 8 && text.starts_with("HTTP/") && is_digit(text[5]) && text[6] == '.' && is_digit(text[7]);
}

std::string_view first_line(std::string_view text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  return line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
}

std::optional<RequestLine> request_line(std::string_view received) {
  const auto [method, rest] = cut(first_line(received));
  const auto [target, version] = cut(rest);
  if (!all_of(method, is_token) || !all_of(target, is_visible) || !is_version(version)) {
    return std::nullopt;
  }
  return RequestLine{method, target, version};
}

// "/metrics" of "http://host:1/metrics?x=y": a server has to take the absolute form too (RFC 9112, 3.2.2).
std::string_view path_of(std::string_view target) {
  constexpr std::string_view scheme = "http://";
  if (target.starts_with(scheme)) {
    const std::size_t slash = target.find('/', scheme.size());
    target = slash == std::string_view::npos ? "/" : target.substr(slash);
  }
  return target.substr(0, target.find('?'));
}

struct Status {
  int code;
  std::string_view reason;
};

std::string response(Status status, std::string_view type, std::string_view body, bool with_body = true) {
  return fmt::format("HTTP/1.0 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}X-Content-Type-Options: nosniff\r\n"
                     "Cache-Control: no-store\r\nConnection: close\r\n\r\n{}",
                     status.code, status.reason, type, body.size(), status.code == 405 ? "Allow: GET, HEAD\r\n" : "",
                     with_body ? body : std::string_view());
}

std::string refusal(Status status, bool with_body = true) {
  return response(status, plain_type, fmt::format("{} {}\n", status.code, status.reason), with_body);
}

std::string answer_request(const RequestLine& request, std::string_view body) {
  const bool head = request.method == "HEAD";
  if (request.version[5] != '1') {
    return refusal({505, "HTTP Version Not Supported"}, !head);
  }
  if (!head && request.method != "GET") {
    return refusal({405, "Method Not Allowed"});
  }
  if (path_of(request.target) != "/metrics") {
    return refusal({404, "Not Found"}, !head);
  }
  return response({200, "OK"}, metrics_type, body, !head);
}

} // namespace

// A line may end in a line feed alone (RFC 9112, 2.2).
Reading reading_of(std::string_view received) {
  const std::size_t end = std::min(received.find("\n\r\n"), received.find("\n\n"));
  if (end < largest_request) {
    return Reading::complete;
  }
  return received.size() < largest_request ? Reading::more : Reading::too_large;
}

std::string answer_to(std::string_view received, std::string_view body) {
  switch (reading_of(received)) {
  case Reading::too_large:
    return refusal({431, "Request Header Fields Too Large"});
  case Reading::more:
    return refusal({408, "Request Timeout"});
  case Reading::complete:
    break;
  }
  const std::optional<RequestLine> request = request_line(received);
  return request ? answer_request(*request, body) : refusal({400, "Bad Request"});
}

} // namespace fan::cli::http
