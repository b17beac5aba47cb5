// What comes back to the probes of `doctor --peer` and of `endpoint`: whole packets, messages of ARP, and what the
// kernel says beside an error.
#include <algorithm>

#include <sys/socket.h>

#include "linux/probe/answers.h"
#include "property.h"

namespace probe = fan::probe;

namespace {

const fan::Address host(0xac1e001cU);
const fan::Address peer(0xac1e001bU);
constexpr std::uint16_t id = 0x1234;

void read_packet(const probe::Bytes& bytes) {
  if (const auto mac = probe::arp_reply_about(bytes, peer)) {
    fan::fuzz::require(std::search(bytes.begin(), bytes.end(), mac->bytes.begin(), mac->bytes.end()) != bytes.end(),
                       "a MAC is one of the message's");
  }
  if (probe::echo_reply(bytes, id, 1)) {
    fan::fuzz::require(!probe::echo_reply(bytes, id, 2) && !probe::echo_reply(bytes, id + 1, 1),
                       "a reply is to one question");
  }
  fan::fuzz::require(!probe::is_our_request(bytes, id, 1) || bytes.size() >= 8, "a request is a whole one");
  if (const auto arrived = probe::tunnelled_reply(bytes, host, peer, id)) {
    fan::fuzz::require(arrived->form.vni < 1U << 24U, "a VNI has 24 bits");
    fan::fuzz::require(!probe::tunnelled_reply(bytes, peer, host, id), "it is from the peer");
  }
}

void read_control(const probe::Bytes& bytes) {
  probe::Bytes copy = bytes;
  msghdr message{};
  message.msg_control = copy.data();
  message.msg_controllen = copy.size();
  const probe::SentError error = probe::sent_error_in(message);
  fan::fuzz::require(error.quoted.empty(), "what was quoted is elsewhere");
  fan::fuzz::require(error.mtu == 0 || (error.type == 3 && error.code == 4), "an MTU comes with its own error only");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Of its size to the byte, so that whoever reads on is caught.
  const probe::Bytes bytes(data, data + size);
  read_packet(bytes);
  read_control(bytes);
  return 0;
}
