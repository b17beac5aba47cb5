#include "fanctl/output/broadcasts.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "fanctl/output/error_text.h"

namespace fan::cli {

namespace {

std::string asked_line(const std::string& bridge, const SenderStatus& one) {
  const std::string known_as = fmt::format("{} on {}", one.sender.mac.str(), one.sender.port);
  const bool by_name = one.who != one.sender.mac.str() && one.who != one.sender.port;
  return fmt::format("{}: {}{}: copied to {}, {} those of others\n", printable(bridge),
                     by_name ? printable(one.who) + " " : "", printable(known_as), one.sends ? "everybody" : "nobody",
                     one.receives ? "receives" : "does not receive");
}

} // namespace

std::string broadcast_words(const BroadcastStatus& status) {
  std::string words = status.quiet ? "copied only from" : "copied from everybody";
  for (const Sender& sender : status.allowed) {
    words += fmt::format(" {} on {}", sender.mac.str(), printable(sender.port));
  }
  words += status.quiet && status.allowed.empty() ? " nobody" : "";
  if (!status.selective) {
    return words + ", to everybody";
  }
  return words + ", only to " +
         (status.receivers.empty() ? std::string("nobody")
                                   : printable(fmt::format("{}", fmt::join(status.receivers, " "))));
}

Json to_json(const BroadcastStatus& status) {
  Json allowed = Json::array();
  for (const Sender& sender : status.allowed) {
    allowed.push_back(Json{{"port", sender.port}, {"mac", sender.mac.str()}});
  }
  return Json{{"from", status.quiet ? "allowed" : "all"},
              {"allowed", allowed},
              {"to", status.selective ? "receivers" : "all"},
              {"receivers", status.receivers}};
}

std::string broadcast_table(std::span<const BroadcastStatus> all) {
  std::string out;
  const bool asked =
      std::any_of(all.begin(), all.end(), [](const BroadcastStatus& status) { return !status.asked.empty(); });
  for (const BroadcastStatus& status : all) {
    for (const SenderStatus& one : status.asked) {
      out += asked_line(status.bridge, one);
    }
    out += asked ? "" : fmt::format("{}: {}\n", printable(status.bridge), broadcast_words(status));
  }
  return out;
}

std::string broadcast_document(std::span<const BroadcastStatus> all) {
  Json document = document_of("broadcast");
  document["bridges"] = Json::array();
  for (const BroadcastStatus& status : all) {
    Json bridge{{"bridge", status.bridge}};
    bridge.update(to_json(status));
    for (const SenderStatus& one : status.asked) {
      bridge["asked"].push_back(Json{{"who", one.who},
                                     {"port", one.sender.port},
                                     {"mac", one.sender.mac.str()},
                                     {"sends", one.sends},
                                     {"receives", one.receives}});
    }
    document["bridges"].push_back(bridge);
  }
  return text_of(document);
}

} // namespace fan::cli
