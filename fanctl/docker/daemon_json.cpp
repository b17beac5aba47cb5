#include "fanctl/docker/daemon_json.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/errors.h"

namespace fan::cli::docker {

namespace {

using Json = nlohmann::ordered_json; // keys stay in their order

constexpr int indentation = 4; // as in Docker's own manual
constexpr int deepest_at_most = 64;

// Where byte `offset` (from 1, as the parser counts) stands.
TextPlace place_of(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset == 0 ? 0 : offset - 1, text.size()));
  const std::size_t start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  const std::size_t end = std::min(text.find('\n', start), text.size());
  TextPlace place;
  place.line = static_cast<int>(std::count(before.begin(), before.end(), '\n')) + 1;
  place.column = static_cast<int>(before.size() - start) + 1;
  place.excerpt = std::string(text.substr(start, end - start));
  return place;
}

// Lists and objects inside of each other; what is in strings does not count.
int depth_of(std::string_view text) {
  int depth = 0;
  int deepest = 0;
  bool quoted = false;
  for (std::size_t n = 0; n < text.size(); ++n) {
    const char c = text[n];
    if (quoted) {
      n += c == '\\' ? 1U : 0U;
      quoted = c != '"';
    } else {
      quoted = c == '"';
      depth += c == '[' || c == '{' ? 1 : c == ']' || c == '}' ? -1 : 0;
      deepest = std::max(deepest, depth);
    }
  }
  return deepest;
}

Result<Json> read(std::string_view text) {
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    return Json::object();
  }
  if (depth_of(text) > deepest_at_most) { // each level is a call of whoever writes it again
    return host_error(fmt::format("has lists or objects more than {} deep", deepest_at_most),
                      "no file of Docker's needs that");
  }
  try {
    Json document = Json::parse(text);
    if (document.is_object()) {
      return document;
    }
    return host_error("is not a JSON object", "Docker does not start with this file either");
  } catch (const Json::parse_error& failure) {
    Error error = host_error("is not JSON", "Docker does not start with this file either: mend it first");
    error.place = place_of(text, failure.byte);
    return error;
  } catch (const Json::exception& failure) { // a number that is none: 1e999
    return host_error(std::string("is not JSON that can be read: ") + failure.what(),
                      "Docker does not start with this file either");
  }
}

std::string write(const Json& document) {
  return document.empty() ? "" : document.dump(indentation, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::optional<std::string> text_of(const Json& document, const std::string& key) {
  const auto found = document.find(key);
  return found == document.end() ? std::nullopt
                                 : std::optional(found->dump(-1, ' ', false, Json::error_handler_t::replace));
}

void put(Json& document, const std::string& key, const std::optional<std::string>& text) {
  if (text) {
    document[key] = Json::parse(*text, nullptr, false);
  } else {
    document.erase(key);
  }
}

std::vector<std::string> take_back(Json& document, const std::vector<KeyChange>& changes) {
  std::vector<std::string> kept;
  for (const KeyChange& change : changes) {
    if (text_of(document, change.key) == change.after) {
      put(document, change.key, change.before);
    } else {
      kept.push_back(change.key);
    }
  }
  return kept;
}

bool inside(const Json& value, const Prefix& slice) {
  if (!value.is_string()) {
    return false;
  }
  const std::string text = value.get<std::string>();
  if (const Result<Address> address = Address::parse(text); address) {
    return slice.contains(*address);
  }
  const Result<Prefix> prefix = Prefix::parse(text);
  return prefix && slice.contains(*prefix);
}

class Changing {
public:
  explicit Changing(Json& document) : document_(document) {}

  void set(const std::string& key, const std::optional<Json>& wanted) {
    const std::optional<std::string> before = text_of(document_, key);
    const std::optional<std::string> after = wanted ? std::optional(wanted->dump()) : std::nullopt;
    if (before != after) {
      put(document_, key, after);
      changes_.push_back({key, before, after});
    }
  }
  // A key that contradicts the fan's bridge is set aside.
  void remove_unless(const std::string& key, bool harmless) {
    if (!harmless) {
      set(key, std::nullopt);
    }
  }
  std::vector<KeyChange> changes() && { return std::move(changes_); }

private:
  Json& document_;
  std::vector<KeyChange> changes_;
};

} // namespace

Result<Merged> merge(std::string_view text, const std::vector<KeyChange>& earlier, const Settings& wanted) {
  Result<Json> document = read(text);
  if (!document) {
    return std::move(document).error();
  }
  take_back(*document, earlier);
  Changing changing(*document);
  changing.remove_unless("bip", false); // Docker starts with one of bip and bridge
  changing.set("bridge", Json(wanted.bridge));
  changing.set("mtu", Json(wanted.mtu));
  if (wanted.addresses) {
    changing.set("fixed-cidr", Json(wanted.addresses->str()));
  } else if (document->contains("fixed-cidr")) {
    changing.remove_unless("fixed-cidr", inside((*document)["fixed-cidr"], wanted.slice));
  }
  if (document->contains("default-gateway")) {
    changing.remove_unless("default-gateway", inside((*document)["default-gateway"], wanted.slice));
  }
  if (!wanted.iptables) {
    for (const char* key : {"iptables", "ip6tables", "ip-masq", "ip-forward"}) {
      changing.set(key, Json(false));
    }
  }
  return Merged{write(*document), std::move(changing).changes()};
}

Result<Restored> restore(std::string_view text, const std::vector<KeyChange>& changes) {
  Result<Json> document = read(text);
  if (!document) {
    return std::move(document).error();
  }
  std::vector<std::string> kept = take_back(*document, changes);
  return Restored{write(*document), std::move(kept)};
}

} // namespace fan::cli::docker
