#include "fanctl/doctor_peers.h"

#include "core/errors.h"
#include "doctor/peer.h"
#include "doctor/source.h"

namespace fan::cli {

namespace {

Result<std::vector<doctor::PeerRefusal>> refusals_of(World& world) {
  Result<std::vector<RefusedPeer>> refused = world.refused();
  if (!refused) {
    return std::move(refused).error();
  }
  std::vector<doctor::PeerRefusal> all;
  for (const RefusedPeer& one : *refused) {
    all.push_back({one.reason, one.outer_source, one.packets});
  }
  return all;
}

Result<doctor::PeerQuestion> question_of(const std::string& peer, const std::vector<Fan>& fans) {
  const Result<Address> address = Address::parse(peer);
  Result<doctor::PeerQuestion> question = address ? doctor::peer_of(*address, fans) : address.error();
  return question ? std::move(question) : Result<doctor::PeerQuestion>(std::move(question).error().within("--peer"));
}

} // namespace

Result<void> examine_peers(const std::vector<std::string>& peers, const std::vector<Fan>& fans, World& world,
                           doctor::Findings& findings) {
  if (fans.empty()) {
    return host_error("no fan is up on this host, so nobody is a peer", "fanctl up brings one up");
  }
  std::vector<doctor::PeerQuestion> questions; // all of them are right before the first is asked
  for (const std::string& peer : peers) {
    Result<doctor::PeerQuestion> question = question_of(peer, fans);
    if (!question) {
      return std::move(question).error();
    }
    questions.push_back(std::move(*question));
  }
  if (Result<void> allowed = world.may_change(); !allowed) { // raw sockets, and runs of the programs
    return allowed;
  }
  Result<Provider*> provider = world.provider();
  Prober* prober = world.doctor_source().prober();
  if (!provider || prober == nullptr) {
    return provider ? host_error("other machines cannot be asked from here") : std::move(provider).error();
  }
  const doctor::PeerView view{**provider, world.packets(), *prober, [&world] { return refusals_of(world); }};
  for (const doctor::PeerQuestion& question : questions) {
    if (Result<void> done = doctor::examine_peer(question, view, findings); !done) {
      return std::move(done).error().within("peer " + question.host.str());
    }
  }
  return {};
}

} // namespace fan::cli
