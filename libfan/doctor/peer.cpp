#include "doctor/peer.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/errors.h"
#include "core/names.h"
#include "doctor/lines.h"
#include "doctor/tunnel_forms.h"
#include "engine/trace.h"

namespace fan::doctor {
namespace {

constexpr std::uint32_t small = 84;

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

// Words that are this host's own doing; what is left may as well be the peer's.
bool is_near(const std::string& reason) {
  return reason != "no-neighbour" && reason != "port-down" && !reason.empty();
}

Result<std::optional<Trace>> Examination::refused_here(Address source, Address destination) const {
  Packet packet;
  packet.source = source;
  packet.destination = destination;
  Result<Trace> traced = trace(view_.provider, view_.packets, packet);
  if (!traced) {
    return std::move(traced).error();
  }
  const bool refused = traced->end == TraceEnd::refused && is_near(traced->hops.back().reason);
  return refused ? std::optional(std::move(*traced)) : std::nullopt;
}

// What this host itself would refuse, in both directions, of the gateways and of endpoints.
Result<bool> Examination::near() {
  const Prefix there = q_.fan.mapping.slice_of(q_.host);
  const Address far_endpoint = q_.endpoint.value_or(there.at(2));
  std::vector<std::pair<Address, Address>> ways{{q_.fan.gateway(), q_.gateway()}, {q_.gateway(), q_.fan.gateway()}};
  if (!q_.fan.spec.reach) {
    ways.insert(ways.end(), {{q_.fan.slice().at(2), far_endpoint}, {far_endpoint, q_.fan.slice().at(2)}});
  }
  for (const auto& [source, destination] : ways) {
    Result<std::optional<Trace>> refused = refused_here(source, destination);
    if (!refused) {
      return std::move(refused).error();
    }
    if (*refused) {
      const Hop& hop = (*refused)->hops.back();
      problem(fmt::format("this host itself refuses packets {} the peer ({})",
                          source == q_.gateway() || source == far_endpoint ? "of" : "to", hop.reason),
              {fmt::format("{} -> {}: {}", source.str(), destination.str(), hop.text)}, "such packets end here",
              fmt::format("see fanctl trace {} {}", source.str(), destination.str()));
      return true;
    }
  }
  return false;
}

// Two machines with one address, each of which gets some of the packets.
Result<bool> Examination::doubles(const std::string& device, Address address, bool own) {
  Result<std::vector<Mac>> owners = view_.prober.owners(device, address);
  if (!owners) {
    return std::move(owners).error();
  }
  if (device == device_ && !own) {
    arp_answered_ = !owners->empty();
  }
  if (owners->size() < (own ? 1U : 2U)) {
    return false;
  }
  std::vector<std::string> seen;
  for (const Mac& mac : *owners) {
    seen.push_back(fmt::format("{} answers to ARP for {} on {}", mac.str(), address.str(), device));
  }
  problem(own ? fmt::format("another machine has this host's address {} too", address.str())
              : fmt::format("{} machines have the peer's address {}", owners->size(), address.str()),
          seen, "each gets some of the packets, and with the address goes the slice",
          "give one of them another address, and see who gives addresses out twice");
  return true;
}

Result<bool> Examination::segment() {
  Packet packet;
  packet.source = q_.fan.host;
  packet.destination = q_.host;
  const Result<RouteAnswer> route = view_.packets.route({packet, "", 0});
  if (!route) {
    problem("this host has no way to the peer", {route.error().message}, "nothing is sent there", "set a route to it");
    return true;
  }
  device_ = route->device;
  on_link_ = !route->via;
  const Result<Facts> facts = view_.provider.facts();
  if (!facts) {
    return facts.error();
  }
  const LinkFact* link = facts->link(device_);
  has_arp_ = link != nullptr && link->mac != Mac(); // WireGuard and its like have none
  Done found = has_arp_ ? doubles(device_, q_.fan.host, true) : Done(false);
  on_link_ = on_link_ && has_arp_;
  if (found && !*found && on_link_) {
    found = doubles(device_, q_.host, false);
  }
  return found && !*found && !q_.fan.spec.reach ? doubles(q_.fan.bridge, q_.fan.gateway(), true) : found;
}

Result<bool> Examination::echoes() {
  Result<std::vector<EchoAnswer>> answers =
      view_.prober.echo({{q_.fan.host, q_.host, small, false}, {q_.fan.gateway(), q_.gateway(), small, false}});
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

// What the peer has said of a form's protocol and port, whichever form it was asked by.
bool is_refused(const TunnelForm& form, const std::vector<TunnelForm>& asked,
                const std::vector<TunnelAnswer>& answers) {
  for (std::size_t n = 0; n < asked.size(); ++n) {
    const TunnelAnswer& answer = answers.at(n);
    if (asked.at(n).encapsulation == form.encapsulation && asked.at(n).port == form.port &&
        (answer.unreachable || answer.prohibited)) {
      return true;
    }
  }
  return false;
}

// A machine says "unreachable" to another once a second after the first six (net/ipv4/inetpeer.c), so silence may be
// what it had no leave to say. Each protocol and port that nothing was said of is asked again, one in each waiting
// time; where the fan's own still says nothing, something else is the matter, and the others are not asked.
Result<void> Examination::ask_again(const std::vector<TunnelForm>& asked, std::vector<TunnelAnswer>& answers) const {
  if (std::any_of(answers.begin(), answers.end(), [](const TunnelAnswer& one) { return one.form.has_value(); })) {
    return {};
  }
  for (std::size_t n = 0; n < asked.size(); ++n) {
    if (is_refused(asked.at(n), asked, answers)) {
      continue;
    }
    Result<std::vector<TunnelAnswer>> again = view_.prober.tunnel(q_.fan.host, q_.host, device_, {asked.at(n)});
    if (!again) {
      return std::move(again).error();
    }
    answers.at(n) = again->front();
    if (!answers.at(n).unreachable) {
      return {};
    }
  }
  return {};
}

// The tunnel gives no answer: does the peer take packets of another form?
Result<bool> Examination::forms() {
  const TunnelForm own = own_form(q_.fan, q_.host);
  std::vector<TunnelForm> asked = other_forms(q_.fan, q_.host);
  asked.insert(asked.begin(), own);
  Result<std::vector<TunnelAnswer>> answers = view_.prober.tunnel(q_.fan.host, q_.host, device_, asked);
  if (!answers) {
    return std::move(answers).error();
  }
  if (const Result<void> again = ask_again(asked, *answers); !again) {
    return again.error();
  }
  for (std::size_t n = 0; n < asked.size(); ++n) {
    const TunnelAnswer& answer = answers->at(n);
    if (!answer.form) {
      continue;
    }
    TunnelForm there = *answer.form; // an answer's addresses are the other way round
    std::swap(there.inner_source, there.inner_destination);
    std::vector<std::string> evidence{"answered: " + text_of(asked.at(n)), "by: " + text_of(*answer.form)};
    const Result<std::vector<std::string>> refused = refused_meanwhile();
    if (!refused) {
      return refused.error();
    }
    evidence.insert(evidence.end(), refused->begin(), refused->end());
    const std::vector<std::string> differ = differences(own, there);
    if (!differ.empty()) {
      problem(fmt::format("the two hosts disagree: {}", fmt::join(differ, ", ")), evidence,
              "each refuses the other's packets", "give both fans the same options; see " + up_line(q_.fan.spec));
      return true;
    }
  }
  return silence(asked, *answers);
}

// Nothing came back of any form.
Result<bool> Examination::silence(const std::vector<TunnelForm>& asked, const std::vector<TunnelAnswer>& answers) {
  const TunnelAnswer& own = answers.front();
  const bool is_vxlan = q_.fan.spec.encapsulation == Encapsulation::vxlan;
  const std::string form = is_vxlan ? fmt::format("UDP port {}", q_.fan.port()) : std::string("protocol 4");
  std::vector<std::string> seen{"echo of " + peer_ + " on the underlay: " + said(underlay_),
                                "echo of its gateway " + q_.gateway().str() + ": " + said(tunnel_)};
  if (const Result<std::vector<std::string>> refused = refused_meanwhile(); refused) {
    seen.insert(seen.end(), refused->begin(), refused->end());
  }
  if (own.prohibited) {
    seen.push_back("ICMP administratively prohibited from " + own.error_from.str() + " about " + form);
    problem(
        fmt::format("a filter at {} refuses {}", own.error_from == q_.host ? "the peer" : own.error_from.str(), form),
        seen, "the fan's packets end there", "let them pass there");
    return true;
  }
  if (own.unreachable) {
    seen.push_back("ICMP unreachable from " + own.error_from.str() + " about " + form);
    const bool all = std::all_of(asked.begin(), asked.end(),
                                 [&](const TunnelForm& form) { return is_refused(form, asked, answers); });
    cannot_tell(seen, all ? std::vector<std::string>{"no fan is up on the peer, which takes neither protocol 4 nor the "
                                                     "usual UDP ports",
                                                     "its fan has an unusual UDP port"}
                          : std::vector<std::string>{"no fan is up on the peer",
                                                     "its fan has another encapsulation or UDP port than " + form});
    return true;
  }
  if (on_link_ && !arp_answered_) {
    seen.push_back("nobody answers to ARP for " + peer_ + " on " + device_);
    problem("the peer is not there: it is off, has no such address, or the way to it is cut", seen, "nothing arrives",
            "look at the machine, its link and the switches between");
    return true;
  }
  if (!underlay_.answered) {
    cannot_tell(seen, {"the underlay's path to the peer or back is down",
                       "the peer or something between drops all that "
                       "this host sends",
                       "rp_filter there refuses this host's address"});
    return true;
  }
  cannot_tell(seen, {form + " is dropped on the way, there or back", "a firewall on the peer drops " + form,
                     "the peer's fan has another " + std::string(is_vxlan ? "vni or " : "") + "overlay or underlay",
                     "its gateway answers no echo"});
  return true;
}

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
  const Result<std::vector<EchoAnswer>> answers = view_.prober.echo({{q_.fan.gateway(), *q_.endpoint, small, false}});
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

} // namespace

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
