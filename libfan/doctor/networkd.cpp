// systemd-networkd configures every device that a file of its matches.
#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>

#include "core/names.h"
#include "core/words.h"
#include "doctor/checks.h"
#include "doctor/glob.h"
#include "doctor/manager_files.h"

namespace fan::doctor {
namespace {

bool is_unmanaged(const std::string& text) {
  std::vector<std::string> words;
  for (const Setting& setting : settings_of(text, "Link")) {
    words = setting.key == "Unmanaged" ? split_words(setting.value) : words;
  }
  return words.size() == 1 && (words[0] == "yes" || words[0] == "true" || words[0] == "1" || words[0] == "on");
}

// What networkd calls the type of a device (systemd.network(5), Type=): that of the driver, or else of the hardware.
std::string type_of(const LinkFact& link) {
  return link.kind == "ipip" ? "tunnel" : link.kind;
}

// A list begins with ! when none of its patterns may match; lists of one key are added up, and an empty one takes back
// what was before.
struct Patterns {
  std::vector<std::string> wanted;
  std::vector<std::string> refused;

  void add(const std::string& value) {
    std::vector<std::string> words = split_words(value);
    if (words.empty()) {
      *this = {};
      return;
    }
    const bool inverted = words.front().starts_with("!");
    words.front().erase(0, inverted ? 1 : 0);
    std::vector<std::string>& into = inverted ? refused : wanted;
    into.insert(into.end(), words.begin(), words.end());
  }
  [[nodiscard]] bool take(const std::string& name) const {
    const auto matches_name = [&](const std::string& pattern) { return matches(pattern, name); };
    return std::none_of(refused.begin(), refused.end(), matches_name) &&
           (wanted.empty() || std::any_of(wanted.begin(), wanted.end(), matches_name));
  }
  [[nodiscard]] bool empty() const { return wanted.empty() && refused.empty(); }
};

// A file matches when all keys of its [Match] do; without one it matches nothing. Of a key that is not known here, or
// about something else than the device, it is not taken to: who knows.
bool takes_device(const std::string& text, const LinkFact& link) {
  std::map<std::string, Patterns> keys;
  for (const Setting& setting : settings_of(text, "Match")) {
    keys[setting.key].add(setting.value);
  }
  std::erase_if(keys, [](const auto& key) { return key.second.empty(); });
  const std::map<std::string_view, std::string> facts{
      {"Name", link.name}, {"Type", type_of(link)}, {"Kind", link.kind}};
  return !keys.empty() && std::all_of(keys.begin(), keys.end(), [&](const auto& key) {
    const auto fact = facts.find(key.first);
    return fact != facts.end() && key.second.take(fact->second);
  });
}

// The file that networkd takes for a device, "" when there is none.
std::string file_for(const std::map<std::string, ManagerFile>& files, const LinkFact& link) {
  const auto found =
      std::find_if(files.begin(), files.end(), [&](const auto& file) { return takes_device(file.second.text, link); });
  return found == files.end() ? "" : found->first;
}

// The name of a file for a device that networkd reads before `other`; "" when there is none that people would give.
std::string name_before(const std::string& other, const std::string& device) {
  for (const char* begin : {"00-fanctl-", "0-fanctl-", "+fanctl-"}) {
    const std::string name = fmt::format("{}{}.network", begin, device);
    if (name < other) {
      return name;
    }
  }
  return "";
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
  for (const LinkFact& link : devices_of(evidence)) {
    const std::string& device = link.name;
    const std::string file = file_for(files, link);
    if (file.empty() || is_unmanaged(files.at(file).text)) {
      continue; // networkd leaves alone what no file is for
    }
    const std::string ours = name_before(file, device);
    Finding finding;
    finding.subject = device;
    finding.what = "systemd-networkd takes this device for its own";
    finding.evidence = {fmt::format("{} matches it, and is the first that does", file)};
    finding.consequence =
        "it takes the fan's addresses and routes away when it restarts, or when the carrier comes back";
    if (ours.empty()) {
      finding.instead = fmt::format("give {} another name, and the device a file before it, with Unmanaged=yes", file);
    } else if (!validate_device_name(device)) {
      finding.instead = "give the bridge a name of letters, digits and dashes, or networkd a file with Unmanaged=yes";
    } else {
      finding.fix = fmt::format("printf '[Match]\\nName={}\\n[Link]\\nUnmanaged=yes\\n' > "
                                "/etc/systemd/network/{} && networkctl reload",
                                device, ours);
    }
    findings.add(std::move(finding));
  }
}

} // namespace fan::doctor
