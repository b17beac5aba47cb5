#include "bridge/by_hand.h"

#include <fmt/format.h>

namespace fan::bench {
namespace {

void batch(const Stage& stage, const char* program, const std::string& lines) {
  test::RunOptions options;
  options.input = lines;
  stage.host().must({program, "-batch", "-"}, options);
}

} // namespace

void register_in_batches(const Stage& stage, unsigned count) {
  std::string of_ip;
  std::string of_bridge;
  for (unsigned n = 1; n <= count; ++n) {
    of_ip += fmt::format("link set dev p{} type bridge_slave proxy_arp_wifi on\n"
                         "neigh replace {} lladdr {} dev {} nud permanent\n",
                         n, stage.address(n).str(), mac_of(n).str(), stage.network().bridge);
    of_bridge += fmt::format("fdb replace {} dev p{} master static sticky\n", mac_of(n).str(), n);
  }
  batch(stage, "ip", of_ip);
  batch(stage, "bridge", of_bridge);
}

} // namespace fan::bench
