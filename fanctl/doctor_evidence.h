// What the checks of `fanctl doctor` are told beside the Provider's facts: values of a World as values of doctor/.
#pragma once

#include <vector>

#include "doctor/check.h"
#include "fanctl/world.h"

namespace fan::cli {

doctor::DockerSettings docker_settings(World& world, const std::vector<Fan>& fans);

// By reason, whether or not any packet was refused for it.
Result<std::vector<doctor::Refusals>> refusals(World& world);

} // namespace fan::cli
