// `fanctl explain` as text and as JSON. Pure.
#pragma once

#include <span>
#include <string>

#include "core/explain.h"

namespace fan::cli {

std::string explanation_text(std::span<const Explanation> explanations);

// The document of docs/schema/fanctl-1.json, definition "explain".
std::string explanation_document(std::span<const Explanation> explanations);

} // namespace fan::cli
