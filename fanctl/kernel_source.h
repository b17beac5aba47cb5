// Where `fanctl doctor` looks on the running host.
#pragma once

#include "doctor/source.h"

namespace fan::cli {

class KernelSource : public doctor::Source {
public:
  Result<std::optional<std::string>> text(const std::string& path) override;
  Result<std::vector<std::string>> names(const std::string& directory) override;
};

} // namespace fan::cli
