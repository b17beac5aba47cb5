#include "fanctl/fan_name.h"

#include "core/words.h"

namespace fan::cli {

Result<FanSpec> spec_of(const FanArguments& given) {
  Result<std::vector<std::string>> words = words_of_fan(given);
  return words ? parse_words(*words) : std::move(words).error();
}

Result<FanName> fan_name_of(const FanArguments& given) {
  if (given.words.size() == 1 && given.overlay.empty() && given.underlay.empty()) {
    return FanName{given.words.front(), std::nullopt};
  }
  Result<FanSpec> spec = spec_of(given);
  if (!spec) {
    return std::move(spec).error();
  }
  return FanName{std::nullopt, std::move(spec).value()};
}

Result<std::vector<Fan>> find_fans(const FanArguments& given, const std::vector<Fan>& fans, Provider& provider) {
  Result<FanName> name = fan_name_of(given);
  if (!name) {
    return std::move(name).error();
  }
  Result<Facts> facts = provider.facts();
  if (!facts) {
    return std::move(facts).error();
  }
  std::vector<Fan> meant = fans_named(*name, fans, *facts);
  return meant.empty() ? Result<std::vector<Fan>>(no_such_fan(fans, *name)) : meant;
}

} // namespace fan::cli
