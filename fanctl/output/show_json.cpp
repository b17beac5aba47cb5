#include "fanctl/output/show_json.h"

#include "fanctl/output/broadcasts.h"
#include "fanctl/output/json.h"

namespace fan::cli {

namespace {

Json drift_json(const Drift& drift) {
  return Json{{"key", drift.key},
              {"expected", drift.expected.empty() ? Json() : Json(drift.expected)},
              {"found", drift.found.empty() ? Json() : Json(drift.found)}};
}

Json status_json(const FanStatus& status, bool complete) {
  Json json = to_json(status.fan);
  json["ports"] = status.ports;
  json["endpoints"] = status.said ? Json(status.said->endpoints) : Json();
  json["secured"] = status.said ? Json(status.said->secured) : Json();
  json["broadcast"] = status.said ? to_json(status.said->broadcast) : Json();
  json["state"] = !status.drift.empty() ? "degraded" : complete ? "ok" : "unknown";
  json["drift"] = Json::array();
  for (const Drift& drift : status.drift) {
    json["drift"].push_back(drift_json(drift));
  }
  return json;
}

// "in-vni" → "in"
std::string way_of(const std::string& reason) {
  return reason.substr(0, reason.find('-'));
}

Json known(Address address) {
  return address == Address() ? Json() : Json(address.str());
}

Json counts_json(const std::vector<TrafficCount>& counts) {
  Json list = Json::array();
  for (const TrafficCount& count : counts) {
    list.push_back(Json{{"reason", count.reason},
                        {"direction", way_of(count.reason)},
                        {"refused", count.refused},
                        {"packets", count.packets},
                        {"bytes", count.bytes}});
  }
  return list;
}

Json refused_json(const std::vector<RefusedPeer>& peers) {
  Json list = Json::array();
  for (const RefusedPeer& peer : peers) {
    list.push_back(Json{{"reason", peer.reason},
                        {"direction", way_of(peer.reason)},
                        {"outer_source", known(peer.outer_source)},
                        {"inner_source", known(peer.inner_source)},
                        {"inner_destination", known(peer.inner_destination)},
                        {"packets", peer.packets},
                        {"age_ms", peer.age_ms}});
  }
  return list;
}

} // namespace

std::string show_document(const ShowView& view) {
  Json document = document_of("show");
  document["complete"] = view.status.complete;
  document["fans"] = Json::array();
  for (const FanStatus& status : view.status.fans) {
    document["fans"].push_back(status_json(status, view.status.complete));
  }
  if (view.counts) {
    document["stats"] = counts_json(*view.counts);
  }
  if (view.refused) {
    document["refused"] = refused_json(*view.refused);
  }
  return text_of(document);
}

} // namespace fan::cli
