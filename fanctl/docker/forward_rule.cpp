#include "fanctl/docker/forward_rule.h"

#include <string>
#include <utility>
#include <vector>

#include "core/words.h"

namespace fan::cli::docker {

namespace {

constexpr const char* chain = "DOCKER-USER";

// -w: Docker may hold iptables' lock while it starts.
Result<void> iptables(World& world, std::vector<std::string> words) {
  words.insert(words.begin(), {"-w", "5"});
  return world.program("iptables", words);
}

std::vector<std::string> rule(const char* verb, const Prefix& overlay) {
  return {verb, chain, "-s", overlay.str(), "-d", overlay.str(), "-j", "ACCEPT"};
}

} // namespace

std::string rule_text(const Prefix& overlay) {
  return "iptables " + join_words(rule("-I", overlay));
}

bool has_rule(World& world, const Prefix& overlay) {
  return iptables(world, rule("-C", overlay)).ok();
}

Result<void> ensure_rule(World& world, const Prefix& overlay) {
  if (has_rule(world, overlay)) {
    return {};
  }
  if (!iptables(world, {"-n", "-L", chain})) {
    if (Result<void> made = iptables(world, {"-N", chain}); !made) {
      return made;
    }
  }
  return iptables(world, rule("-I", overlay));
}

Result<void> remove_rule(World& world, const Prefix& overlay) {
  return has_rule(world, overlay) ? iptables(world, rule("-D", overlay)) : Result<void>();
}

} // namespace fan::cli::docker
