#include "bridge/rules.h"

#include <fmt/format.h>

namespace fan::bench {
namespace {

void restore(const Stage& stage, const std::string& text) {
  test::RunOptions options;
  options.input = text;
  stage.host().must({"ebtables-nft-restore"}, options);
}

} // namespace

void ebtables_allow_list(const Stage& stage, unsigned first, unsigned count) {
  std::string text = "*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\n";
  for (unsigned n = first; n < first + count; ++n) {
    text += fmt::format("-A FORWARD -s {} -d ff:ff:ff:ff:ff:ff -j ACCEPT\n", mac_of(n).str());
  }
  text += "-A FORWARD -d ff:ff:ff:ff:ff:ff -j DROP\n";
  restore(stage, text);
}

void ebtables_chain_per_port(const Stage& stage) {
  std::string chains = "*nat\n:PREROUTING ACCEPT\n:OUTPUT ACCEPT\n:POSTROUTING ACCEPT\n";
  std::string jumps;
  for (unsigned n = 1; n <= stage.ports(); ++n) {
    const std::string chain = fmt::format("libvirt-O-p{}", n);
    chains += fmt::format(":{} ACCEPT\n", chain);
    jumps += fmt::format("-A POSTROUTING -o p{0} -j {1}\n-A {1} -p ARP -j ACCEPT\n"
                         "-A {1} -p IPv4 -j ACCEPT\n-A {1} -j DROP\n",
                         n, chain);
  }
  restore(stage, chains + jumps);
}

} // namespace fan::bench
