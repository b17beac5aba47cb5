// engine/packet_view.h over the running kernel, in the network namespace of the calling thread.
#pragma once

#include "engine/packet_view.h"

namespace fan {

class KernelPacketView : public PacketView {
public:
  Result<RouteAnswer> route(const RouteQuestion& question) override;
  Result<NeighbourAnswer> neighbour(const std::string& device, Address address) override;
  Result<std::string> port_of(const std::string& bridge, const Mac& mac) override;
  Result<ProgramAnswer> run(const ProgramQuestion& question) override;
};

} // namespace fan
