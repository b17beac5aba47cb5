// engine/prober.h over sockets of this network namespace. Needs CAP_NET_RAW, and CAP_NET_ADMIN for the tunnel's mark.
#pragma once

#include "engine/prober.h"

namespace fan {

class KernelProber : public Prober {
public:
  Result<std::vector<EchoAnswer>> echo(const std::vector<EchoQuestion>& questions) override;
  Result<std::vector<TunnelAnswer>> tunnel(Address host, Address peer, const std::string& device,
                                           const std::vector<TunnelForm>& forms) override;
  Result<std::vector<bool>> datagrams(const std::vector<DatagramQuestion>& questions) override;
  Result<std::vector<Mac>> owners(const std::string& device, Address address) override;
  Result<std::vector<bool>> holders(const std::vector<HolderQuestion>& questions) override;
};

} // namespace fan
