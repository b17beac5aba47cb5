#include "fanctl/output/endpoints.h"

#include <fmt/format.h>

#include "fanctl/output/error_text.h"
#include "fanctl/output/json.h"

namespace fan::cli {

namespace {

std::string flags_of(const EndpointStatus& status) {
  std::string flags = status.secured ? "secure" : status.routed ? "routed" : "";
  for (const AnyPrefix& prefix : status.allow) {
    flags += " allow " + prefix.str();
  }
  if (!status.attached) {
    flags += flags.empty() ? "detached" : " detached";
  }
  return flags;
}

} // namespace

std::string endpoint_table(std::span<const EndpointStatus> endpoints) {
  std::string out = "Address          Port             MAC                Flags\n";
  for (const EndpointStatus& status : endpoints) {
    const std::string line = fmt::format("{:16} {:16} {:18} {}", status.endpoint.address.str(),
                                         printable(status.endpoint.port), status.endpoint.mac.str(), flags_of(status));
    out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return out;
}

std::string endpoint_document(std::span<const EndpointStatus> endpoints) {
  Json document = document_of("endpoint");
  document["endpoints"] = Json::array();
  for (const EndpointStatus& status : endpoints) {
    Json allow = Json::array();
    for (const AnyPrefix& prefix : status.allow) {
      allow.push_back(prefix.str());
    }
    document["endpoints"].push_back(Json{{"address", status.endpoint.address.str()},
                                         {"port", status.endpoint.port},
                                         {"mac", status.endpoint.mac.str()},
                                         {"bridge", status.bridge},
                                         {"attached", status.attached},
                                         {"secure", status.secured},
                                         {"routed", status.routed},
                                         {"allow", allow}});
  }
  return text_of(document);
}

} // namespace fan::cli
