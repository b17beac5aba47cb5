// What people say of the ports of fan bridges: endpoints, what ports may send, broadcasts. One pipeline with up and
// down: another registry, and the plan that comes to it.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/registry.h"
#include "core/result.h"
#include "engine/fan_selection.h"
#include "engine/host.h"
#include "engine/provider.h"
#include "engine/requests.h"

namespace fan {

// An endpoint to register. A port that is secured stays so as long as it has an endpoint.
struct EndpointRequest {
  Registration endpoint;
  bool secure = false;            // the port sends as its endpoints or not at all
  bool routed = false;            // the port is of no bridge, and gets a route to the endpoint
  std::vector<AnyPrefix> allow;   // and from these networks
  std::optional<TextPlace> place; // in a file of endpoints
};

// Which endpoints to remove: those that have all of what is given.
struct EndpointSelector {
  std::optional<Address> address;
  std::optional<std::string> port;
  std::optional<Mac> mac;

  [[nodiscard]] bool selects(const Registration& endpoint) const {
    return (!address || *address == endpoint.address) && (!port || *port == endpoint.port) &&
           (!mac || *mac == endpoint.mac);
  }
};

// An endpoint as it is registered.
struct EndpointStatus {
  Registration endpoint;
  std::string bridge;
  bool attached = false; // its port is there, and a port of the bridge; or routed, and up
  bool routed = false;
  bool secured = false;
  std::vector<AnyPrefix> allow;
};

// Who is meant by one word: a port, a MAC address, an endpoint's address. Class not_found: nobody is known by it.
Result<std::set<Sender>> senders_of(Provider& provider, const Host& host, const Fan& fan, const std::string& word);

// Works the registry that is wanted out of the host; nothing was changed yet, and nothing will be when it fails.
using RegistryEdit = std::function<Result<Registry>(const Host& host, const std::vector<Fan>& meant)>;

// The fans that are meant by `name`, every one with a bridge without a name, with another registry. As up() and down():
// all is checked before the first write, a failure is undone, the kernel is read again in the end.
Result<Outcome> change_registry(Provider& provider, const std::optional<FanName>& name, const RegistryEdit& edit,
                                const RequestOptions& options);

// Registers endpoints; what is said of an address already is replaced. `exactly`: others of those fans are removed.
Result<Outcome> add_endpoints(Provider& provider, const std::optional<FanName>& name,
                              const std::vector<EndpointRequest>& wanted, bool exactly, const RequestOptions& options);
// None that is meant: success, and a note.
Result<Outcome> remove_endpoints(Provider& provider, const std::optional<FanName>& name, const EndpointSelector& which,
                                 const RequestOptions& options);

// Class privilege: this process may not see what is said of ports, of which it must not be told that there is nothing.
Result<void> check_registry_known(const Facts& facts);

// By address.
Result<std::vector<EndpointStatus>> list_endpoints(Provider& provider, const std::optional<FanName>& name);

} // namespace fan
