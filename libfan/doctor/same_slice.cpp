// Whether two hosts have one slice.
#include <sstream>

#include <fmt/format.h>

#include "doctor/checks.h"

namespace fan::doctor {
namespace {

struct Neighbour {
  Address address;
  std::string mac;
  std::string device;
};

// Lines of /proc/net/arp: address, hardware type, flags, MAC, mask, device. Flag 2: resolved.
std::vector<Neighbour> neighbours_in(const std::string& table) {
  std::vector<Neighbour> found;
  std::istringstream lines(table);
  std::string line;
  std::getline(lines, line); // the headings
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string address;
    std::string type;
    std::string flags;
    std::string mask;
    Neighbour one;
    words >> address >> type >> flags >> one.mac >> mask >> one.device;
    const Result<Address> parsed = Address::parse(address);
    if (words && parsed && flags != "0x0") {
      one.address = *parsed;
      found.push_back(one);
    }
  }
  return found;
}

bool is_twin(const Fan& fan, Address address) {
  const std::uint32_t low = ~Prefix::mask_bits(fan.mapping.underlay().length());
  return address != fan.host && !fan.mapping.underlay().contains(address) &&
         (address.v4() & low) == (fan.host.v4() & low);
}

} // namespace

// On a segment that is larger than the underlay, 172.30.0.27/16 and 172.31.0.27/16 would both have 250.0.27.0/24.
void check_twins(const Evidence& evidence, Findings& findings) {
  const Result<std::optional<std::string>> table = evidence.source.text("/proc/net/arp");
  if (!table || !*table) {
    findings.unseen(table ? "there is no /proc/net/arp" : table.error().message);
    return;
  }
  for (const Neighbour& neighbour : neighbours_in(**table)) {
    for (const FanStatus& status : evidence.fans) {
      if (neighbour.device != status.fan.device || !is_twin(status.fan, neighbour.address)) {
        continue;
      }
      Finding finding;
      finding.severity = Severity::note;
      finding.subject = status.fan.bridge;
      finding.what = fmt::format("the neighbour {} has the low bits of this host's {}", neighbour.address.str(),
                                 status.fan.host.str());
      finding.evidence = {fmt::format("{} has {} on {}; the underlay here is {}", neighbour.address.str(),
                                      neighbour.mac, neighbour.device, status.fan.mapping.underlay().str())};
      finding.consequence = fmt::format("if it has a fan of {} too, both own {}, each in an underlay of its own: "
                                        "neither can reach the other's endpoints",
                                        status.fan.mapping.overlay().str(), status.fan.slice().str());
      finding.instead = "use one underlay length that holds both hosts, or another overlay there";
      findings.add(std::move(finding));
    }
  }
}

} // namespace fan::doctor
