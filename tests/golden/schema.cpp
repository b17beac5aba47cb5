#include "schema.h"

#include <regex>
#include <set>

namespace fan::test {

namespace {

using cli::Json;
using Complaints = std::vector<std::string>;

bool is_of_type(const Json& value, const std::string& type) {
  return (type == "object" && value.is_object()) || (type == "array" && value.is_array()) ||
         (type == "string" && value.is_string()) || (type == "integer" && value.is_number_integer()) ||
         (type == "boolean" && value.is_boolean()) || (type == "null" && value.is_null());
}

bool is_of_any_type(const Json& value, const Json& types) {
  if (types.is_string()) {
    return is_of_type(value, types);
  }
  return std::any_of(types.begin(), types.end(), [&](const Json& type) { return is_of_type(value, type); });
}

bool fits_any(const Json& root, const Json& schemas, const Json& value, bool exact) {
  return std::any_of(schemas.begin(), schemas.end(),
                     [&](const Json& s) { return complaints(root, s, value, "", exact).empty(); });
}

bool satisfies(const Json& root, const std::string& keyword, const Json& wanted, const Json& value, bool exact) {
  static const std::set<std::string> elsewhere{"$schema",  "$defs", "title", "description",         "properties",
                                               "required", "items", "$ref",  "additionalProperties"};
  if (keyword == "type") {
    return is_of_any_type(value, wanted);
  }
  if (keyword == "const") {
    return value == wanted;
  }
  if (keyword == "enum") {
    return std::find(wanted.begin(), wanted.end(), value) != wanted.end();
  }
  if (keyword == "minimum") {
    return value.get<long long>() >= wanted.get<long long>();
  }
  if (keyword == "pattern") {
    return std::regex_search(value.get<std::string>(), std::regex(wanted.get<std::string>()));
  }
  if (keyword == "anyOf") {
    return fits_any(root, wanted, value, exact);
  }
  return elsewhere.count(keyword) == 1;
}

void add(Complaints& to, Complaints more) {
  to.insert(to.end(), more.begin(), more.end());
}

Complaints about_keys(const Json& root, const Json& schema, const Json& value, const std::string& path, bool exact) {
  Complaints found;
  for (const Json& key : schema.value("required", Json::array())) {
    if (!value.contains(key.get<std::string>())) {
      found.push_back(path + ": lacks " + key.get<std::string>());
    }
  }
  for (const auto& [key, part] : value.items()) {
    if (schema["properties"].contains(key)) {
      add(found, complaints(root, schema["properties"][key], part, path + "/" + key, exact));
    } else if (exact) {
      found.push_back(path + "/" + key + ": the schema does not know it");
    }
  }
  return found;
}

} // namespace

Complaints complaints(const Json& root, const Json& schema, const Json& value, const std::string& path, bool exact) {
  if (schema.contains("$ref")) {
    return complaints(root, root.at(Json::json_pointer(schema["$ref"].get<std::string>().substr(1))), value, path,
                      exact);
  }
  Complaints found;
  for (const auto& [keyword, wanted] : schema.items()) {
    if (!satisfies(root, keyword, wanted, value, exact)) {
      found.push_back(path + ": not " + keyword + " " + wanted.dump());
    }
  }
  if (found.empty() && schema.contains("properties")) {
    add(found, about_keys(root, schema, value, path, exact));
  }
  if (found.empty() && schema.contains("additionalProperties")) {
    for (const auto& [key, part] : value.items()) {
      add(found, complaints(root, schema["additionalProperties"], part, path + "/" + key, exact));
    }
  }
  if (found.empty() && schema.contains("items")) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      add(found, complaints(root, schema["items"], value[i], path + "/" + std::to_string(i), exact));
    }
  }
  return found;
}

} // namespace fan::test
