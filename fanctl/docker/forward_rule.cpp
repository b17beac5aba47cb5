#include "fanctl/docker/forward_rule.h"

#include <string>
#include <utility>
#include <vector>

#include "core/words.h"

namespace fan::cli::docker {

namespace {

constexpr const char* chain = "DOCKER-USER";

// -w: Docker may hold iptables' lock while it starts.
Result<void> run_iptables(World& world, std::vector<std::string> words) {
  words.insert(words.begin(), {"-w", "5"});
  return world.program("iptables", words);
}

Result<void> iptables(World& world, std::vector<std::string> words) {
  Result<void> done = run_iptables(world, std::move(words));
  if (!done && done.error().kind == ErrorClass::not_found) {
    done.error().kind = ErrorClass::host_state; // no fan is missing
  }
  return done;
}

// A question to which iptables says no by its status 1. By any other it says nothing.
Result<bool> iptables_says(World& world, std::vector<std::string> words) {
  Result<void> said = run_iptables(world, std::move(words));
  return said || said.error().kind == ErrorClass::not_found ? Result<bool>(said.ok()) : std::move(said).error();
}

std::vector<std::string> rule(const char* verb, const Prefix& overlay) {
  return {verb, chain, "-s", overlay.str(), "-d", overlay.str(), "-j", "ACCEPT"};
}

} // namespace

std::string rule_text(const Prefix& overlay) {
  return "iptables " + join_words(rule("-I", overlay));
}

Result<bool> has_rule(World& world, const Prefix& overlay) {
  return iptables_says(world, rule("-C", overlay));
}

Result<void> ensure_rule(World& world, const Prefix& overlay) {
  const Result<bool> there = has_rule(world, overlay);
  if (!there || *there) {
    return there ? Result<void>() : there.error();
  }
  const Result<bool> has_chain = iptables_says(world, {"-n", "-L", chain});
  if (!has_chain) {
    return has_chain.error();
  }
  if (!*has_chain) {
    if (Result<void> made = iptables(world, {"-N", chain}); !made) {
      return made;
    }
  }
  return iptables(world, rule("-I", overlay));
}

Result<void> remove_rule(World& world, const Prefix& overlay) {
  const Result<bool> there = has_rule(world, overlay);
  if (!there) {
    return there.error();
  }
  return *there ? iptables(world, rule("-D", overlay)) : Result<void>();
}

} // namespace fan::cli::docker
