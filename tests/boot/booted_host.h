// A host of an underlay that is a whole Debian: systemd, networkd, netplan, Docker, firewalld and fanctl's own package
// files, booted by systemd-nspawn in the host's network namespace. What it writes stays in a folder of the test.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "support/topology.h"

namespace fan::test {

class BootedHost {
public:
  // Not booted yet. Its device is eth0, whose address netplan has from /etc/netplan/10-host.yaml.
  BootedHost(Underlay& underlay, std::string cidr);
  ~BootedHost();
  BootedHost(const BootedHost&) = delete;
  BootedHost& operator=(const BootedHost&) = delete;

  // Before the boot, and between two.
  void file(const std::string& path, const std::string& text);
  void enable(const std::string& unit); // as `systemctl enable` does for multi-user.target

  // Returns when the manager answers, that is early in the boot.
  void boot();
  // Waits until nothing is left to start. The state: "running", "degraded".
  std::string booted();
  // Powers off and boots the same files in a fresh network namespace: nothing of the kernel's state survives.
  void reboot();
  void power_off();

  // The network namespace of this boot.
  [[nodiscard]] Host& host() { return *host_; }
  // Runs a program inside.
  [[nodiscard]] Outcome run(const Argv& argv, std::chrono::milliseconds timeout = std::chrono::seconds(60)) const;
  std::string must(const Argv& argv) const; // NOLINT(modernize-use-nodiscard)
  [[nodiscard]] std::string property(const std::string& unit, const std::string& name) const; // `systemctl show`
  [[nodiscard]] bool active(const std::string& unit) const;
  [[nodiscard]] bool has_fan(const std::string& bridge) const; // `fanctl show` lists it, and not as degraded

private:
  void attach();
  void keep_transcript();

  Underlay& underlay_;
  std::string cidr_;
  std::string folder_;
  Host* host_ = nullptr;
  std::unique_ptr<Background> machine_;
  pid_t leader_ = -1;
  int boots_ = 0;
};

} // namespace fan::test
