// A host of an underlay that is configured by one of the three ifupdowns, with our hooks in their places. It has a
// mount namespace of its own: nothing of the machine's /etc, /usr or /run is written.
#pragma once

#include <string>
#include <vector>

#include "support/topology.h"

namespace fan::test {

class HookedHost {
public:
  // `program`: "ifupdown", "ifupdown2", "ifupdown-ng" or "firewalld", or several that do not exclude each other, by
  // spaces. The host's device is eth0, down and without an address.
  HookedHost(Underlay& underlay, const std::string& cidr, const std::string& program, bool has_fanctl = true);

  // Writes /etc/network/interfaces.
  void interfaces(const std::string& text);
  // Runs a program as on the host, with its default PATH.
  Outcome run(const Argv& argv) const;
  std::string must(const Argv& argv) const; // NOLINT(modernize-use-nodiscard)
  // One that runs beside the test.
  [[nodiscard]] Background background(const Argv& argv) const;

  // fanctl by hand; not among the calls() below.
  std::string fanctl_must(const std::vector<std::string>& words) const; // NOLINT(modernize-use-nodiscard)
  // The bridges of the fans that are up.
  [[nodiscard]] std::vector<std::string> fans() const;
  // Every call of fanctl since the last time, a line each: "[up][--][250.0.0.0/8][eth0]".
  std::vector<std::string> calls();
  [[nodiscard]] bool has_file(const std::string& path) const;
  // The command line of the fanctl under test, for run().
  [[nodiscard]] static Argv fanctl(const std::vector<std::string>& words);
  // A process that lives in the host's mount namespace.
  [[nodiscard]] pid_t view_pid() const { return view_.pid(); }
  // Where a file of the host is for the test.
  [[nodiscard]] std::string in_view(const std::string& path) const;

  Host& host;

protected:
  // The command line that runs `argv` as on the host.
  [[nodiscard]] Argv in_view_of(const Argv& argv) const;

private:
  Background view_;
};

// The stanza of eth0, with lines of the test's own after the address.
std::string eth0_stanza(const std::string& cidr, const std::vector<std::string>& lines);

} // namespace fan::test
