#include "bridge/ours.h"

#include <fmt/format.h>

#include "support/topology.h"

namespace fan::bench {
namespace {

void apply(const Stage& stage, const char* port, unsigned count, const char* how = nullptr) {
  test::RunOptions options;
  for (unsigned n = 1; n <= count; ++n) {
    options.input +=
        fmt::format(R"({{"port": "{}{}", "address": "{}", "mac": "{}"{}}})", port, n, stage.address(n).str(),
                    mac_of(n).str(), how == nullptr ? "" : fmt::format(R"(, "{}": true)", how)) +
        "\n";
  }
  stage.host().must({test::fanctl_path(), "endpoint", "apply", "-"}, options);
}

} // namespace

void secure_endpoints(const Stage& stage, unsigned count) {
  apply(stage, "p", count, "secure");
}

void route_endpoints(const Stage& stage) {
  apply(stage, "p", stage.ports(), "routed");
}

void keep_broadcasts(const Stage& stage, const char* port, unsigned count) {
  apply(stage, port, count);
  stage.host().must({test::fanctl_path(), "broadcast", "reset"});
}

void register_endpoints(const Stage& stage, unsigned count) {
  if (!stage.by_hand()) {
    apply(stage, "p", count);
    return;
  }
  stage.register_by_hand(count);
  std::string elements = stage.gateway().str();
  for (unsigned n = 1; n <= count; ++n) {
    elements += ", " + stage.address(n).str();
  }
  test::RunOptions options;
  options.input = fmt::format(R"(table bridge fanctl {{
  set answered {{ type ipv4_addr; elements = {{ {} }}
  }}
  chain prerouting {{ type filter hook prerouting priority -300; policy accept;
    ether daddr ff:ff:ff:ff:ff:ff arp operation request arp daddr ip @answered ether daddr set {} meta pkttype set host accept
  }}
}}
)",
                              elements, stage.bridge_mac().str());
  stage.host().must({"nft", "-f", "-"}, options);
}

void allow_only(const Stage& stage, unsigned first, unsigned count) {
  std::string elements;
  for (unsigned n = first; n < first + count; ++n) {
    elements += (elements.empty() ? "" : ", ") + mac_of(n).str();
  }
  test::RunOptions options;
  options.input = fmt::format(R"(table bridge fanctl {{
  set allowed {{ type ether_addr; elements = {{ {} }}
  }}
  chain prerouting {{ type filter hook prerouting priority -300; policy accept;
    ether daddr ff:ff:ff:ff:ff:ff ether saddr != @allowed ether daddr set {} meta pkttype set host accept
  }}
}}
)",
                              elements, stage.bridge_mac().str());
  stage.host().must({"nft", "-f", "-"}, options);
}

} // namespace fan::bench
