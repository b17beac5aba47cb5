#include "fanctl/output/explanation.h"

#include <fmt/format.h>

#include "fanctl/output/json.h"

namespace fan::cli {

namespace {

std::string outer_text(const OuterHeader& outer) {
  const std::string source = outer.source ? outer.source->str() : "the sender's host";
  const std::string carried = outer.port ? fmt::format("UDP port {} vni {}", *outer.port, outer.vni.value_or(0))
                                         : fmt::format("protocol {}", outer.protocol);
  return fmt::format("{} -> {} {} ttl {}", source, outer.destination.str(), carried, outer.ttl);
}

std::string line(const char* name, const std::string& value) {
  return fmt::format("  {:<8} {}\n", name, value);
}

std::string text_of(const Explanation& e) {
  std::string out = e.address.str() + "\n";
  if (e.mapping) {
    out += line("mapping", e.mapping->overlay().str() + " over " + e.mapping->underlay().str());
  }
  out += line("role", std::string(name_of(e.role)));
  if (!e.pool.empty()) {
    out += line("pool", e.pool);
  }
  if (e.host) {
    out += line("host", e.host->str() + (e.own ? " (this host)" : ""));
  }
  if (e.slice) {
    out += line("slice", e.slice->str());
  }
  if (e.outer) {
    out += line("outer", outer_text(*e.outer));
  }
  if (e.shortcut) {
    out += line("way", "from endpoints here by the shortcut, past this host's own forwarding");
  }
  return out + (e.why_not.empty() ? "" : line("why not", e.why_not));
}

Json outer_json(const OuterHeader& outer) {
  return Json{{"source", outer.source ? Json(outer.source->str()) : Json()},
              {"destination", outer.destination.str()},
              {"protocol", outer.protocol},
              {"port", outer.port ? Json(*outer.port) : Json()},
              {"vni", outer.vni ? Json(*outer.vni) : Json()},
              {"ttl", outer.ttl}};
}

Json json_of(const Explanation& e) {
  return Json{{"address", e.address.str()},
              {"role", name_of(e.role)},
              {"pool", e.pool.empty() ? Json() : Json(e.pool)},
              {"overlay", e.mapping ? Json(e.mapping->overlay().str()) : Json()},
              {"underlay", e.mapping ? Json(e.mapping->underlay().str()) : Json()},
              {"host", e.host ? Json(e.host->str()) : Json()},
              {"own", e.own},
              {"slice", e.slice ? Json(e.slice->str()) : Json()},
              {"outer", e.outer ? outer_json(*e.outer) : Json()},
              {"shortcut", e.shortcut},
              {"why_not", e.why_not.empty() ? Json() : Json(e.why_not)}};
}

} // namespace

std::string explanation_text(std::span<const Explanation> explanations) {
  std::string out;
  for (const Explanation& explanation : explanations) {
    out += text_of(explanation);
  }
  return out;
}

std::string explanation_document(std::span<const Explanation> explanations) {
  Json document = document_of("explain");
  document["explanations"] = Json::array();
  for (const Explanation& explanation : explanations) {
    document["explanations"].push_back(json_of(explanation));
  }
  return cli::text_of(document);
}

} // namespace fan::cli
