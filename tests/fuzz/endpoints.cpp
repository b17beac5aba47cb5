// The file of `endpoint apply`: lines of JSON, which programs of anybody's write.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "fanctl/endpoint_file.h"
#include "property.h"

namespace {

std::string line_of(const fan::EndpointRequest& request) {
  nlohmann::json line{{"port", request.endpoint.port},
                      {"address", request.endpoint.address.str()},
                      {"mac", request.endpoint.mac.str()},
                      {"secure", request.secure},
                      {"routed", request.routed}};
  for (const fan::AnyPrefix& allowed : request.allow) {
    line["allow"].push_back(allowed.str());
  }
  return line.dump() + "\n";
}

bool same(const fan::EndpointRequest& a, const fan::EndpointRequest& b) {
  return a.endpoint == b.endpoint && a.secure == b.secure && a.routed == b.routed && a.allow == b.allow;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(fan::fuzz::text_of(data, size));
  const auto lines = 1 + std::count(text.begin(), text.end(), '\n');
  const auto requests = fan::cli::parse_endpoints("endpoints", text);
  if (!requests) {
    fan::fuzz::require_placed(requests.error());
    fan::fuzz::require(requests.error().place->line <= lines, "an error is in a line of the file");
    return 0;
  }
  int last = 0;
  for (const fan::EndpointRequest& request : *requests) {
    fan::fuzz::require(request.place && request.place->line > last, "endpoints come in the order of the file");
    last = request.place->line;
    fan::fuzz::require(!request.secure || !request.routed, "no port is both");
    fan::fuzz::require(request.secure || request.allow.empty(), "who is not secured may send anyhow");
    const auto again = fan::cli::parse_endpoints("again", line_of(request));
    fan::fuzz::require(again.ok() && again->size() == 1 && same(again->front(), request),
                       "an endpoint survives its own line");
  }
  fan::fuzz::require(last <= lines, "each in a line of the file");
  return 0;
}
