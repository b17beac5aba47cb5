#include "core/facts.h"

#include <algorithm>

namespace fan {

namespace {

template <class Matches>
const LinkFact* find(const std::vector<LinkFact>& links, Matches matches) {
  const auto found = std::find_if(links.begin(), links.end(), matches);
  return found == links.end() ? nullptr : &*found;
}

} // namespace

const LinkFact* Facts::link(const std::string& name) const {
  const auto at = places.find(name);
  if (at != places.end() && at->second < links.size() && links[at->second].name == name) {
    return &links[at->second];
  }
  const LinkFact* found = find(links, [&](const LinkFact& l) { return l.name == name; });
  if (found != nullptr) {
    places.clear();
    for (std::size_t n = 0; n < links.size(); ++n) {
      places.emplace(links[n].name, n);
    }
  }
  return found;
}

const LinkFact* Facts::link(std::uint32_t ifindex) const {
  return find(links, [&](const LinkFact& l) { return l.ifindex == ifindex; });
}

} // namespace fan
