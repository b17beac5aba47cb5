#include "contract/kernel_world.h"

namespace fan::test {

KernelWorld::KernelWorld() : inside_(netns_) {
  netns_.ip({"link add eth0 type veth peer name far0", "link set eth0 up", "link set far0 up",
             "addr add 172.30.0.28/16 dev eth0", "route add default via 172.30.0.1 dev eth0"});
  netns_.set_sysctl("net/ipv4/conf/eth0/forwarding", "0"); // a new namespace may take it from the machine
}

void KernelWorld::add_foreign_bridge(const std::string& name) {
  netns_.ip({"link add " + name + " type bridge"});
}

void KernelWorld::add_port(const std::string& bridge, const std::string& name) {
  netns_.ip(
      {"link add " + name + " type veth peer name " + name + "far", "link set " + name + " master " + bridge + " up"});
}

void KernelWorld::add_foreign_route(const Prefix& destination) {
  netns_.ip({"route add " + destination.str() + " via 172.30.0.99 dev eth0"});
}

std::unique_ptr<World> make_kernel_world() {
  return std::make_unique<KernelWorld>();
}

} // namespace fan::test
