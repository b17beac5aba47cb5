// From fans to the kernel objects they consist of. Pure: the same fans on the same host give the same objects.
#pragma once

#include <string>
#include <vector>

#include "core/facts.h"
#include "core/fan.h"
#include "core/object.h"

namespace fan {

// The two things about this binary that objects carry (Provider::program_build, Provider::ruleset_version).
struct Builds {
  std::string program;
  std::string ruleset;
};

// Everything that should be there while exactly `fans` are up: what belongs to one fan, and what they share.
// Precondition: the fans are valid together (core/validate.h).
ObjectSet derive(const std::vector<Fan>& fans, const Facts& facts, const Builds& builds);

// What the host gets back when `before` were up and only `after` remain: per-device forwarding that nobody needs any
// more.
ObjectSet derive_restored(const std::vector<Fan>& before, const std::vector<Fan>& after, const Facts& facts);

// The key under net/ipv4/conf that says whether packets that arrive on `device` are forwarded.
std::string forwarding_key(const std::string& device);

} // namespace fan
