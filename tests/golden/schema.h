// As much of JSON Schema (draft 2020-12) as docs/schema/fanctl-1.json uses. A keyword it does not know is a complaint,
// so that the schema cannot say something that nobody checks.
#pragma once

#include <string>
#include <vector>

#include "fanctl/output/json.h"

namespace fan::test {

// Complaints, with the path of what they are about. With `exact`, keys that the schema does not name are complaints
// too.
std::vector<std::string> complaints(const cli::Json& root, const cli::Json& schema, const cli::Json& value,
                                    const std::string& path, bool exact);

} // namespace fan::test
