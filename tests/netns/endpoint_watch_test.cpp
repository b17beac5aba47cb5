// fanctl endpoint watch: endpoints are registered as they appear, by whatever is heard of them first.
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>
#include <deque>
#include <iostream>
#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fan_pair.h"
#include "support/raw_sender.h"

namespace fan::test {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string bridge = "fan-250-0-27";
const Address gateway{0xfa001b01U};

// Asks for `target` as somebody who has the address `sender`.
void send_arp(const Container& from, Address sender, Address target) {
  std::array<std::uint8_t, 28> message{0, 1, 8, 0, 6, 4, 0, 1};
  const Mac mac = from.mac();
  const std::uint32_t own = htonl(sender.v4());
  const std::uint32_t other = htonl(target.v4());
  std::memcpy(message.data() + 8, mac.bytes.data(), 6);
  std::memcpy(message.data() + 14, &own, 4);
  std::memcpy(message.data() + 24, &other, 4);
  const Inside here(from);
  const int out = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_protocol = htons(ETH_P_ARP);
  to.sll_ifindex = static_cast<int>(if_nametoindex("eth0"));
  to.sll_halen = 6;
  std::memset(to.sll_addr, 0xff, 6);
  EXPECT_EQ(sendto(out, message.data(), message.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to),
            static_cast<ssize_t>(message.size()));
  close(out);
}

// The same in the name of another container on the bridge.
void forge_arp(const Container& from, const Mac& whose, Address sender, Address target) {
  Bytes message{0, 1, 8, 0, 6, 4, 0, 1};
  const auto append = [&](Address address) {
    for (const unsigned shift : {24U, 16U, 8U, 0U}) {
      message.push_back(static_cast<std::uint8_t>(address.v4() >> shift));
    }
  };
  message.insert(message.end(), whose.bytes.begin(), whose.bytes.end());
  append(sender);
  message.insert(message.end(), 6, 0);
  append(target);
  message.resize(46); // an Ethernet frame is not shorter
  const Mac everybody{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
  EXPECT_EQ(RawSender::frames(from, "eth0").send(ethernet(whose, everybody, ETH_P_ARP, message)), 0);
}

class EndpointWatch : public testing::Test {
protected:
  explicit EndpointWatch(std::vector<std::string> more = {}) {
    std::vector<std::string> words{"up", "250.0.0.0/8", "eth0/16", "type", "vxlan", "dhcp", "proxy-arp"};
    words.insert(words.end(), more.begin(), more.end());
    host_.fanctl_must(words);
    watcher_.emplace(start());
  }

  Background start() {
    RunOptions options;
    options.netns = &host_;
    Background watcher({fanctl_path(), "endpoint", "watch"}, options);
    EXPECT_TRUE(watcher.wait_for("listening on " + bridge));
    return watcher;
  }

  Container& add() { return containers_.emplace_back(host_, bridge); }
  Address add_by_dhcp() {
    const auto lease = add().dhcp();
    EXPECT_TRUE(lease);
    return lease ? lease->address : Address();
  }
  std::string line_of(const Container& container, Address address) {
    return fmt::format("{} mac {} port {}", address.str(), container.mac().str(), container.port());
  }
  std::string list() { return host_.fanctl_must({"endpoint", "list"}); }
  bool is_listed(Address address) { return list().find(address.str() + " ") != std::string::npos; }
  bool becomes_listed(Address address) {
    return eventually([&] { return is_listed(address); }, std::chrono::seconds(60));
  }

  Underlay underlay_{NoForgers{}};
  Host& host_ = underlay_.host("172.30.0.27/16");
  std::deque<Container> containers_;
  std::optional<Background> watcher_;
};

TEST_F(EndpointWatch, TwentyContainersComeAndGo) {
  std::set<Address> addresses;
  std::chrono::duration<double> longest{};
  for (int n = 0; n < 20; ++n) {
    const Address address = add_by_dhcp();
    const auto leased = std::chrono::steady_clock::now();
    EXPECT_TRUE(watcher_->wait_for("registered " + line_of(containers_.back(), address))) << watcher_->output();
    longest = std::max<std::chrono::duration<double>>(longest, std::chrono::steady_clock::now() - leased);
    addresses.insert(address);
  }
  std::cout << fmt::format("the last was registered {:.2f} s after its lease, at worst\n", longest.count());
  const std::string all = list();
  EXPECT_EQ(addresses.size(), 20U);
  for (const Address address : addresses) {
    EXPECT_THAT(all, HasSubstr(address.str() + " "));
  }
  containers_.clear();
  EXPECT_TRUE(eventually([&] { return list().find("250.0.27.") == std::string::npos; }, std::chrono::seconds(60)));
}

class SecureEndpointWatch : public EndpointWatch {
protected:
  SecureEndpointWatch() : EndpointWatch({"secure"}) {}
};

TEST_F(SecureEndpointWatch, TheFirstAddressBehindAPortIsItsOnlyOneUntilThePortIsGone) {
  const Address first = add_by_dhcp();
  EXPECT_TRUE(becomes_listed(first));
  EXPECT_THAT(list(), HasSubstr("secure"));
  const Address claimed = *Address::parse("250.0.27.77");
  send_arp(containers_.front(), claimed, gateway);
  EXPECT_TRUE(becomes_listed(add_by_dhcp())) << "what was said before it was heard by now";
  EXPECT_FALSE(is_listed(claimed)) << list();
  EXPECT_TRUE(pings(containers_.front(), gateway));
  containers_.front().ip({"addr add " + claimed.str() + "/24 dev eth0"});
  EXPECT_FALSE(containers_.front().run({"ping", "-c1", "-W1", "-I", claimed.str(), gateway.str()}).ok());
  EXPECT_EQ(host_.fanctl({"show", "--check"}).status, 0);
  containers_.clear();
  EXPECT_TRUE(eventually([&] { return list().find("250.0.27.") == std::string::npos; }, std::chrono::seconds(60)));
}

// dnsmasq does so when it answers a client that has no address yet.
TEST_F(EndpointWatch, ANeighbourThatWasOverwrittenIsPutBack) {
  const Address address = add_by_dhcp();
  EXPECT_TRUE(becomes_listed(address));
  const auto neighbour = [&] { return host_.must({"ip", "neigh", "show", address.str(), "dev", bridge}); };
  EXPECT_TRUE(eventually([&] { return neighbour().find("PERMANENT") != std::string::npos; }));
  host_.ip({fmt::format("neigh replace {} lladdr {} dev {} nud stale", address.str(), containers_.back().mac().str(),
                        bridge)});
  EXPECT_TRUE(eventually([&] { return neighbour().find("PERMANENT") != std::string::npos; }));
}

TEST_F(EndpointWatch, WhoSpeaksOnlyToOthersIsHeardToo) {
  add().address("250.0.27.200/24", gateway);
  add().address("250.0.27.201/24", gateway);
  EXPECT_TRUE(pings(containers_[0], *Address::parse("250.0.27.201")));
  EXPECT_TRUE(becomes_listed(*Address::parse("250.0.27.200")));
}

TEST_F(EndpointWatch, AFurtherAddressOfARegisteredMacIsRegisteredToo) {
  const Address first(0xfa001bc8U);
  const Address further(0xfa001bc9U);
  add().address(first.str() + "/24", gateway);
  send_arp(containers_[0], first, gateway);
  EXPECT_TRUE(becomes_listed(first));
  send_arp(containers_[0], further, gateway); // nobody there has it
  pause_for(std::chrono::seconds(2));
  EXPECT_FALSE(is_listed(further));
  containers_[0].ip({"address add " + further.str() + "/24 dev eth0"});
  EXPECT_TRUE(eventually(
      [&] {
        send_arp(containers_[0], further, gateway);
        return is_listed(further);
      },
      std::chrono::seconds(60)));
  EXPECT_THAT(list(), HasSubstr(containers_[0].port()));
  EXPECT_TRUE(is_listed(first));
}

// Who has an address keeps it as long as it answers, whoever claims it; whoever has left it does not keep it from
// others.
TEST_F(EndpointWatch, AnAddressMovesToAnotherPortWhenNobodyAnswersForIt) {
  const Address moving(0xfa001bc8U);
  Container& first = add();
  Container& second = add();
  first.address(moving.str() + "/24", gateway);
  send_arp(first, moving, gateway);
  EXPECT_TRUE(watcher_->wait_for("registered " + line_of(first, moving)));
  second.must({"ip", "link", "set", "eth0", "up"});
  send_arp(second, moving, gateway);
  pause_for(std::chrono::seconds(2));
  EXPECT_THAT(watcher_->output(), Not(HasSubstr("removed")));

  first.ip({"address del " + moving.str() + "/24 dev eth0"});
  second.address(moving.str() + "/24", gateway);
  EXPECT_TRUE(eventually(
      [&] {
        send_arp(second, moving, gateway);
        return watcher_->output().find("registered " + line_of(second, moving)) != std::string::npos;
      },
      std::chrono::seconds(60)))
      << watcher_->output();
  EXPECT_TRUE(pings(second, gateway));
}

TEST_F(EndpointWatch, ASecondOneHasNothingToWrite) {
  const Address address = add_by_dhcp();
  EXPECT_TRUE(becomes_listed(address));
  const std::string before = list();
  Background second = start();
  pause_for(std::chrono::seconds(1));
  EXPECT_THAT(second.output(), Not(HasSubstr("registered")));
  EXPECT_EQ(list(), before);
}

TEST_F(EndpointWatch, KilledItConvergesWhenItIsStartedAgain) {
  const Address gone = add_by_dhcp();
  EXPECT_TRUE(becomes_listed(gone));
  watcher_->signal(SIGKILL);
  watcher_->wait();
  containers_.clear();
  const Address came = add_by_dhcp();
  EXPECT_TRUE(pings(containers_.back(), gateway));
  EXPECT_TRUE(is_listed(gone));
  watcher_.emplace(start());
  EXPECT_TRUE(becomes_listed(came));
  EXPECT_TRUE(came == gone || eventually([&] { return !is_listed(gone); }));
}

// The bridge knows where who is not registered yet is, and says when somebody else sends with his MAC.
TEST_F(EndpointWatch, AForgerOnAnotherPortIsNotTakenForWhoWasThereBefore) {
  const Address coming(0xfa001bc8U);
  const Container& there = add();
  const Container& forger = add();
  const auto bring_up = [](const Container& container) { container.must({"ip", "link", "set", "eth0", "up"}); };
  const auto learned = [&](const Container& at) {
    return eventually([&] {
      return host_.must({"bridge", "fdb", "show", "dev", at.port()}).find(there.mac().str() + " master") !=
             std::string::npos;
    });
  };
  bring_up(there);
  bring_up(forger);
  send_arp(there, Address(0x0a000001U), gateway); // of no endpoint's address
  ASSERT_TRUE(learned(there));
  forge_arp(forger, there.mac(), coming, gateway);
  ASSERT_TRUE(learned(forger));
  EXPECT_TRUE(becomes_listed(add_by_dhcp())) << "what was said before it was heard by now";
  EXPECT_FALSE(is_listed(coming)) << list();

  watcher_.reset(); // the next one reads the bridge's table
  send_arp(there, Address(0x0a000001U), gateway);
  ASSERT_TRUE(learned(there));
  watcher_.emplace(start());
  forge_arp(forger, there.mac(), coming, gateway);
  ASSERT_TRUE(learned(forger));
  EXPECT_TRUE(becomes_listed(add_by_dhcp()));
  EXPECT_FALSE(is_listed(coming)) << list();
}

TEST_F(EndpointWatch, AForgerCannotFillTables) {
  const Address honest = add_by_dhcp();
  EXPECT_TRUE(becomes_listed(honest));
  const std::string of_the_honest = line_of(containers_.front(), honest);
  const Container& forger = add();
  forger.must({"ip", "link", "set", "eth0", "up"});
  for (std::uint32_t n = 0; n < 256; ++n) {
    send_arp(forger, Address(0xfa001b00U + n), gateway);
  }
  send_arp(forger, Address(0x0a000001U), gateway);
  EXPECT_TRUE(watcher_->wait_for(forger.port()));
  pause_for(std::chrono::seconds(1));
  const std::string all = list();
  std::size_t forged = 0;
  for (std::size_t at = all.find(forger.port()); at != std::string::npos; at = all.find(forger.port(), at + 1)) {
    ++forged;
  }
  EXPECT_GT(forged, 0U);
  EXPECT_LE(forged, 8U) << all;
  EXPECT_FALSE(is_listed(gateway));
  EXPECT_FALSE(is_listed(Address(0xfa001b00U)));
  EXPECT_FALSE(is_listed(Address(0xfa001bffU)));
  EXPECT_THAT(all, Not(HasSubstr("10.0.0.1")));
  EXPECT_THAT(watcher_->output(), HasSubstr("registered " + of_the_honest));
  EXPECT_THAT(watcher_->output(), Not(HasSubstr("removed " + of_the_honest)));
}

} // namespace
} // namespace fan::test
