// Listens for endpoints: the kernel's news of links and neighbours, and the ARP messages that come up on bridges, in
// which an endpoint that never speaks to this host tells its address all the same. Reads only; whatever it misses,
// nothing but a registration is late. An ARP message does not say by which port it came, but the bridge says when a MAC
// is seen behind another port: what such a MAC says is not told for a while, as somebody there is not who he says.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "core/address.h"
#include "core/result.h"
#include "engine/heard.h"

struct nlmsghdr;

namespace fan::netlink {

// A neighbour that the kernel found itself; nothing for any other message.
std::optional<Heard> heard_in(const nlmsghdr& message);
// The sender of an ARP message of IPv4 over Ethernet (RFC 826), as far as a frame of `from` had it. Nothing when the
// message names another than the frame.
std::optional<Heard> heard_in(std::span<const std::uint8_t> arp, const Mac& from, std::uint32_t bridge);

class EndpointWatch {
public:
  static Result<EndpointWatch> open();
  EndpointWatch(EndpointWatch&& other) noexcept;
  EndpointWatch& operator=(EndpointWatch&& other) noexcept;
  ~EndpointWatch();
  EndpointWatch(const EndpointWatch&) = delete;
  EndpointWatch& operator=(const EndpointWatch&) = delete;

  // Listens on these bridges and no others, by ifindex, and asks the kernel for the neighbours that it knows on all of
  // them; these come by wait(). A bridge that is gone is left out.
  Result<void> listen(const std::set<std::uint32_t>& bridges);

  // Waits until there is something, at most `patience`, and takes what there is then. A second wait may follow.
  Result<News> wait(std::chrono::milliseconds patience);

private:
  struct Sockets;
  Result<void> ask();
  explicit EndpointWatch(std::unique_ptr<Sockets> sockets);
  std::unique_ptr<Sockets> sockets_;
};

} // namespace fan::netlink
