#include "config/legacy_file.h"

#include <algorithm>

#include <fmt/format.h>

#include "config/file_size.h"
#include "core/errors.h"
#include "core/words.h"

namespace fan {

namespace {

// The line as it may be shown on a terminal and in JSON: as long as it was, so that columns still point at the right
// place.
std::string shown_as(std::string_view line) {
  std::string text(line.substr(0, longest_legacy_line));
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c != '\t' && (c < 0x20 || c > 0x7e); }, '?');
  return text;
}

std::string_view without_comment(std::string_view line) {
  return line.substr(0, line.find('#'));
}

Error at_column(Error error, TextPlace place, std::size_t offset) {
  place.column = static_cast<int>(offset) + 1;
  error.place = std::move(place);
  return error;
}

// `line` has no comment and no line end.
Result<FanSpec> parse_line(std::string_view line, const TextPlace& place) {
  if (line.size() > longest_legacy_line)
    return at_column(
        usage_error(fmt::format("the line has {} bytes, and the longest has {}", line.size(), longest_legacy_line)),
        place, longest_legacy_line);
  const auto odd =
      std::find_if(line.begin(), line.end(), [](char c) { return c != '\t' && static_cast<unsigned char>(c) < 0x20; });
  if (odd != line.end())
    return at_column(
        usage_error(fmt::format("a control character ({}) is in the line", quoted(std::string_view(&*odd, 1))),
                    "remove it"),
        place, static_cast<std::size_t>(odd - line.begin()));
  return parse_words(split_words(line), &place);
}

std::string_view next_line(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  if (line.ends_with('\r'))
    line.remove_suffix(1);
  return line;
}

bool is_empty(std::string_view line) {
  return line.find_first_not_of(" \t") == std::string_view::npos;
}

std::string_view without_byte_order_mark(std::string_view text) {
  return text.starts_with("\xef\xbb\xbf") ? text.substr(3) : text;
}

} // namespace

Result<std::vector<LegacyLine>> parse_legacy(std::string_view text, const std::string& file) {
  if (text.size() > largest_legacy_file)
    return file_too_large(file, largest_legacy_file);
  std::vector<LegacyLine> lines;
  text = without_byte_order_mark(text);
  for (int number = 1; !text.empty(); ++number) {
    const std::string_view line = next_line(text);
    const std::string_view content = without_comment(line);
    if (is_empty(content))
      continue;
    TextPlace place{file, number, 0, shown_as(line)};
    auto spec = parse_line(content, place);
    lines.push_back({std::move(place), std::move(spec)});
  }
  return lines;
}

} // namespace fan
