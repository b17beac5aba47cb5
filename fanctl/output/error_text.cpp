#include "fanctl/output/error_text.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "fanctl/output/utf8.h"

namespace fan::cli {

namespace {

constexpr std::size_t excerpt_width = 96; // columns of the line that are shown; a line may be long

// Of C0 and C1: a terminal may take the latter for a control sequence as well.
bool is_control(std::string_view character) {
  const auto first = static_cast<unsigned char>(character.front());
  return character.size() == 1
             ? first < 0x20 || first == 0x7f
             : character.size() == 2 && first == 0xc2 && static_cast<unsigned char>(character[1]) < 0xa0;
}

std::string place_prefix(const TextPlace& place) {
  std::string out = printable(place.file);
  if (place.line > 0) {
    out += fmt::format(":{}", place.line);
  }
  if (place.line > 0 && place.column > 0) {
    out += fmt::format(":{}", place.column);
  }
  return out.empty() ? out : out + ": ";
}

// The line, and under it a caret. Tabs become one blank, so that the caret stands where it should on any terminal.
std::string excerpt_lines(const TextPlace& place) {
  if (place.excerpt.empty()) {
    return {};
  }
  std::string line = place.excerpt;
  std::replace(line.begin(), line.end(), '\t', ' ');
  const std::size_t column = place.column > 0 ? static_cast<std::size_t>(place.column) - 1 : 0;
  const bool far = column > excerpt_width / 2 && column <= line.size();
  const std::size_t start = far ? column - excerpt_width / 2 : 0;
  const std::string shown = printable(std::string_view(line).substr(start, excerpt_width));
  std::string out = fmt::format("    {}\n", shown);
  if (place.column > 0 && column <= line.size()) {
    const std::size_t before = printable(std::string_view(line).substr(start, column - start)).size();
    out += fmt::format("    {}^\n", std::string(before, ' '));
  }
  return out;
}

// The errno's text, where the message does not have it already.
std::string errno_suffix(const Error& error) {
  if (error.sys_errno == 0) {
    return {};
  }
  const std::string text = std::strerror(error.sys_errno);
  return error.message.find(text) == std::string::npos ? ": " + text : std::string();
}

std::string kernel_line(const Error& error) {
  if (error.kernel_text.empty() || error.message.find(error.kernel_text) != std::string::npos) {
    return {};
  }
  return fmt::format("    kernel: {}\n", printable(error.kernel_text));
}

} // namespace

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const std::string_view character = text.substr(0, length == 0 ? 1 : length);
    if (length == 0 || is_control(character)) {
      for (const char c : character) {
        out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
      }
    } else {
      out += character;
    }
    text.remove_prefix(character.size());
  }
  return out;
}

std::string error_text(const Error& error) {
  std::string out = "fanctl: ";
  if (error.place) {
    out += place_prefix(*error.place);
  }
  out += printable(error.message) + errno_suffix(error) + "\n";
  if (error.place) {
    out += excerpt_lines(*error.place);
  }
  out += kernel_line(error);
  if (!error.hint.empty()) {
    out += fmt::format("    hint: {}\n", printable(error.hint));
  }
  return out;
}

std::string note_text(std::string_view note) {
  return fmt::format("fanctl: note: {}\n", printable(note));
}

} // namespace fan::cli
