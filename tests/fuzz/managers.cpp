// The files of systemd-networkd and NetworkManager that `doctor` reads: three of either, and udev's word, with lines of
// "---" between. What a finding tells to write has to make it go.
#include <algorithm>
#include <array>
#include <map>
#include <regex>

#include "core/record.h"
#include "doctor/checks.h"
#include "property.h"
#include "support/memory_provider.h"

namespace {

using Check = void (*)(const fan::doctor::Evidence&, fan::doctor::Findings&);

class Files : public fan::doctor::Source {
public:
  std::map<std::string, std::string> all;

  fan::Result<std::optional<std::string>> text(const std::string& path) override {
    const auto found = all.find(path);
    return found == all.end() ? std::nullopt : std::optional(found->second);
  }
  fan::Result<std::vector<std::string>> names(const std::string& directory) override {
    std::vector<std::string> found;
    for (const auto& [path, text] : all) {
      if (path.starts_with(directory + "/")) {
        found.push_back(path.substr(directory.size() + 1));
      }
    }
    return found;
  }
};

constexpr std::array names{"/etc/systemd/network/10-one.network",
                           "/run/systemd/network/20-two.network",
                           "/usr/lib/systemd/network/10-one.network",
                           "/etc/NetworkManager/conf.d/10-one.conf",
                           "/etc/NetworkManager/NetworkManager.conf",
                           "/usr/lib/NetworkManager/conf.d/20-two.conf",
                           "/run/udev/data/n3"};

Files files_of(std::string_view text) {
  constexpr std::string_view between = "---\n";
  Files files;
  files.all["/run/systemd/netif/state"] = "";
  files.all["/run/NetworkManager/resolv.conf"] = "";
  for (const char* name : names) {
    const std::size_t end = std::min(text.find(between), text.size());
    files.all[name] = text.substr(0, end);
    text.remove_prefix(std::min(end + between.size(), text.size()));
  }
  return files;
}

std::vector<fan::doctor::Finding> findings_of(Files& files, Check check, const std::string& bridge) {
  static fan::test::MemoryProvider nobody;
  fan::Facts facts;
  fan::LinkFact link;
  link.ifindex = 3;
  link.name = bridge;
  link.kind = "bridge";
  facts.links.push_back(link);
  auto fan = fan::parse_record("fanctl/1 250 eth0 ; host=172.30.0.28 device=eth0 mtu=1480");
  fan::fuzz::require(fan.ok(), "a plain record is one");
  fan->bridge = bridge;
  const fan::doctor::Evidence evidence{std::move(facts),
                                       {{*fan, {}, {}, 0, std::nullopt}},
                                       {},
                                       true,
                                       {},
                                       fan::firewall::Filters(),
                                       {},
                                       std::vector<fan::doctor::Refusals>(),
                                       nobody,
                                       files};
  fan::doctor::Findings findings;
  check(evidence, findings);
  fan::fuzz::require(findings.not_seen().empty(), "all was looked at");
  return findings.found();
}

// Does as the printed line says: printf 'TEXT' > FILE && ...
void carry_out(const std::string& line, Files& files) {
  static const std::regex form("printf '([^']*)' > ([^ ']+) && [a-z ]+");
  std::smatch parts;
  fan::fuzz::require(std::regex_match(line, parts, form), "a fix is one line of a known form");
  files.all[parts[2]] = std::regex_replace(parts[1].str(), std::regex("\\\\n"), "\n");
}

void look(std::string_view text, Check check, const std::string& bridge) {
  Files files = files_of(text);
  const auto found = findings_of(files, check, bridge);
  fan::fuzz::require(found.size() <= 1, "a device is found fault with once");
  if (found.empty()) {
    return;
  }
  fan::fuzz::require(found[0].subject == bridge && !found[0].what.empty(), "a finding is about the device");
  fan::fuzz::require(found[0].fix.empty() != found[0].instead.empty(), "there is something to do");
  if (!found[0].fix.empty()) {
    carry_out(found[0].fix, files);
    fan::fuzz::require(findings_of(files, check, bridge).empty(), "and then it is gone");
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fan::fuzz::text_of(data, size);
  for (const char* bridge : {"fan-250-0-28", "odd'*;br"}) {
    look(text, fan::doctor::check_networkd, bridge);
    look(text, fan::doctor::check_network_manager, bridge);
  }
  return 0;
}
