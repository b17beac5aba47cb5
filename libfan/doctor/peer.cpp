#include "doctor/peer.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/errors.h"
#include "doctor/examination.h"

namespace fan::doctor {

void Examination::problem(std::string what, std::vector<std::string> evidence, std::string consequence,
                          std::string instead) {
  Finding finding;
  finding.severity = Severity::problem;
  finding.subject = peer_;
  finding.what = std::move(what);
  finding.evidence = std::move(evidence);
  finding.consequence = std::move(consequence);
  finding.instead = std::move(instead);
  findings_.add(std::move(finding));
}

void Examination::cannot_tell(std::vector<std::string> evidence, const std::vector<std::string>& one_of) {
  problem(fmt::format("cannot tell from here; it is one of: {}", fmt::join(one_of, "; ")), std::move(evidence),
          "packets of this fan do not arrive there, or their answers not here",
          "ask there: fanctl doctor --peer " + q_.fan.host.str());
}

std::string said(const EchoAnswer& answer) {
  if (answer.answered) {
    return fmt::format("answered, ttl {}", answer.ttl);
  }
  if (answer.error_type) {
    return fmt::format("ICMP type {} code {} from {}", *answer.error_type, answer.error_code, answer.error_from.str());
  }
  return answer.send_errno != 0 ? fmt::format("not sent, errno {}", answer.send_errno) : "no answer";
}

Result<bool> Examination::echoes() {
  Result<std::vector<EchoAnswer>> answers = view_.prober.echo(
      {{q_.fan.host, q_.host, small_echo, false}, {q_.fan.gateway(), q_.gateway(), small_echo, false}});
  if (!answers) {
    return std::move(answers).error();
  }
  underlay_ = answers->at(0);
  tunnel_ = answers->at(1);
  return tunnel_.answered;
}

Result<void> Examination::remember_refusals() {
  Result<std::vector<PeerRefusal>> refusals = view_.refusals();
  if (!refusals) {
    return std::move(refusals).error();
  }
  before_ = std::move(*refusals);
  return {};
}

// What this host has refused of the peer since the examination began.
Result<std::vector<std::string>> Examination::refused_meanwhile() const {
  const Result<std::vector<PeerRefusal>> now = view_.refusals();
  if (!now) {
    return now.error();
  }
  std::vector<std::string> lines;
  for (const PeerRefusal& refusal : *now) {
    const auto before = std::find_if(before_.begin(), before_.end(), [&](const PeerRefusal& other) {
      return other.peer == refusal.peer && other.reason == refusal.reason;
    });
    const std::uint64_t old = before == before_.end() ? 0 : before->packets;
    if (refusal.peer == q_.host && refusal.packets > old) {
      lines.push_back(
          fmt::format("this host refused {} packets of the peer meanwhile: {}", refusal.packets - old, refusal.reason));
    }
  }
  return lines;
}

Result<void> Examination::run() {
  if (Result<void> remembered = remember_refusals(); !remembered) {
    return remembered;
  }
  Done found = near();
  if (found && !*found) {
    found = segment();
  }
  if (!found || *found) {
    return found ? Result<void>() : std::move(found).error();
  }
  const Done answered = echoes();
  if (!answered) {
    return answered.error();
  }
  found = *answered ? sizes() : forms();
  if (found && !*found && *answered) {
    found = checksums();
  }
  if (found && !*found) {
    found = endpoint();
  }
  if (!found) {
    return std::move(found).error();
  }
  if (!*found) {
    Finding finding;
    finding.severity = Severity::note;
    finding.subject = peer_;
    finding.what = "its gateway answers, with the largest packets too";
    findings_.add(std::move(finding));
  }
  return {};
}

Result<PeerQuestion> peer_of(Address address, const std::vector<Fan>& fans) {
  for (const Fan& fan : fans) {
    const bool in_overlay = fan.mapping.overlay().contains(address);
    if (!in_overlay && !fan.mapping.underlay().contains(address)) {
      continue;
    }
    const Address host = in_overlay ? fan.mapping.host_of(address) : address;
    if (host == fan.host) {
      return usage_error(address.str() + " is this host's own", "give an address of another host");
    }
    const Prefix slice = fan.mapping.slice_of(host);
    const bool nobody = address == slice.network() || address == slice.broadcast();
    if (!fan.mapping.usable_host(host) || (in_overlay && nobody)) {
      return usage_error(address.str() + " is no machine's", "give an address of another host");
    }
    const bool is_endpoint = in_overlay && address != slice.at(1);
    return PeerQuestion{fan, host, is_endpoint ? std::optional(address) : std::nullopt};
  }
  return host_error(address.str() + " is in no underlay and no overlay of this host's fans", "fanctl show lists them");
}

Result<void> examine_peer(const PeerQuestion& question, const PeerView& view, Findings& findings) {
  findings.begin("peer");
  return Examination(question, view, findings).run();
}

} // namespace fan::doctor
