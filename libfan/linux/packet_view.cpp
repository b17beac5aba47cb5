#include "linux/packet_view.h"

#include <net/if.h>

#include <algorithm>
#include <array>

#include "linux/bpf/test_run.h"
#include "linux/netlink/packet_lookup.h"

namespace fan {
namespace {

template <class Ask>
auto with_socket(Ask ask) -> decltype(ask(std::declval<netlink::Socket&>())) {
  Result<netlink::Socket> socket = netlink::Socket::open();
  return socket ? ask(*socket) : std::move(socket).error();
}

} // namespace

Result<RouteAnswer> KernelPacketView::route(const RouteQuestion& question) {
  return with_socket([&](netlink::Socket& socket) { return netlink::packet_route(socket, question); });
}

Result<NeighbourAnswer> KernelPacketView::neighbour(const std::string& device, Address address) {
  return with_socket([&](netlink::Socket& socket) { return netlink::packet_neighbour(socket, device, address); });
}

Result<std::string> KernelPacketView::port_of(const std::string& bridge, const Mac& mac) {
  return with_socket([&](netlink::Socket& socket) { return netlink::bridge_port(socket, bridge, mac); });
}

Result<ProgramAnswer> KernelPacketView::run(const ProgramQuestion& question) {
  bpf::TestRun run;
  run.program = question.program;
  run.device = {if_nametoindex(question.device.c_str()), question.device};
  run.from_ifindex = question.from_device.empty() ? 0 : if_nametoindex(question.from_device.c_str());
  run.arrived = question.arrived;
  run.mark = question.mark;
  run.to = question.to;
  run.packet = bytes_of(question.packet, std::min(question.packet.size, bpf::longest_run));
  const Result<bpf::TestVerdict> verdict = bpf::test_run(run);
  if (!verdict) {
    return verdict.error();
  }
  std::array<char, IF_NAMESIZE> name{};
  const bool is_sent_on = verdict->next != 0 && if_indextoname(verdict->next, name.data()) != nullptr;
  return ProgramAnswer{verdict->attached,
                       verdict->passed,
                       verdict->reason,
                       verdict->meaning,
                       verdict->outer,
                       verdict->mtu,
                       is_sent_on ? name.data() : "",
                       verdict->mark,
                       verdict->build};
}

} // namespace fan
