// A command line's words: a text that blanks divide, as in a file, or one word a line, so that a word can be anything.
#include <algorithm>

#include "config/fan_file.h"
#include "config/fan_yaml.h"
#include "property.h"

namespace {

// A file that is written of a spec says the same. A device's name may be bytes that no file can hold.
void require_file(const fan::FanSpec& spec) {
  const auto printable = [](char c) { return c >= ' ' && c <= '~'; };
  if (spec.off || !std::all_of(spec.underlay_text.begin(), spec.underlay_text.end(), printable)) {
    return;
  }
  const fan::NamedSpec written[] = {{fan::name_for(spec), spec, "line\nline"}};
  const auto fans = fan::parse_fan_file(fan::yaml_of(written), "written.yaml");
  fan::fuzz::require(fans.ok() && fans->size() == 1, "a file that is written is read");
  fan::FanSpec read = fans->front().spec;
  read.bridge = spec.bridge;
  read.autostart = spec.autostart;
  read.origin = spec.origin;
  fan::fuzz::require(read == spec, "a file that is written says the same");
}

std::vector<std::string> arguments_of(std::string_view text) {
  std::vector<std::string> words;
  for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  return words;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fan::fuzz::text_of(data, size);
  const bool one_a_line = text.ends_with('\n');
  const std::vector<std::string> words = one_a_line ? arguments_of(text) : fan::split_words(text);
  const fan::TextPlace place{"fan", 1, 0, fan::join_words(words)};
  const fan::Result<fan::FanSpec> spec = fan::parse_words(words, &place);
  if (!spec.ok()) {
    fan::fuzz::require_placed(spec.error());
    return 0;
  }
  fan::fuzz::require_round_trip(*spec);
  require_file(*spec);
  // What was typed is kept for people; the meaning has to be there without it.
  fan::FanSpec meant = *spec;
  meant.overlay_text.clear();
  meant.underlay_text.clear();
  const fan::Result<fan::FanSpec> again = fan::parse_words(fan::words_of(meant));
  fan::fuzz::require(again.ok() && again->overlay == spec->overlay && again->underlay == spec->underlay,
                     "a spec means the same without what was typed");
  return 0;
}
