#include "engine/scope.h"

namespace fan {

void add_to_scope(Scope& scope, const Object& object) {
  if (const auto device = device_of(object)) {
    scope.devices.insert(*device);
  }
  if (const auto* sysctl = std::get_if<Sysctl>(&object)) {
    scope.sysctls.insert(sysctl->key);
  } else if (const auto* route = std::get_if<Route>(&object)) {
    scope.routes.insert(route->destination);
  } else if (const auto* bridge = std::get_if<Bridge>(&object)) {
    scope.devices.insert(bridge->name);
    scope.bridges.insert(bridge->name);
  } else if (const auto* tunnel = std::get_if<Tunnel>(&object)) {
    scope.devices.insert(tunnel->name);
  } else if (const auto* server = std::get_if<DhcpServer>(&object)) {
    scope.bridges.insert(server->bridge);
  }
}

Scope scope_of(std::span<const Change> changes) {
  Scope scope;
  for (const Change& change : changes) {
    for (const auto& object : {change.before, change.after}) {
      if (object) {
        add_to_scope(scope, *object);
      }
    }
  }
  return scope;
}

} // namespace fan
