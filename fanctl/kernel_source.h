// Where `fanctl doctor` looks on the running host.
#pragma once

#include "doctor/source.h"
#include "linux/probe/kernel_prober.h"

namespace fan::cli {

class KernelSource : public doctor::Source {
public:
  Result<std::optional<std::string>> text(const std::string& path) override;
  Result<std::vector<std::string>> names(const std::string& directory) override;
  Prober* prober() override { return &prober_; }

private:
  KernelProber prober_;
};

} // namespace fan::cli
