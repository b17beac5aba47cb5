#include "doctor/manager_files.h"

#include <algorithm>
#include <sstream>

#include <fmt/format.h>

#include "core/names.h"
#include "core/words.h"

namespace fan::doctor {

std::vector<LinkFact> devices_of(const Evidence& evidence) {
  std::vector<LinkFact> devices;
  for (const LinkFact& link : evidence.facts.links) {
    const bool bridge = std::any_of(evidence.fans.begin(), evidence.fans.end(),
                                    [&](const FanStatus& one) { return one.fan.bridge == link.name; });
    if (bridge || (is_ours(link) && link.external)) {
      devices.push_back(link);
    }
  }
  return devices;
}

std::map<std::string, ManagerFile> files_in(const Evidence& evidence, std::span<const char* const> directories,
                                            std::string_view ending, Findings& findings) {
  std::map<std::string, ManagerFile> files;
  for (std::size_t n = 0; n < directories.size(); ++n) {
    const char* directory = directories[n];
    const Result<std::vector<std::string>> names = evidence.source.names(directory);
    if (!names) {
      findings.unseen(names.error());
      continue;
    }
    for (const std::string& name : *names) {
      if (!name.ends_with(ending) || files.count(name) != 0) {
        continue;
      }
      const Result<std::optional<std::string>> text = evidence.source.text(fmt::format("{}/{}", directory, name));
      if (!text) {
        findings.unseen(text.error());
      }
      files.emplace(name, ManagerFile{n, text && *text ? **text : std::string()});
    }
  }
  return files;
}

std::vector<Setting> settings_of(const std::string& text, std::string_view section) {
  std::vector<Setting> settings;
  std::istringstream lines(text);
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("[")) {
      inside = line.starts_with(fmt::format("[{}]", section));
      continue;
    }
    const std::size_t equals = line.find('=');
    const std::vector<std::string> name = split_words(line.substr(0, equals));
    const bool comment = name.empty() || name.front().starts_with("#") || name.front().starts_with(";");
    if (inside && equals != std::string::npos && name.size() == 1 && !comment) {
      settings.push_back({name.front(), line.substr(equals + 1)});
    }
  }
  return settings;
}

} // namespace fan::doctor
