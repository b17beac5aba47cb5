#include "core/facts.h"

#include <algorithm>

namespace fan {

namespace {

// `places` are hints: where one is wrong, or missing, all are found anew.
template <class Key, class KeyOf>
const LinkFact* find(const std::vector<LinkFact>& links, const Key& key, KeyOf key_of,
                     std::unordered_map<Key, std::size_t>& places) {
  const auto at = places.find(key);
  if (at != places.end() && at->second < links.size() && key_of(links[at->second]) == key) {
    return &links[at->second];
  }
  const auto found =
      std::find_if(links.begin(), links.end(), [&](const LinkFact& link) { return key_of(link) == key; });
  if (found == links.end()) {
    return nullptr;
  }
  places.clear();
  for (std::size_t n = 0; n < links.size(); ++n) {
    places.emplace(key_of(links[n]), n);
  }
  return &*found;
}

} // namespace

const LinkFact* Facts::link(const std::string& name) const {
  return find(
      links, name, [](const LinkFact& link) -> const std::string& { return link.name; }, places);
}

const LinkFact* Facts::link(std::uint32_t ifindex) const {
  return find(
      links, ifindex, [](const LinkFact& link) { return link.ifindex; }, numbered_places);
}

} // namespace fan
