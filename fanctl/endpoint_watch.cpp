// fanctl endpoint watch: registers endpoints of fans with proxy-arp as they appear, for as long as it runs. Nothing
// waits for it: who is not registered is asked for as on any bridge.
#include "fanctl/endpoint_watch.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <thread>

#include <fmt/format.h>

#include "doctor/source.h"
#include "engine/prober.h"
#include "engine/register_heard.h"
#include "fanctl/console.h"
#include "fanctl/output/error_text.h"

namespace fan::cli {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds between_passes{200};   // whatever is said meanwhile
constexpr milliseconds gathering{20};         // what comes together is registered together
constexpr milliseconds longest_pause{10'000}; // after failures, one after the other
constexpr milliseconds longest_silence{60'000};
constexpr milliseconds patience{10'000}; // for another fanctl that is at work
constexpr milliseconds truce{5'000};     // who answered for an address is not asked again before
constexpr std::size_t most_asked = 256;  // at once

// What was heard since the last pass, and what need not be looked at again.
class Ears {
public:
  void hear(const News& news) {
    if (news.links) {
      considered_.clear();
      links_ = true;
    }
    for (const Heard& one : news.heard) {
      const bool matters = (one.resolved && registered_.count(one.address) != 0) || is_disputed_again(one);
      if ((matters || considered_.count(one) == 0) && fresh_.size() < most_heard) {
        fresh_.insert(one);
      }
    }
  }

  [[nodiscard]] bool anything_new() const { return links_ || !fresh_.empty(); }

  void know(const Endpoints& endpoints) { registered_ = endpoints; }

  // It could not be done, and has to be done again.
  void hear_again(const std::vector<Heard>& heard) {
    fresh_.insert(heard.begin(), heard.end());
    links_ = true;
  }

  // What was heard of these addresses is not settled for good: who held one may leave it later.
  void dispute(const std::vector<Heard>& heard, const std::set<Registration>& asked) {
    if (disputed_.size() > most_heard) {
      disputed_.clear();
    }
    std::set<Address> addresses;
    for (const Registration& one : asked) {
      addresses.insert(one.address);
    }
    for (const Heard& one : heard) {
      if (addresses.count(one.address) != 0) {
        disputed_[one] = Clock::now() + truce;
      }
    }
  }

  // Whoever changes his tale all the time is not remembered for ever.
  std::vector<Heard> take() {
    if (considered_.size() > most_heard) {
      considered_.clear();
    }
    considered_.insert(fresh_.begin(), fresh_.end());
    links_ = false;
    const std::set<Heard> fresh = std::exchange(fresh_, {});
    return {fresh.begin(), fresh.end()};
  }

private:
  bool is_disputed_again(const Heard& one) {
    const auto found = disputed_.find(one);
    if (found == disputed_.end() || Clock::now() < found->second) {
      return false;
    }
    disputed_.erase(found);
    return true;
  }

  bool links_ = true; // at first everything is news
  std::set<Heard> fresh_;
  std::set<Heard> considered_;
  std::map<Heard, Clock::time_point> disputed_; // until when
  Endpoints registered_;
};

std::string line_of(const char* verb, const Registration& endpoint) {
  return fmt::format("{} {} mac {} port {}\n", verb, endpoint.address.str(), endpoint.mac.str(), endpoint.port);
}

using Bridges = std::map<std::uint32_t, std::string>;

// One line for each of `a` that is not so in `b`.
std::string lines_of(const char* verb, const Endpoints& a, const Endpoints& b) {
  std::string text;
  for (const auto& [address, endpoint] : a) {
    const auto other = b.find(address);
    if (other == b.end() || other->second != endpoint) {
      text += line_of(verb, endpoint);
    }
  }
  return text;
}

// What has been said. A pass may fail after it has registered somebody; the next one says it.
class Account {
public:
  // Who reads it or not is no matter.
  void say(const HeardOutcome& outcome) {
    std::string text;
    for (const auto& [ifindex, bridge] : outcome.bridges) {
      text += bridges_.count(ifindex) == 0 ? "listening on " + bridge + "\n" : "";
    }
    const Endpoints& before = said_ ? *said_ : outcome.before;
    text += lines_of("removed", before, outcome.after) + lines_of("registered", outcome.after, before);
    (void)write_all(1, text);
    said_ = outcome.after;
    bridges_ = outcome.bridges;
    failures_ = 0;
  }

  // A container that goes while its endpoint is registered makes one pass fail; what fails twice is worth a word.
  milliseconds say(const Error& error) {
    if (++failures_ > 1) {
      (void)write_all(2, error_text(error));
    }
    return std::min(between_passes * (1 << std::min(failures_, 6)), longest_pause);
  }

private:
  std::optional<Endpoints> said_;
  Bridges bridges_;
  int failures_ = 0;
};

Result<HeardOutcome> locked_pass(World& world, const std::optional<FanName>& name, const std::vector<Heard>& heard,
                                 const Answers& answers) {
  if (Result<void> locked = world.lock(patience); !locked) {
    return std::move(locked).error();
  }
  auto provider = world.provider();
  auto outcome = provider ? register_heard(**provider, name, heard, answers) : Result<HeardOutcome>(provider.error());
  world.unlock();
  return outcome;
}

Result<Answers> ask(World& world, const std::set<Registration>& whom) {
  Answers answers;
  Prober* prober = world.doctor_source().prober();
  if (prober == nullptr) {
    return answers;
  }
  std::vector<Registration> asked;
  std::vector<HolderQuestion> questions;
  for (const Registration& one : whom) {
    if (asked.size() < most_asked) {
      asked.push_back(one);
      questions.push_back({one.port, one.address});
    }
  }
  const Result<std::vector<bool>> held = prober->holders(questions);
  if (!held) {
    return held.error();
  }
  for (std::size_t n = 0; n < asked.size(); ++n) {
    ((*held)[n] ? answers.there : answers.gone).insert(asked[n]);
  }
  return answers;
}

// Whoever has to be asked first is asked without the lock: nobody waits for silence.
Result<HeardOutcome> pass(World& world, const std::optional<FanName>& name, const std::vector<Heard>& heard) {
  auto first = locked_pass(world, name, heard, {});
  if (!first || first->to_ask.empty()) {
    return first;
  }
  const Result<Answers> answers = ask(world, first->to_ask);
  if (!answers) {
    return answers.error();
  }
  auto second = locked_pass(world, name, heard, *answers);
  if (second) {
    second->before = std::move(first->before);
    second->to_ask.merge(first->to_ask);
  }
  return second;
}

Result<void> hear(World& world, const Bridges& on, milliseconds longest, Ears& ears) {
  std::set<std::uint32_t> bridges;
  for (const auto& [ifindex, name] : on) {
    bridges.insert(ifindex);
  }
  const Result<News> news = world.news(bridges, longest);
  if (!news) {
    return news.error();
  }
  ears.hear(*news);
  return {};
}

// Waits for something new, and a little longer, so that what comes together is done together. A flood of what is known
// costs no more than a look at what the socket holds, fifty times a second.
Result<void> listen(World& world, const Bridges& bridges, Ears& ears) {
  const auto end = Clock::now() + longest_silence;
  while (!ears.anything_new() && Clock::now() < end) {
    const auto left = std::chrono::duration_cast<milliseconds>(end - Clock::now());
    if (Result<void> heard = hear(world, bridges, std::max(left, milliseconds(0)), ears); !heard) {
      return heard;
    }
    std::this_thread::sleep_for(gathering);
  }
  return hear(world, bridges, milliseconds(0), ears);
}

} // namespace

Result<void> watch_endpoints(World& world, const std::optional<FanName>& name) {
  if (Result<void> may = world.may_change(); !may) {
    return may;
  }
  Ears ears;
  Account account;
  Bridges bridges;
  for (;;) {
    auto next = Clock::now() + between_passes;
    const std::vector<Heard> heard = ears.take();
    const auto outcome = pass(world, name, heard);
    bridges = outcome ? outcome->bridges : bridges;
    if (Result<void> listening = hear(world, bridges, milliseconds(0), ears); !listening) {
      return listening;
    }
    if (outcome) {
      ears.know(outcome->after);
      ears.dispute(heard, outcome->to_ask);
      account.say(*outcome);
    } else {
      next += account.say(outcome.error());
      ears.hear_again(heard);
    }
    std::this_thread::sleep_until(next);
    if (Result<void> listened = listen(world, bridges, ears); !listened) {
      return listened;
    }
  }
}

} // namespace fan::cli
