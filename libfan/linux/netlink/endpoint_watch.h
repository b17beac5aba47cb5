// Listens for endpoints: the kernel's news of links and neighbours, and the ARP messages that come up on bridges, in
// which an endpoint that never speaks to this host tells its address all the same. Reads only; whatever it misses,
// nothing but a registration is late.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "core/address.h"
#include "core/result.h"
#include "engine/heard.h"

namespace fan::netlink {

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
