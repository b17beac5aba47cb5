// Where `fanctl doctor` looks on the running host.
#pragma once

#include "doctor/source.h"
#include "linux/probe/kernel_prober.h"

namespace fan::cli {

class KernelSource : public doctor::Source {
public:
  Result<std::optional<std::string>> text(const std::string& path) override;
  Result<std::vector<std::string>> names(const std::string& directory) override;
  Result<std::string> program(const std::string& name) override;
  Result<std::vector<doctor::RouteSeen>> routes_inside(const Prefix& overlay,
                                                       const std::vector<Prefix>& slices) override;
  Result<std::optional<std::string>> device_into(const Prefix& network, std::uint32_t mark) override;
  Result<std::optional<bool>> carrier(const std::string& device) override;
  Result<std::vector<doctor::AddressLifetime>> lifetimes() override;
  Result<std::vector<doctor::UdpSocket>> udp_sockets() override;
  Result<std::vector<doctor::ProgramTrial>> try_programs() override;
  Result<std::vector<std::string>> tcx_programs(std::uint32_t ifindex) override;
  Result<std::string> kernel_log() override;
  Result<std::optional<std::string>> audit_log() override;
  Prober* prober() override { return &prober_; }

private:
  KernelProber prober_;
};

} // namespace fan::cli
