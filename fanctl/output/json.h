// Values as JSON, schema 1 (docs/schema/fanctl-1.json). Keys keep their order, so that outputs can be compared as text.
// Within schema 1 keys are added, never renamed, removed or given another meaning. Bytes that are not UTF-8 become
// U+FFFD.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "core/fan.h"
#include "core/object.h"
#include "core/result.h"
#include "engine/requests.h"

namespace fan::cli {

using Json = nlohmann::ordered_json;

inline constexpr int json_schema = 1;

// {"schema": 1, "command": command}
Json document_of(const std::string& command);

Json to_json(const Error& error);
Json to_json(const Fan& fan);
Json to_json(const Object& object);
Json to_json(const Change& change);

// Indented, with a newline at the end.
std::string text_of(const Json& document);

// {"schema": 1, "error": {...}}
std::string error_document(const Error& error);

} // namespace fan::cli
