// What Docker answers about a container, and what lxc-info prints of one.
#include <algorithm>

#include "fanctl/docker/container.h"
#include "fanctl/lxc/container.h"
#include "property.h"

namespace {

void require_words(const fan::Result<std::vector<std::string>>& words, std::string_view text) {
  if (!words) {
    fan::fuzz::require(!words.error().message.empty(), "an error says something");
    return;
  }
  fan::fuzz::require(!words->empty(), "a container without any is an error");
  fan::fuzz::require(words->size() <= text.size(), "no more than were told");
  fan::fuzz::require(std::none_of(words->begin(), words->end(), [](const auto& word) { return word.empty(); }),
                     "each says something");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fan::fuzz::text_of(data, size);
  const auto macs = fan::cli::docker::macs_in(text, "web");
  require_words(macs, text);
  fan::fuzz::require(!macs || text.starts_with("HTTP/1."), "only an answer is an answer");
  const auto ports = fan::cli::lxc::ports_in(text, "web");
  require_words(ports, text);
  for (const std::string& port : ports ? *ports : std::vector<std::string>()) {
    fan::fuzz::require(text.find(port) != std::string_view::npos, "a port is one of those that were told");
  }
  // The name becomes a part of a request's path.
  fan::fuzz::require(!fan::cli::docker::may_be_a_container(text) ||
                         text.find_first_of("/ ?#%\r\n") == std::string_view::npos,
                     "a name cannot lead anywhere else");
  return 0;
}
