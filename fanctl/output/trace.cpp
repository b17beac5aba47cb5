#include "fanctl/output/trace.h"

#include <fmt/format.h>

#include "fanctl/output/json.h"

namespace fan::cli {

namespace {

const char* word_of(Passing passing) {
  switch (passing) {
  case Passing::passes:
    return "ok";
  case Passing::refused:
    return "refused";
  case Passing::unknown:
    return "unknown";
  }
  return "unknown";
}

const char* word_of(TraceEnd end) {
  switch (end) {
  case TraceEnd::sent:
    return "sent";
  case TraceEnd::delivered:
    return "delivered";
  case TraceEnd::refused:
    return "refused";
  }
  return "refused";
}

Json text_or_null(const std::string& text) {
  return text.empty() ? Json() : Json(text);
}

Json outer_json(const Outer& outer) {
  return Json{
      {"source", outer.source.str()}, {"destination", outer.destination.str()}, {"vni", outer.vni}, {"ttl", outer.ttl}};
}

Json hop_json(const Hop& hop) {
  return Json{{"step", hop.step},
              {"device", text_or_null(hop.device)},
              {"verdict", word_of(hop.passing)},
              {"reason", text_or_null(hop.reason)},
              {"text", hop.text},
              {"outer", hop.outer ? outer_json(*hop.outer) : Json()}};
}

} // namespace

std::string trace_text(const Trace& trace) {
  std::string out;
  for (const Hop& hop : trace.hops) {
    out += fmt::format("{:<10} {:<15} {:<8} {}\n", hop.step, hop.device.empty() ? "-" : hop.device,
                       word_of(hop.passing), hop.text);
  }
  return out + trace.summary + "\n";
}

std::string trace_document(const Trace& trace) {
  Json document = document_of("trace");
  const Packet& packet = trace.packet;
  document["packet"] = Json{{"source", packet.source.str()}, {"destination", packet.destination.str()},
                            {"protocol", packet.protocol},   {"destination_port", packet.destination_port},
                            {"size", packet.size},           {"dont_fragment", packet.dont_fragment}};
  document["hops"] = Json::array();
  for (const Hop& hop : trace.hops) {
    document["hops"].push_back(hop_json(hop));
  }
  document["verdict"] = word_of(trace.end);
  document["reason"] = trace.end == TraceEnd::refused ? text_or_null(trace.hops.back().reason) : Json();
  document["summary"] = trace.summary;
  return text_of(document);
}

} // namespace fan::cli
