// fanctl endpoint watch beside what really makes containers: Docker, LXC and DHCP clients on one bridge.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <deque>
#include <iostream>
#include <iterator>
#include <optional>
#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "docker_host.h"
#include "lxc_containers.h"
#include "netns/writes.h"

namespace fan::test {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr const char* fan_bridge = "fan-250-0-28";
constexpr std::chrono::seconds at_most{60}; // how long it took is printed

class Registration : public ::testing::Test {
protected:
  Registration() : host_(underlay_, "172.30.0.28/16", "ifupdown lxc"), lxc_(host_) {
    host_.interfaces(eth0_stanza("172.30.0.28/16", {}));
    host_.must({"ifup", "eth0"});
    host_.fanctl_must({"up", "250.0.0.0/8", "eth0/16", "type", "vxlan", "dhcp", "proxy-arp", "pool", "dhcp=16-127",
                       "pool", "docker=128-191"});
    host_.fanctl_must({"docker", "enable"});
    host_.start();
    watch(HookedHost::fanctl({"endpoint", "watch"}));
  }

  void watch(const Argv& argv) {
    watcher_.reset();
    watcher_.emplace(host_.background(argv));
    EXPECT_TRUE(watcher_->wait_for(std::string("listening on ") + fan_bridge)) << watcher_->output();
  }

  // Starts the n-th container; it has an address and has said a word on return. One with a DHCP client, alone or in
  // LXC, has asked for its address (of which dnsmasq thinks for three seconds); one of Docker's, whose address is from
  // Docker, asks for the gateway.
  void start(unsigned n) {
    const std::string name = fmt::format("box{}", n);
    if (n % 3 == 0) {
      EXPECT_TRUE(clients_.emplace_back(static_cast<const Netns&>(host_.host), fan_bridge).dhcp());
    } else if (n % 3 == 1) {
      lxc_.start(name, fan_bridge);
      const auto address = [&] { return lxc_.in(name, {"/bin/ip", "-4", "addr", "show", "dev", "eth0"}).out; };
      EXPECT_TRUE(eventually([&] { return address().find("inet 250.0.28.") != std::string::npos; }, at_most));
    } else {
      host_.container(name);
      EXPECT_TRUE(host_.in(name, {"/bin/ping", "-c", "1", "-W", "5", "250.0.28.1"}).ok());
    }
  }
  void stop(unsigned n) {
    const std::string name = fmt::format("box{}", n);
    if (n % 3 == 0) {
      clients_.pop_front();
    } else if (n % 3 == 1) {
      lxc_.stop(name);
    } else {
      host_.docker_must({"rm", "--force", name});
    }
  }

  [[nodiscard]] std::set<std::string> ports() const {
    std::set<std::string> names;
    for (const json& link : json::parse(host_.host.must({"ip", "-j", "link", "show", "master", fan_bridge}))) {
      names.insert(link["ifname"]);
    }
    return names;
  }
  [[nodiscard]] std::set<std::string> registered() const {
    std::set<std::string> names;
    const json document = json::parse(host_.fanctl_must({"endpoint", "list", "--json"}));
    for (const json& endpoint : document["endpoints"]) {
      names.insert(endpoint["port"]);
    }
    return names;
  }

  Underlay underlay_{NoForgers{}};
  DockerHost host_;
  LxcContainers lxc_;
  std::deque<Container> clients_;
  std::optional<Background> watcher_;
};

TEST_F(Registration, OfTwentyContainersOfThreeKinds) {
  constexpr unsigned count = 20;
  std::chrono::duration<double> longest{};
  for (unsigned n = 0; n < count; ++n) {
    start(n);
    const auto started = Clock::now();
    ASSERT_TRUE(eventually([&] { return registered().size() == n + 1; }, at_most)) << n << watcher_->output();
    longest = std::max<std::chrono::duration<double>>(longest, Clock::now() - started);
  }
  EXPECT_EQ(registered(), ports());
  std::cout << fmt::format("registered {:.2f} s after it had its address, at worst\n", longest.count());

  // Another one has nothing to write: it has looked at everything once when it says what it listens on.
  watcher_->signal(SIGKILL);
  watcher_->wait();
  const std::string before = host_.fanctl_must({"endpoint", "list"});
  watch(traced({"endpoint", "watch"}));
  EXPECT_THAT(watcher_->output(), ::testing::HasSubstr("RTM_GETLINK")) << "else nothing was seen of it";
  EXPECT_EQ(joined(writes_in(watcher_->output())), "");
  EXPECT_EQ(host_.fanctl_must({"endpoint", "list"}), before);

  longest = {};
  for (unsigned n = 0; n < count; ++n) {
    stop(n);
    const auto stopped = Clock::now();
    ASSERT_TRUE(eventually([&] { return registered().size() == count - 1 - n; }, at_most)) << n;
    longest = std::max<std::chrono::duration<double>>(longest, Clock::now() - stopped);
  }
  std::cout << fmt::format("gone {:.2f} s after the end, at worst\n", longest.count());
}

} // namespace
} // namespace fan::test
