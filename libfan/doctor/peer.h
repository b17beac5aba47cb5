// `fanctl doctor --peer`: what is wrong between this host and another one, with nothing of ours at work there but its
// fan. Asks by PacketView (what this host would do), by Prober (what comes back) and by the counters of this host.
//
// What one side can see is limited: a packet that vanishes without a word was dropped on the way or by the peer. Then
// the finding says that it cannot be told, and what it is one of.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/fan.h"
#include "doctor/finding.h"
#include "engine/packet_view.h"
#include "engine/prober.h"
#include "engine/provider.h"

namespace fan::doctor {

// Packets of one peer that this host has refused since the last fan went down; a sample.
struct PeerRefusal {
  std::string reason;
  Address peer;
  std::uint64_t packets = 0;
};

struct PeerQuestion {
  Fan fan;
  Address host;                    // of the peer, in the underlay
  std::optional<Address> endpoint; // of the overlay, when one was asked about; a gateway is none

  [[nodiscard]] Address gateway() const { return fan.mapping.slice_of(host).at(1); }
};

// Which fan's peer is meant by an address of an underlay or of an overlay. Errors: of none of the fans (host_state), of
// this host itself or of no machine (usage).
Result<PeerQuestion> peer_of(Address address, const std::vector<Fan>& fans);

struct PeerView {
  Provider& provider;
  PacketView& packets;
  Prober& prober;
  std::function<Result<std::vector<PeerRefusal>>()> refusals;
};

// Adds findings of the check "peer"; when nothing is wrong a note says what was asked. Errors: privilege, kernel.
Result<void> examine_peer(const PeerQuestion& question, const PeerView& view, Findings& findings);

} // namespace fan::doctor
