#include "core/port_sets.h"

#include <algorithm>
#include <optional>
#include <string_view>

namespace fan {
namespace {

constexpr std::string_view joint = " . ";

// Takes the device's name, in quotes, off the front of an element.
std::optional<std::string> take_device(std::string_view& text) {
  const std::size_t end = text.starts_with('"') ? text.find('"', 1) : std::string_view::npos;
  if (end == std::string_view::npos) {
    return std::nullopt;
  }
  std::string device(text.substr(1, end - 1));
  text.remove_prefix(end + 1);
  text.remove_prefix(text.starts_with(joint) ? joint.size() : 0);
  return device;
}

std::optional<Mac> take_mac(std::string_view& text) {
  const std::string_view word = text.substr(0, text.find(joint));
  const auto mac = Mac::parse(word);
  text.remove_prefix(std::min(text.size(), word.size() + joint.size()));
  return mac ? std::optional(*mac) : std::nullopt;
}

// Reads elements into a registry, kind by kind.
class Reader {
public:
  void read(const SetElement& element) {
    std::string_view rest = element.element;
    const auto device = take_device(rest);
    if (element.table != NftTable::bridge || !device) {
      return;
    }
    if (element.set == port_sets::addresses) {
      read_address(*device, rest);
    } else if (element.set == port_sets::ports && element.data == port_sets::secured_verdict) {
      registry_.secured.try_emplace(*device);
    } else if (element.set == port_sets::prefixes || element.set == port_sets::prefixes6) {
      if (const auto prefix = AnyPrefix::parse(rest)) {
        prefixes_[*device].insert(*prefix);
      }
    } else if (element.set == port_sets::allowed) {
      if (const auto mac = take_mac(rest)) {
        registry_.allowed.insert({*device, *mac});
      }
    } else if (element.set == port_sets::restricted) {
      restricted_.insert(*device);
    } else {
      read_name(element.set, *device);
    }
  }

  // What is not said by the elements because somebody deleted them, and is still to be seen elsewhere.
  void add_remembered(const Registry& remembered) {
    for (const auto& [address, endpoint] : registry_.endpoints) {
      if (remembered.routed.count(endpoint.port) != 0) {
        registry_.routed.try_emplace(endpoint.port, false); // else the elements, which are there, would say so
      }
    }
    for (const auto& [address, endpoint] : remembered.endpoints) {
      registry_.endpoints.try_emplace(address, endpoint);
    }
    for (const auto& [address, endpoint] : registry_.endpoints) {
      const auto routed = remembered.routed.find(endpoint.port);
      if (routed != remembered.routed.end()) {
        registry_.routed.insert(*routed);
      }
      if (remembered.secured.count(endpoint.port) != 0) {
        registry_.secured.try_emplace(endpoint.port);
      }
    }
  }

  // What we have not switched off ourselves.
  void add_unlearning(const std::vector<LinkFact>& links) {
    for (const LinkFact& link : links) {
      if (!link.learning && registry_.secured.count(link.name) == 0) {
        registry_.unlearning.insert(link.name);
      }
    }
  }

  // Each port says what holds for its bridge.
  void add_bridges(const std::vector<LinkFact>& links) {
    if (restricted_.empty() && registry_.receivers.empty()) {
      return;
    }
    for (const auto& [port, bridge] : bridges_of_ports(links)) {
      if (restricted_.count(port) != 0) {
        registry_.quiet.insert(bridge);
      }
      if (registry_.receivers.count(port) != 0) {
        registry_.selective.insert(bridge);
      }
    }
  }

  Registry take() && {
    for (auto& [port, prefixes] : prefixes_) {
      if (const auto secured = registry_.secured.find(port); secured != registry_.secured.end()) {
        secured->second = std::move(prefixes);
      }
    }
    return std::move(registry_);
  }

private:
  void read_address(const std::string& device, std::string_view rest) {
    const auto mac = take_mac(rest);
    const auto address = Address::parse(rest);
    if (mac && address) {
      registry_.endpoints.try_emplace(*address, Registration{*address, device, *mac});
    }
  }

  void read_name(const std::string& set, const std::string& device) {
    if (set == port_sets::routed) {
      registry_.routed.try_emplace(device, false);
    } else if (set == port_sets::forwarded) {
      registry_.routed[device] = true;
    } else if (set == port_sets::unlearning) {
      registry_.unlearning.insert(device);
    } else if (set == port_sets::quiet) {
      registry_.quiet.insert(device);
    } else if (set == port_sets::selective) {
      registry_.selective.insert(device);
    } else if (set == port_sets::receivers) {
      registry_.receivers.insert(device);
    }
  }

  Registry registry_;
  std::map<std::string, std::set<AnyPrefix>> prefixes_;
  std::set<std::string> restricted_; // ports
};

} // namespace

std::map<std::string, std::string> bridges_of_ports(const std::vector<LinkFact>& links) {
  std::map<std::uint32_t, std::string> bridges;
  for (const LinkFact& link : links) {
    if (link.kind == "bridge") {
      bridges.emplace(link.ifindex, link.name);
    }
  }
  std::map<std::string, std::string> found;
  for (const LinkFact& link : links) {
    if (const auto master = bridges.find(link.master); master != bridges.end()) {
      found.emplace(link.name, master->second);
    }
  }
  return found;
}

Registry registry_of(const std::vector<SetElement>& elements, const Registry& remembered,
                     const std::vector<LinkFact>& links) {
  Reader reader;
  for (const SetElement& element : elements) {
    reader.read(element);
  }
  reader.add_remembered(remembered);
  reader.add_unlearning(links);
  reader.add_bridges(links);
  return std::move(reader).take();
}

bool owns(const Fan& fan, Address address) {
  return fan.slice().contains(address) || std::any_of(fan.former.begin(), fan.former.end(), [&](Address host) {
           return fan.slice_of_former(host).contains(address);
         });
}

} // namespace fan
