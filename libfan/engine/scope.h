// What has to be observed to see certain objects.
#pragma once

#include <span>

#include "core/object.h"
#include "engine/provider.h"

namespace fan {

void add_to_scope(Scope& scope, const Object& object);
// Of both states of each change.
Scope scope_of(std::span<const Change> changes);

} // namespace fan
