// Programs that configure every device they are not told to leave alone.
#include <algorithm>
#include <array>
#include <map>
#include <sstream>

#include <fmt/format.h>

#include "core/names.h"
#include "core/words.h"
#include "doctor/checks.h"
#include "doctor/glob.h"

namespace fan::doctor {
namespace {

// What the fans of this host are made of.
std::vector<std::string> devices_of(const Evidence& evidence) {
  std::vector<std::string> names;
  for (const LinkFact& link : evidence.facts.links) {
    const bool bridge = std::any_of(evidence.fans.begin(), evidence.fans.end(),
                                    [&](const FanStatus& one) { return one.fan.bridge == link.name; });
    if (bridge || (is_ours(link) && link.external)) {
      names.push_back(link.name);
    }
  }
  return names;
}

// Later directories yield to earlier ones, file by file (systemd.network(5), NetworkManager.conf(5)).
std::map<std::string, std::string> files_in(const Evidence& evidence, std::span<const char* const> directories,
                                            std::string_view ending, Findings& findings) {
  std::map<std::string, std::string> texts; // by name, which is their order
  for (const char* directory : directories) {
    const Result<std::vector<std::string>> names = evidence.source.names(directory);
    if (!names) {
      findings.unseen(names.error());
      continue;
    }
    for (const std::string& name : *names) {
      if (!name.ends_with(ending) || texts.count(name) != 0) {
        continue;
      }
      const Result<std::optional<std::string>> text = evidence.source.text(std::string(directory) + "/" + name);
      if (!text) {
        findings.unseen(text.error());
      }
      texts.emplace(name, text && *text ? **text : std::string());
    }
  }
  return texts;
}

// "[Match]" and below: the values of a key in a section, in order; without the blanks around them.
std::vector<std::string> values_of(const std::string& text, std::string_view section, std::string_view key) {
  std::vector<std::string> values;
  std::istringstream lines(text);
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("[")) {
      inside = line.starts_with(fmt::format("[{}]", section));
      continue;
    }
    const std::size_t equals = line.find('=');
    const std::vector<std::string> name = split_words(line.substr(0, equals));
    if (inside && equals != std::string::npos && name.size() == 1 && name.front() == key) {
      values.push_back(line.substr(equals + 1));
    }
  }
  return values;
}

bool is_true(const std::vector<std::string>& values) {
  const std::vector<std::string> words = values.empty() ? std::vector<std::string>() : split_words(values.back());
  return words.size() == 1 && (words[0] == "yes" || words[0] == "true" || words[0] == "1" || words[0] == "on");
}

// A file whose [Match] says something else beside Name= is not taken to match: who knows.
bool names_device(const std::string& text, const std::string& device) {
  bool named = false;
  for (const std::string& value : values_of(text, "Match", "Name")) {
    for (const std::string& pattern : split_words(value)) {
      if (pattern.starts_with("!")) {
        return false;
      }
      named = named || matches(pattern, device);
    }
  }
  return named;
}

// The file that networkd takes for a device, "" when there is none.
std::string file_for(const std::map<std::string, std::string>& files, const std::string& device) {
  const auto found =
      std::find_if(files.begin(), files.end(), [&](const auto& file) { return names_device(file.second, device); });
  return found == files.end() ? "" : found->first;
}

} // namespace

void check_networkd(const Evidence& evidence, Findings& findings) {
  constexpr std::array directories{"/etc/systemd/network", "/run/systemd/network", "/usr/local/lib/systemd/network",
                                   "/usr/lib/systemd/network", "/lib/systemd/network"};
  const Result<std::optional<std::string>> state = evidence.source.text("/run/systemd/netif/state");
  if (!state) {
    findings.unseen(state.error());
  }
  if (!state || !*state) {
    return; // networkd does not run; the folders are there without it
  }
  const auto files = files_in(evidence, directories, ".network", findings);
  for (const std::string& device : devices_of(evidence)) {
    const std::string file = file_for(files, device);
    if (file.empty() || is_true(values_of(files.at(file), "Link", "Unmanaged"))) {
      continue; // networkd leaves alone what no file is for
    }
    Finding finding;
    finding.subject = device;
    finding.what = "systemd-networkd takes this device for its own";
    finding.evidence = {fmt::format("{} matches it, and is the first that does", file)};
    finding.consequence =
        "it takes the fan's addresses and routes away when it restarts, or when the carrier comes back";
    finding.fix = fmt::format("printf '[Match]\\nName={}\\n[Link]\\nUnmanaged=yes\\n' > "
                              "/etc/systemd/network/00-fanctl-{}.network && networkctl reload",
                              device, device);
    if (!validate_device_name(device)) {
      finding.fix.clear();
      finding.instead = "give the bridge a name of letters, digits and dashes, or networkd a file with Unmanaged=yes";
    }
    findings.add(std::move(finding));
  }
}

void check_network_manager(const Evidence& evidence, Findings& findings) {
  constexpr std::array directories{"/etc/NetworkManager/conf.d", "/run/NetworkManager/conf.d",
                                   "/usr/lib/NetworkManager/conf.d"};
  const Result<std::vector<std::string>> runs = evidence.source.names("/run/NetworkManager");
  if (!runs) {
    findings.unseen(runs.error());
  }
  if (!runs || runs->empty()) {
    return;
  }
  std::vector<std::string> patterns;
  for (const auto& [name, text] : files_in(evidence, directories, ".conf", findings)) {
    for (const char* key : {"unmanaged-devices", "unmanaged-devices+"}) {
      for (std::string value : values_of(text, "keyfile", key)) {
        std::replace_if(
            value.begin(), value.end(), [](char c) { return c == ',' || c == ';'; }, ' ');
        const std::vector<std::string> words = split_words(value);
        patterns.insert(patterns.end(), words.begin(), words.end());
      }
    }
  }
  constexpr std::string_view by_name = "interface-name:";
  for (const std::string& device : devices_of(evidence)) {
    const bool left_alone = std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
      return pattern == "*" || (pattern.starts_with(by_name) && matches(pattern.substr(by_name.size()), device));
    });
    if (left_alone) {
      continue;
    }
    Finding finding;
    finding.severity = Severity::warning;
    finding.subject = device;
    finding.what = "NetworkManager may take this device for its own";
    finding.evidence = {"NetworkManager runs, and no unmanaged-devices in its conf.d names the device"};
    finding.consequence = "it may take addresses and routes of the fan away, or bring the device down";
    finding.fix = fmt::format("printf '[keyfile]\\nunmanaged-devices+=interface-name:{}\\n' > "
                              "/etc/NetworkManager/conf.d/fanctl-{}.conf && nmcli general reload conf",
                              device, device);
    if (!validate_device_name(device)) {
      finding.fix.clear();
      finding.instead = "give the bridge a name of letters, digits and dashes";
    }
    findings.add(std::move(finding));
  }
}

} // namespace fan::doctor
