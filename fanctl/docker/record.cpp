#include "fanctl/docker/record.h"

#include <nlohmann/json.hpp>

#include "core/errors.h"

namespace fan::cli::docker {

namespace {

using Json = nlohmann::ordered_json;
constexpr int version = 1;

Json json_of(const std::optional<std::string>& text) {
  return text ? Json(*text) : Json(nullptr);
}

std::optional<std::string> text_in(const Json& value) {
  return value.is_null() ? std::nullopt : std::optional(value.get<std::string>());
}

} // namespace

std::string text_of(const Record& record) {
  Json keys = Json::array();
  for (const KeyChange& change : record.keys) {
    keys.push_back({{"key", change.key}, {"before", json_of(change.before)}, {"after", json_of(change.after)}});
  }
  const Json document{{"version", version},
                      {"bridge", record.bridge},
                      {"overlay", record.overlay.str()},
                      {"daemon-json", record.daemon_json},
                      {"had-daemon-json", record.had_daemon_json},
                      {"keys", keys},
                      {"rule", record.rule},
                      {"added-rule", record.added_rule}};
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<Record> parse_record(std::string_view text) {
  try {
    const Json document = Json::parse(text);
    Result<Prefix> overlay = Prefix::parse(document.at("overlay").get<std::string>());
    if (document.at("version").get<int>() != version || !overlay) {
      return host_error("is of a version that this fanctl does not know");
    }
    Record record{.bridge = document.at("bridge"),
                  .overlay = *overlay,
                  .daemon_json = document.at("daemon-json"),
                  .had_daemon_json = document.at("had-daemon-json"),
                  .keys = {},
                  .rule = document.at("rule"),
                  .added_rule = document.at("added-rule")};
    for (const Json& change : document.at("keys")) {
      record.keys.push_back({change.at("key"), text_in(change.at("before")), text_in(change.at("after"))});
    }
    return record;
  } catch (const Json::exception&) { // what it says is of a library, and of no help to whoever has the file
    return host_error("is no record of `fanctl docker`: it was changed, or cut off",
                      "move it away, and take bridge, mtu and fixed-cidr out of Docker's daemon.json by hand");
  }
}

} // namespace fan::cli::docker
