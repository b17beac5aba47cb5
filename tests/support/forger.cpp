#include "support/forger.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "support/forged_verdicts.h"
#include "support/forged_watch.h"
#include "support/raw_sender.h"

namespace fan::test {
namespace {

const Mac nobody{{0x02, 0x66, 0x66, 0x66, 0x66, 0x66}};
constexpr std::chrono::milliseconds on_its_way{200}; // much longer than a packet is, on a loaded machine too

// Who sends, and what, one after the other.
struct Source {
  std::function<bool(const Bytes&)> send; // true when it went out
  Forgeries forgeries;
  std::uint64_t tried = 0;
};

// The living ones; the others are taken out.
template <class T>
std::vector<std::shared_ptr<T>> living(std::vector<std::weak_ptr<T>>& all) {
  std::vector<std::shared_ptr<T>> found;
  std::erase_if(all, [&](const std::weak_ptr<T>& one) {
    std::shared_ptr<T> alive = one.lock();
    if (alive != nullptr) {
      found.push_back(std::move(alive));
    }
    return one.expired();
  });
  return found;
}

std::function<bool(const Bytes&)> by(RawSender sender) {
  auto kept = std::make_shared<RawSender>(std::move(sender));
  return [kept](const Bytes& packet) { return kept->send(packet) == 0; };
}

// From an ordinary socket to the tunnel's port of `to`.
std::function<bool(const Bytes&)> by_datagrams(const Netns& netns, Address to) {
  const Inside here(netns);
  const std::shared_ptr<int> fd(new int(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)), [](const int* open) {
    close(*open);
    delete open;
  });
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(default_vxlan_port);
  address.sin_addr.s_addr = htonl(to.v4());
  return [fd, address](const Bytes& payload) {
    return sendto(*fd, payload.data(), payload.size(), 0, reinterpret_cast<const sockaddr*>(&address), sizeof address) >
           0;
  };
}

void add(Forgeries& to, Forgeries more) {
  to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

Forgeries in_frames(Forgeries forgeries, const Mac& to) {
  for (Forgery& one : forgeries) {
    one.packet = ethernet(nobody, to, 0x0800, one.packet);
  }
  return forgeries;
}

Forgeries of_stranger(const Victim& victim, Address own) {
  Forgeries made = plain(victim, own);
  for (const Encapsulation over : {Encapsulation::ipip, Encapsulation::vxlan}) {
    add(made, tunnelled(victim, over, own));
  }
  return made;
}

} // namespace

struct ForgedTraffic::State {
  std::recursive_mutex mutex; // a watcher that goes looks at what has come to it
  std::vector<std::weak_ptr<Source>> sources;
  std::vector<std::weak_ptr<ForgedWatch>> watches;
  std::set<std::string> arrived;
  std::vector<std::string> permitted;
  std::set<std::string> kinds;
  std::uint64_t sent = 0;
  int pauses = 0;
  std::jthread thread;

  void note(const std::string& kind) {
    const auto begins = [&](const std::string& beginning) { return kind.starts_with(beginning); };
    if (std::none_of(permitted.begin(), permitted.end(), begins)) {
      arrived.insert(kind);
    }
  }

  void drain() {
    for (const auto& watch : living(watches)) {
      watch->drain([this](const std::string& kind) { note(kind); });
    }
  }

  void send_one(Source& source) {
    const Forgery& forgery = source.forgeries[source.tried++ % source.forgeries.size()];
    sent += source.send(forgery.packet) ? 1U : 0U;
    kinds.insert(forgery.kind);
  }

  // The next one of the sender that is furthest behind.
  void send_next() {
    const std::lock_guard lock(mutex);
    const auto all = living(sources);
    const auto rounds = [](const auto& source) { return source->tried * 1000 / source->forgeries.size(); };
    const auto next =
        std::min_element(all.begin(), all.end(), [&](const auto& a, const auto& b) { return rounds(a) < rounds(b); });
    if (pauses == 0 && next != all.end()) {
      send_one(**next);
    }
  }

  void send_until(const std::stop_token& stop) {
    const std::chrono::microseconds interval(1000000 / (in_guest() ? 60 : 400));
    while (!stop.stop_requested()) {
      send_next();
      std::this_thread::sleep_for(interval);
    }
  }

  [[nodiscard]] std::vector<std::pair<std::weak_ptr<Source>, std::uint64_t>> goals(int times) {
    const std::lock_guard lock(mutex);
    std::vector<std::pair<std::weak_ptr<Source>, std::uint64_t>> wanted;
    for (const auto& source : living(sources)) {
      wanted.emplace_back(source, source->tried + source->forgeries.size() * static_cast<std::uint64_t>(times));
    }
    return wanted;
  }
};

namespace {

// Adds `made` to `all`, in line with those that are there: who comes last has not to catch up.
template <class State>
ForgedTraffic::Handle enlist(const std::shared_ptr<State>& state, Source made) {
  auto source = std::make_shared<Source>(std::move(made));
  // A short test does not see all of them: let it be others each time.
  const auto first = static_cast<std::ptrdiff_t>(static_cast<std::size_t>(getpid()) % source->forgeries.size());
  std::rotate(source->forgeries.begin(), source->forgeries.begin() + first, source->forgeries.end());
  const std::lock_guard lock(state->mutex);
  for (const auto& other : living(state->sources)) {
    source->tried = std::max(source->tried, other->tried / other->forgeries.size() * source->forgeries.size());
  }
  state->sources.push_back(source);
  return source;
}

template <class State>
ForgedTraffic::Handle enlist(const std::shared_ptr<State>& state, ForgedWatch watch) {
  const std::shared_ptr<ForgedWatch> made(new ForgedWatch(std::move(watch)), [state](const ForgedWatch* gone) {
    {
      const std::lock_guard lock(state->mutex);
      gone->drain([&](const std::string& kind) { state->note(kind); });
    }
    delete gone;
  });
  const std::lock_guard lock(state->mutex);
  state->watches.push_back(made);
  return made;
}

} // namespace

ForgedTraffic::ForgedTraffic() : state_(std::make_shared<State>()) {
  state_->thread = std::jthread([state = state_.get()](const std::stop_token& stop) { state->send_until(stop); });
}

ForgedTraffic::~ForgedTraffic() {
  state_->thread.request_stop();
  state_->thread.join();
  note_verdicts(kinds(), sent(), arrived());
}

ForgedTraffic::Handle ForgedTraffic::from_underlay(const Netns& netns, const std::string& device, Address own,
                                                   const Mac& to, const Victim& victim) {
  return enlist(state_, Source{by(RawSender::frames(netns, device)), in_frames(of_stranger(victim, own), to)});
}

ForgedTraffic::Handle ForgedTraffic::from_elsewhere(const Netns& netns, const std::string& device, Address own,
                                                    const Mac& to, const Victim& victim) {
  Forgeries made = of_stranger(victim, own);
  for (const Encapsulation over : {Encapsulation::ipip, Encapsulation::vxlan}) {
    add(made, for_the_peer(victim, over));
  }
  return enlist(state_, Source{by(RawSender::frames(netns, device)), in_frames(std::move(made), to)});
}

ForgedTraffic::Handle ForgedTraffic::from_processes(const Netns& peer, const Victim& victim) {
  Forgeries raw = of_process(victim, Encapsulation::ipip);
  add(raw, of_process(victim, Encapsulation::vxlan));
  Source ordinary{by_datagrams(peer, victim.host), {{"a process of the peer", datagram_of_process(victim)}}};
  auto both = std::make_shared<std::pair<Handle, Handle>>();
  both->first = enlist(state_, Source{by(RawSender::packets(peer)), std::move(raw)});
  both->second = enlist(state_, std::move(ordinary));
  return both;
}

ForgedTraffic::Handle ForgedTraffic::from_container(const Netns& container, Address own, const Victim& victim) {
  return enlist(state_, Source{by(RawSender::packets(container)), of_container(victim, own)});
}

ForgedTraffic::Handle ForgedTraffic::watch_container(const Netns& container, const std::string& device) {
  return enlist(state_, ForgedWatch::device(container, device));
}

ForgedTraffic::Handle ForgedTraffic::watch_services(const Netns& host) {
  return enlist(state_, ForgedWatch::service(host));
}

ForgedTraffic::Handle ForgedTraffic::pause() {
  {
    const std::lock_guard lock(state_->mutex);
    ++state_->pauses;
  }
  pause_for(on_its_way);
  return {nullptr, [state = state_](void*) {
            const std::lock_guard lock(state->mutex);
            --state->pauses;
          }};
}

ForgedTraffic::Handle ForgedTraffic::doors_open() {
  (void)arrived();
  const std::lock_guard lock(state_->mutex);
  return {nullptr, [state = state_, before = state_->arrived](void*) {
            pause_for(on_its_way);
            const std::lock_guard relock(state->mutex);
            state->drain();
            state->arrived = before;
          }};
}

void ForgedTraffic::permit(const std::string& beginning) {
  const std::lock_guard lock(state_->mutex);
  state_->permitted.push_back(beginning);
}

void ForgedTraffic::come_round(int times) const {
  const auto goals = state_->goals(times);
  const auto is_there = [&](const auto& goal) {
    const auto source = goal.first.lock();
    return source == nullptr || source->tried >= goal.second;
  };
  EXPECT_TRUE(eventually(
      [&] {
        const std::lock_guard lock(state_->mutex);
        return std::all_of(goals.begin(), goals.end(), is_there);
      },
      std::chrono::seconds(120)));
  pause_for(on_its_way);
}

std::string ForgedTraffic::arrived() const {
  const std::lock_guard lock(state_->mutex);
  state_->drain();
  std::string lines;
  for (const std::string& kind : state_->arrived) {
    lines += kind + "\n";
  }
  return lines;
}

bool ForgedTraffic::arrives(const std::string& part_of_kind) const {
  return eventually([&] { return arrived().find(part_of_kind) != std::string::npos; },
                    std::chrono::seconds(in_guest() ? 30 : 10));
}

void ForgedTraffic::forget() {
  pause_for(on_its_way);
  const std::lock_guard lock(state_->mutex);
  state_->drain();
  state_->arrived.clear();
}

std::set<std::string> ForgedTraffic::kinds() const {
  const std::lock_guard lock(state_->mutex);
  return state_->kinds;
}

std::uint64_t ForgedTraffic::sent() const {
  const std::lock_guard lock(state_->mutex);
  return state_->sent;
}

} // namespace fan::test
