#include "engine/moved.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace fan {
namespace {

constexpr std::size_t remembered_at_most = 8; // moves; a record has room for them

// "veth1 (250.0.27.2, 250.0.27.9)", "veth2".
std::string describe_port(const std::string& port, const Prefix& old_slice, const std::vector<Endpoint>& seen) {
  std::vector<std::string> addresses;
  for (const Endpoint& endpoint : seen) {
    if (endpoint.port == port && old_slice.contains(endpoint.address)) {
      addresses.push_back(endpoint.address.str());
    }
  }
  return addresses.empty() ? port : fmt::format("{} ({})", port, fmt::join(addresses, ", "));
}

} // namespace

bool moves(const FanSpec& spec, const Fan& old) {
  return spec.underlay.kind != UnderlayRef::Kind::network && same_request(old.spec, spec);
}

const Fan* moved_from(const FanSpec& spec, const std::vector<Fan>& recorded) {
  const auto found = std::find_if(recorded.begin(), recorded.end(), [&](const Fan& old) { return moves(spec, old); });
  return found == recorded.end() ? nullptr : &*found;
}

void keep_what_is_attached(Fan& made, const Fan& old, const Facts& facts) {
  if (!made.spec.bridge) {
    made.bridge = old.bridge;
  }
  if (made.spec.reach || made.bridge != old.bridge || users_of(facts, old).empty()) {
    return;
  }
  made.former = old.former;
  if (old.slice() != made.slice()) {
    made.former.push_back(old.host);
  }
  std::erase(made.former, made.host);
  if (made.former.size() > remembered_at_most) {
    made.former.erase(made.former.begin());
  }
}

std::string note_of_move(Provider& provider, const Fan& made, const Fan& old, const Facts& facts) {
  std::string note =
      fmt::format("the underlay address is {} and was {}: {} moves from {} to {}", made.host.str(), old.host.str(),
                  made.spec.reach ? "this host" : made.bridge, old.slice().str(), made.slice().str());
  if (made.spec.reach) {
    return note;
  }
  const std::vector<std::string> ports = users_of(facts, old);
  if (ports.empty()) {
    return note + ". Nothing is attached to it.";
  }
  const auto seen = provider.endpoints(old.bridge);
  std::vector<std::string> described;
  for (const std::string& port : ports) {
    described.push_back(describe_port(port, old.slice(), seen ? *seen : std::vector<Endpoint>{}));
  }
  return fmt::format("{}. Attached to it, and in need of addresses of the new slice: {}", note,
                     fmt::join(described, ", "));
}

} // namespace fan
