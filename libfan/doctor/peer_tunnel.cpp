// A tunnel that gives no answer: packets of other forms, and what silence may mean.
#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "doctor/examination.h"
#include "doctor/lines.h"

namespace fan::doctor {
namespace {

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

} // namespace

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

} // namespace fan::doctor
