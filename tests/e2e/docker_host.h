// A host of an underlay with ifupdown and a Docker of its own. All that Docker writes is in memory, and everything it
// started ends with the object.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "hooked_host.h"

namespace fan::test {

class DockerHost : public HookedHost {
public:
  // `programs` besides, by spaces (HookedHost).
  DockerHost(Underlay& underlay, const std::string& cidr, const std::string& programs = "ifupdown");

  // /etc/docker/daemon.json; "" when there is none.
  void daemon_json(const std::string& text);
  [[nodiscard]] std::string daemon_json() const;

  // Starts dockerd, or starts it again, as its unit does: what stands in daemon.json, and `options`.
  void start(const std::vector<std::string>& options = {});
  // `docker WORDS...`
  Outcome docker(const std::vector<std::string>& words) const;
  std::string docker_must(const std::vector<std::string>& words) const; // NOLINT(modernize-use-nodiscard)
  // A container that sleeps; gives its IPv4 address.
  std::string container(const std::string& name);
  // A program in a container.
  Outcome in(const std::string& name, const std::vector<std::string>& words) const;
  // The end of dockerd's log.
  [[nodiscard]] std::string log() const;

private:
  std::unique_ptr<Background> dockerd_;
};

} // namespace fan::test
