// A tunnel that answers: what fits, whether checksums arrive right, and the endpoint behind it.
#include <algorithm>

#include <fmt/format.h>

#include "core/names.h"
#include "doctor/examination.h"

namespace fan::doctor {

// Both ways with the largest packets that should fit.
Result<bool> Examination::sizes() {
  const std::uint32_t overhead = overhead_of(q_.fan.spec.encapsulation);
  std::vector<EchoQuestion> asked;
  for (const std::uint32_t size : {q_.fan.mtu, 1400U, 1300U, 1200U, 1000U, 576U}) {
    if (size <= q_.fan.mtu) {
      asked.push_back({q_.fan.host, q_.host, size + overhead, true});
      asked.push_back({q_.fan.gateway(), q_.gateway(), size, true});
    }
  }
  const Result<std::vector<EchoAnswer>> answers = view_.prober.echo(asked);
  if (!answers) {
    return answers.error();
  }
  std::uint32_t most[2] = {0, 0}; // that arrives on the underlay, in the tunnel
  std::vector<std::string> told;
  for (std::size_t n = 0; n < asked.size(); ++n) {
    const EchoAnswer& answer = answers->at(n);
    most[n % 2] = answer.answered ? std::max(most[n % 2], asked.at(n).size) : most[n % 2];
    if (answer.mtu != 0) {
      told.push_back(fmt::format("{} says that {} bytes do not fit, and {} do", answer.error_from.str(),
                                 asked.at(n).size, answer.mtu));
    }
  }
  if (most[1] == q_.fan.mtu || most[1] == 0) {
    return false;
  }
  std::vector<std::string> seen{
      fmt::format("largest packet with DF that is answered: on the underlay {}, in the tunnel {}", most[0], most[1]),
      fmt::format("the fan's MTU is {}, {} on the underlay", q_.fan.mtu, q_.fan.mtu + overhead)};
  seen.insert(seen.end(), told.begin(), told.end());
  if (!told.empty()) {
    Finding finding;
    finding.severity = Severity::warning;
    finding.subject = peer_;
    finding.what = "the path is narrower than the fan, and says so";
    finding.evidence = seen;
    finding.consequence = "senders learn it packet by packet; those that ignore ICMP lose large packets";
    finding.instead = "give the fan a smaller mtu, or widen the path";
    findings_.add(std::move(finding));
  } else if (most[0] == q_.fan.mtu + overhead) {
    cannot_tell(seen, {"large packets of the tunnel are dropped on the way", "the peer's fan has a smaller MTU"});
  } else {
    problem("a hole on the path: large packets vanish without a word", seen,
            "connections are made and stall as soon as much is sent",
            fmt::format("let ICMP fragmentation-needed pass, or give the fan mtu {}", most[1]));
  }
  return true;
}

// Whether the peer hears of our gateway only what has no checksum to be filled in. A peer that says nothing of either
// kind (its firewall, somebody who listens) says nothing about checksums; that some are lost does not either.
Result<bool> Examination::sums_are_lost() const {
  std::vector<DatagramQuestion> asked;
  for (const bool checksum : {true, true, true, false, false}) {
    asked.push_back({q_.fan.gateway(), q_.gateway(), checksum});
  }
  const Result<std::vector<bool>> answers = view_.prober.datagrams(asked);
  if (!answers) {
    return answers.error();
  }
  for (std::size_t n = 0; n < asked.size(); ++n) {
    if (answers->at(n) == asked.at(n).checksum) {
      return false;
    }
  }
  return true;
}

// A device that says it fills in the checksums of packets within a tunnel, and does not do it right. Echoes do not show
// it: the kernel makes theirs.
Result<bool> Examination::checksums() {
  for (int round = 0; round < 2; ++round) { // not by chance
    Result<bool> lost = sums_are_lost();
    if (!lost || !*lost) {
      return lost;
    }
  }
  Finding finding;
  finding.severity = Severity::problem;
  finding.subject = peer_;
  finding.what = "checksums that are left to this host's network device do not arrive right";
  finding.evidence = {
      fmt::format("UDP to {} with a checksum that {} is to fill in: 0 of 6 answered", q_.gateway().str(), device_),
      fmt::format("UDP to {} without a checksum: 4 of 4 answered", q_.gateway().str())};
  finding.consequence = "pings pass; TCP and UDP of endpoints and of this host are dropped where they arrive";
  finding.fix =
      fmt::format("ethtool -K {} tx-checksum-ip-generic off", tunnel_name(q_.fan.spec.encapsulation, q_.fan.port()));
  findings_.add(std::move(finding));
  return true;
}

Result<bool> Examination::endpoint() {
  if (!q_.endpoint) {
    return false;
  }
  const Result<std::vector<EchoAnswer>> answers =
      view_.prober.echo({{q_.fan.gateway(), *q_.endpoint, small_echo, false}});
  if (!answers) {
    return answers.error();
  }
  const EchoAnswer& answer = answers->front();
  if (answer.answered) {
    return false;
  }
  std::vector<std::string> seen{"echo of its gateway " + q_.gateway().str() + ": answered",
                                "echo of " + q_.endpoint->str() + ": " + said(answer)};
  const bool nobody =
      answer.error_type && *answer.error_type == 3 && answer.error_code == 1 && answer.error_from == q_.gateway();
  if (nobody) {
    problem("nobody has the address " + q_.endpoint->str() + " there", seen, "packets to it are answered by its host",
            "start the endpoint, or ask for its address");
  } else {
    cannot_tell(seen, {"a firewall on the peer drops what it forwards (FORWARD)", "the endpoint is not there",
                       "the endpoint answers no echo"});
  }
  return true;
}

} // namespace fan::doctor
