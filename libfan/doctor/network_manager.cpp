// NetworkManager configures every device that its configuration does not say to leave alone.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "core/names.h"
#include "core/words.h"
#include "doctor/checks.h"
#include "doctor/glob.h"
#include "doctor/manager_files.h"

namespace fan::doctor {
namespace {

constexpr const char* own_folder = "/etc/NetworkManager/conf.d";
constexpr const char* ending = ".conf";

// The patterns of NetworkManager's unmanaged-devices. Each file adds to those that were read before it, takes from
// them, or says all anew.
void read_unmanaged(const std::string& text, std::vector<std::string>& patterns) {
  for (const Setting& setting : settings_of(text, "keyfile")) {
    std::string value = setting.value;
    std::replace_if(
        value.begin(), value.end(), [](char c) { return c == ',' || c == ';'; }, ' ');
    const std::vector<std::string> words = split_words(value);
    if (setting.key == "unmanaged-devices") {
      patterns = words;
    } else if (setting.key == "unmanaged-devices+") {
      patterns.insert(patterns.end(), words.begin(), words.end());
    } else if (setting.key == "unmanaged-devices-") {
      std::erase_if(patterns,
                    [&](const std::string& one) { return std::find(words.begin(), words.end(), one) != words.end(); });
    }
  }
}

// NetworkManager.conf(5), "Device List Format".
bool is_meant(std::string_view pattern, const LinkFact& link) {
  constexpr std::string_view by_name = "interface-name:";
  constexpr std::string_view by_type = "type:";
  if (pattern.starts_with(by_name)) {
    pattern.remove_prefix(by_name.size());
    return pattern.starts_with("=") ? pattern.substr(1) == link.name : matches(pattern, link.name);
  }
  if (pattern.starts_with(by_type)) {
    return pattern.substr(by_type.size()) == (link.kind == "ipip" ? "ip-tunnel" : link.kind);
  }
  return pattern == "*";
}

bool is_left_alone(const std::vector<std::string>& patterns, const LinkFact& link) {
  constexpr std::string_view except = "except:";
  bool meant = false;
  for (const std::string& pattern : patterns) {
    if (!pattern.starts_with(except)) {
      meant = meant || is_meant(pattern, link);
    } else if (is_meant(std::string_view(pattern).substr(except.size()), link)) {
      return false;
    }
  }
  return meant;
}

bool says_except(const std::vector<std::string>& patterns) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [](const std::string& one) { return one.starts_with("except:"); });
}

// The name of a file that is read after those that are there; "" when there is none that people would give.
std::string name_after_all(const Evidence& evidence, const std::string& device) {
  const Result<std::vector<std::string>> names = evidence.source.names(own_folder);
  std::string last;
  for (const std::string& name : names ? *names : std::vector<std::string>()) {
    last = name.ends_with(ending) ? std::max(last, name) : last;
  }
  for (const char* begin : {"fanctl-", "zz-fanctl-", "zzzz-fanctl-"}) {
    const std::string name = fmt::format("{}{}{}", begin, device, ending);
    if (name > last) {
      return name;
    }
  }
  return "";
}

// Whether a rule of udev's says so (NM_UNMANAGED); it counts where the files do not name the device.
bool is_left_alone_by_udev(const Evidence& evidence, const LinkFact& link, Findings& findings) {
  const Result<std::optional<std::string>> properties =
      evidence.source.text(fmt::format("/run/udev/data/n{}", link.ifindex));
  if (!properties) {
    findings.unseen(properties.error());
  }
  return properties && *properties && (*properties)->find("E:NM_UNMANAGED=1\n") != std::string::npos;
}

// In the order in which NetworkManager reads them; what is in /etc stands in the place of what has the same name.
std::vector<std::string> network_manager_files(const Evidence& evidence, Findings& findings) {
  constexpr std::array all_folders{own_folder, "/run/NetworkManager/conf.d", "/usr/lib/NetworkManager/conf.d"};
  const auto files = files_in(evidence, all_folders, ending, findings);
  std::vector<std::string> texts;
  const auto add_those_of = [&](std::size_t folder) {
    for (const auto& [name, file] : files) {
      if (file.directory == folder) {
        texts.push_back(file.text);
      }
    }
  };
  add_those_of(2);
  add_those_of(1);
  const Result<std::optional<std::string>> main = evidence.source.text("/etc/NetworkManager/NetworkManager.conf");
  if (!main) {
    findings.unseen(main.error());
  }
  texts.push_back(main && *main ? **main : std::string());
  add_those_of(0);
  return texts;
}

} // namespace

void check_network_manager(const Evidence& evidence, Findings& findings) {
  const Result<std::vector<std::string>> runs = evidence.source.names("/run/NetworkManager");
  if (!runs) {
    findings.unseen(runs.error());
  }
  if (!runs || runs->empty()) {
    return;
  }
  std::vector<std::string> patterns;
  for (const std::string& text : network_manager_files(evidence, findings)) {
    read_unmanaged(text, patterns);
  }
  for (const LinkFact& link : devices_of(evidence)) {
    if (is_left_alone(patterns, link) || is_left_alone_by_udev(evidence, link, findings)) {
      continue;
    }
    const std::string& device = link.name;
    Finding finding;
    finding.severity = Severity::warning;
    finding.subject = device;
    finding.what = "NetworkManager may take this device for its own";
    finding.evidence = {
        "NetworkManager runs, and what its files say of unmanaged-devices does not come to this device"};
    finding.consequence = "it may take addresses and routes of the fan away, or bring the device down";
    const std::string file = name_after_all(evidence, device);
    if (!validate_device_name(device)) {
      finding.instead = "give the bridge a name of letters, digits and dashes";
    } else if (file.empty() || says_except(patterns)) {
      finding.instead =
          fmt::format("add interface-name:{} to unmanaged-devices of [keyfile] where it is said last, and "
                      "no except: that meets it",
                      device);
    } else {
      finding.fix = fmt::format("printf '[keyfile]\\nunmanaged-devices+=interface-name:{}\\n' > {}/{} && nmcli general "
                                "reload conf",
                                device, own_folder, file);
    }
    findings.add(std::move(finding));
  }
}

} // namespace fan::doctor
