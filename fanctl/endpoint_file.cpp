#include "fanctl/endpoint_file.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "core/errors.h"
#include "core/names.h"
#include "core/suggest.h"

namespace fan::cli {

namespace {

using Object = nlohmann::json;

Error routed_and_secure() {
  return usage_error("a routed port cannot be secured as well",
                     "it sends from its endpoints' addresses only, as it is: leave that out");
}

constexpr const char* form = R"(write {"port": "veth1", "address": "250.0.28.2", "mac": "02:00:00:00:00:01"})";

// Where the value of `key` begins in the line, for the caret; 1 when it cannot be told.
int column_of(const std::string& line, const std::string& key) {
  const std::size_t at = line.find('"' + key + '"');
  return at == std::string::npos ? 1 : static_cast<int>(at) + 1;
}

class LineReader {
public:
  LineReader(const std::string& line, TextPlace place) : line_(line), place_(std::move(place)) {}

  Result<EndpointRequest> read() {
    Object object;
    try {
      object = Object::parse(line_);
    } catch (const Object::parse_error& error) {
      return at(static_cast<int>(error.byte), usage_error("this is no JSON", form));
    } catch (const Object::exception&) { // a number that is too large, which has no place of its own
      return at(1, usage_error("this JSON cannot be read: a number in it is too large", form));
    }
    if (!object.is_object()) {
      return at(1, usage_error("this is no JSON object", form));
    }
    return read(object);
  }

private:
  Error at(int column, Error error) const {
    error.place = place_;
    error.place->column = column;
    return error;
  }
  Error at_key(const std::string& key, Error error) const { return at(column_of(line_, key), std::move(error)); }

  Result<EndpointRequest> read(const Object& object) {
    static const std::vector<std::string> known{"port", "address", "mac", "secure", "allow", "routed"};
    static const std::vector<std::string> told{"attached",
                                               "bridge"}; // by `endpoint list --json`, and not to be asked for
    const auto is_among = [](const std::string& key, const std::vector<std::string>& keys) {
      return std::find(keys.begin(), keys.end(), key) != keys.end();
    };
    for (const auto& [key, value] : object.items()) {
      if (!is_among(key, known) && !is_among(key, told)) {
        const auto near = nearest(key, known);
        return at_key(key,
                      usage_error("unknown key " + fan::quoted(key), near ? "did you mean '" + *near + "'?" : form));
      }
    }
    const auto port = text(object, "port");
    const auto address = text(object, "address");
    const auto mac = text(object, "mac");
    for (const auto* part : {&port, &address, &mac}) {
      if (!*part) {
        return part->error();
      }
    }
    const auto secure = truth(object, "secure");
    const auto routed = truth(object, "routed");
    const auto allow = list(object);
    if (!secure || !routed || !allow) {
      return !secure ? secure.error() : !routed ? routed.error() : allow.error();
    }
    if (*secure && *routed) {
      return at_key("routed", routed_and_secure());
    }
    auto whole = request(*port, *address, *mac, *secure, *allow);
    if (whole) {
      whole->routed = *routed;
    }
    return whole;
  }

  Result<EndpointRequest> request(const std::string& port, const std::string& address, const std::string& mac,
                                  bool secure, const std::vector<std::string>& allow) {
    for (const auto& [key, value] : {std::pair{"address", address}, std::pair{"mac", mac}, std::pair{"port", port}}) {
      const bool is_address = std::string(key) == "address";
      const auto one = endpoint_of(std::string(key) == "port" ? port : "x", is_address ? address : "0.0.0.1",
                                   std::string(key) == "mac" ? mac : "02:00:00:00:00:01", false, {});
      if (!one) {
        return at_key(key, one.error());
      }
    }
    auto whole = endpoint_of(port, address, mac, secure, allow);
    if (!whole) {
      return at_key("allow", std::move(whole).error());
    }
    whole->place = place_;
    whole->place->column = 1;
    return whole;
  }

  Result<std::string> text(const Object& object, const char* key) const {
    const auto found = object.find(key);
    if (found == object.end()) {
      return at(1, usage_error(std::string("\"") + key + "\" is missing", form));
    }
    return found->is_string()
               ? Result<std::string>(found->get<std::string>())
               : Result<std::string>(at_key(key, usage_error(std::string("\"") + key + "\" is no text")));
  }

  Result<bool> truth(const Object& object, const char* key) const {
    const auto found = object.find(key);
    if (found == object.end()) {
      return false;
    }
    return found->is_boolean()
               ? Result<bool>(found->get<bool>())
               : Result<bool>(at_key(key, usage_error(std::string("\"") + key + "\" is neither true nor false")));
  }

  Result<std::vector<std::string>> list(const Object& object) const {
    std::vector<std::string> texts;
    const auto found = object.find("allow");
    if (found == object.end()) {
      return texts;
    }
    const Error wrong = at_key(
        "allow", usage_error("\"allow\" is no list of networks", R"("allow": ["10.1.0.0/16", "2001:db8:1::/64"])"));
    if (!found->is_array()) {
      return wrong;
    }
    for (const Object& one : *found) {
      if (!one.is_string()) {
        return wrong;
      }
      texts.push_back(one.get<std::string>());
    }
    return texts;
  }

  const std::string& line_;
  TextPlace place_;
};

} // namespace

Result<EndpointRequest> endpoint_of(const std::string& port, const std::string& address, const std::string& mac,
                                    bool secure, const std::vector<std::string>& allow, bool routed) {
  EndpointRequest request;
  if (secure && routed) {
    return routed_and_secure();
  }
  auto parsed_address = Address::parse(address);
  if (!parsed_address) {
    return std::move(parsed_address).error();
  }
  auto parsed_mac = Mac::parse(mac);
  if (!parsed_mac) {
    return std::move(parsed_mac).error();
  }
  if (auto good = validate_device_name(port); !good) {
    return std::move(good).error();
  }
  if (!allow.empty() && !secure) {
    return usage_error("a port that is not secured may send from every network", "give --secure too, or no --allow");
  }
  for (const std::string& text : allow) {
    auto prefix = AnyPrefix::parse(text);
    if (!prefix) {
      return std::move(prefix).error();
    }
    request.allow.push_back(*prefix);
  }
  request.endpoint = {*parsed_address, port, *parsed_mac};
  request.secure = secure;
  request.routed = routed;
  return request;
}

Result<std::vector<EndpointRequest>> parse_endpoints(const std::string& name, const std::string& text) {
  std::vector<EndpointRequest> requests;
  int number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string line = text.substr(at, end - at);
    at = end + 1;
    ++number;
    if (!line.empty() && line.back() == '\r') {
      line.pop_back();
    }
    const std::size_t first = line.find_first_not_of(" \t");
    if (first == std::string::npos || line[first] == '#') {
      continue;
    }
    auto request = LineReader(line, TextPlace{name, number, 1, line}).read();
    if (!request) {
      return std::move(request).error();
    }
    requests.push_back(std::move(request).value());
  }
  return requests;
}

} // namespace fan::cli
