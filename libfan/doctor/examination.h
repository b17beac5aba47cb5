// How one peer is asked about: what this host itself does with the packets, the segment between, the tunnel, and what
// fits through it, until a cause is found. Of `examine_peer` (peer.h) alone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "doctor/peer.h"
#include "doctor/tunnel_forms.h"
#include "engine/trace.h"

namespace fan::doctor {

inline constexpr std::uint32_t small_echo = 84; // bytes of the whole packet, as ping(8) sends

// What came back of an echo request, in words.
std::string said(const EchoAnswer& answer);

// One peer: what was asked so far, and what came of it.
class Examination {
public:
  Examination(const PeerQuestion& question, const PeerView& view, Findings& findings)
      : q_(question), view_(view), findings_(findings), peer_(question.host.str()) {}

  Result<void> run();

private:
  using Done = Result<bool>; // true: the cause was found, and nothing further is asked

  Done near();
  Result<std::optional<Trace>> refused_here(Address source, Address destination) const;
  Done segment();
  Done doubles(const std::string& device, Address address, bool own);
  Done echoes();
  Done forms();
  Result<void> ask_again(const std::vector<TunnelForm>& asked, std::vector<TunnelAnswer>& answers) const;
  Done silence(const std::vector<TunnelForm>& asked, const std::vector<TunnelAnswer>& answers);
  Done sizes();
  Result<bool> sums_are_lost() const;
  Done checksums();
  Done endpoint();
  Result<void> remember_refusals();
  Result<std::vector<std::string>> refused_meanwhile() const;

  void problem(std::string what, std::vector<std::string> evidence, std::string consequence, std::string instead);
  void cannot_tell(std::vector<std::string> evidence, const std::vector<std::string>& one_of);

  const PeerQuestion& q_;
  const PeerView& view_;
  Findings& findings_;
  std::string peer_;
  std::string device_;  // by which the underlay is reached
  bool on_link_ = true; // no router in between, and ARP
  bool has_arp_ = true;
  bool arp_answered_ = true;
  EchoAnswer underlay_;
  EchoAnswer tunnel_;
  std::vector<PeerRefusal> before_;
};

} // namespace fan::doctor
