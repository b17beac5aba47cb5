#include "contract/world.h"
#include "support/memory_provider.h"

namespace fan::test {
namespace {

class MemoryWorld : public World {
public:
  Provider& provider() override { return provider_; }
  void add_foreign_bridge(const std::string& name) override { put(Bridge{name, {}, 1500, ""}); }
  void add_port(const std::string& /*bridge*/, const std::string& name) override {
    LinkFact port;
    port.ifindex = 99;
    port.name = name;
    provider_.base.links.push_back(port);
  }
  void add_foreign_route(const Prefix& destination) override {
    provider_.foreign_route = destination.str() + " via 172.30.0.99 dev eth0";
    put(Route{destination, Address(0xac1e0063), "eth0", {}, 0});
  }

private:
  void put(const Object& object) { provider_.objects.emplace(key_of(object), Observed{object, false}); }
  MemoryProvider provider_ = MemoryProvider::host(Address(0xac1e001c), 16);
};

} // namespace

std::unique_ptr<World> make_memory_world() {
  return std::make_unique<MemoryWorld>();
}

} // namespace fan::test
