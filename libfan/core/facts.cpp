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
  return find(links, [&](const LinkFact& l) { return l.name == name; });
}

const LinkFact* Facts::link(std::uint32_t ifindex) const {
  return find(links, [&](const LinkFact& l) { return l.ifindex == ifindex; });
}

} // namespace fan
