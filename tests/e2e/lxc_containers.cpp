#include "lxc_containers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

namespace fan::test {
namespace {

constexpr const char* folder = "/var/lib/lxc";
constexpr const char* rootfs = "/var/lib/lxc/rootfs"; // of all of them: nothing is written there

constexpr const char* first_process =
    "#!/bin/sh\n"
    "[ -n \"$(ip -4 addr show dev eth0)\" ] || busybox udhcpc -i eth0 -f -q -t 100 -T 1 -s /lease\n"
    "exec sleep 100000\n";
constexpr const char* lease = "#!/bin/sh\n"
                              "[ \"$1\" = bound ] || exit 0\n"
                              "ip addr add \"$ip/$mask\" dev eth0\n"
                              "ip route add default via \"$router\"\n";

} // namespace

LxcContainers::LxcContainers(const HookedHost& host) : host_(host) {
  host_.must({"mkdir", "-p", folder});
  host_.must({"cp", "-a", HOOKS_ROOTS "/image", rootfs});
  for (const char* name : {"/dev", "/proc", "/sys", "/etc"}) {
    host_.must({"mkdir", "-p", std::string(rootfs) + name});
  }
  for (const auto& [name, text] : {std::pair("/first", first_process), std::pair("/lease", lease)}) {
    std::ofstream(host_.in_view(std::string(rootfs) + name)) << text;
    host_.must({"chmod", "755", std::string(rootfs) + name});
  }
}

LxcContainers::~LxcContainers() {
  while (!running_.empty()) {
    stop(std::string(running_.back()));
  }
}

void LxcContainers::start(const std::string& name, const std::string& bridge, const std::string& lines) {
  host_.must({"mkdir", "-p", fmt::format("{}/{}", folder, name)});
  std::ofstream(host_.in_view(fmt::format("{}/{}/config", folder, name)))
      << fmt::format("lxc.uts.name = {}\n"
                     "lxc.rootfs.path = dir:{}\n"
                     "lxc.apparmor.profile = unconfined\n"
                     "lxc.init.cmd = /bin/sh /first\n"
                     "lxc.net.0.type = veth\n"
                     "lxc.net.0.flags = up\n"
                     "lxc.net.0.name = eth0\n",
                     name, rootfs)
      << (bridge.empty() ? "" : "lxc.net.0.link = " + bridge + "\n") << lines;
  const std::string log = fmt::format("/run/lxc-{}.log", name);
  running_.push_back(name);
  // What stays of it would keep a pipe open for as long as the container runs.
  EXPECT_TRUE(host_
                  .run({"sh", "-c", "exec lxc-start --name \"$0\" --logfile \"$1\" --logpriority INFO >/dev/null 2>&1",
                        name, log})
                  .ok())
      << host_.run({"cat", log}).out;
}

void LxcContainers::stop(const std::string& name) {
  host_.must({"lxc-stop", "--kill", "--name", name});
  std::erase(running_, name);
}

Outcome LxcContainers::in(const std::string& name, const std::vector<std::string>& words) const {
  Argv argv{"lxc-attach", "--name", name, "--"};
  argv.insert(argv.end(), words.begin(), words.end());
  return host_.run(argv);
}

std::string LxcContainers::port(const std::string& name) const {
  std::istringstream text(host_.must({"lxc-info", "--name", name}));
  for (std::string word; text >> word;) {
    if (word == "Link:") {
      text >> word;
      return word;
    }
  }
  ADD_FAILURE() << "lxc-info tells no device of " << name;
  return "";
}

} // namespace fan::test
