// Endpoints behind devices that are no port of the fan's bridge, of which a bridge takes 1,023.
#include <algorithm>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apart.h"
#include "support/capture.h"
#include "support/raw_sender.h"
#include "support/snapshot.h"
#include "support/topology.h"
#include "writes.h"

namespace fan::test {
namespace {

using testing::HasSubstr;
using testing::Not;

Address at(const char* text) {
  return *Address::parse(text);
}

class Routed : public testing::Test {
protected:
  void SetUp() override {
    host.fanctl_must(up);
    peer.fanctl_must(up);
    near.emplace(static_cast<const Netns&>(host), "fan-250-0-27");
    near->address("250.0.27.2/24", at("250.0.27.1"));
    far.emplace(static_cast<const Netns&>(peer), "fan-250-0-28");
    far->address("250.0.28.2/24", at("250.0.28.1"));
  }
  bool is_whole() { return host.fanctl({"show", "--check"}).ok(); }

  const std::vector<std::string> up{"up", "250.0.0.0/8", "eth0/16", "type", "vxlan"};
  Underlay underlay{NoForgers{}};
  Host& host = underlay.host("172.30.0.27/16");
  Host& peer = underlay.host("172.30.0.28/16");
  std::optional<Container> near; // on the fan's bridge
  std::optional<Container> far;
  Apart one{host, "apart1", "250.0.27.101/24"};
  Apart two{host, "apart2", "250.0.27.102/24"};
};

TEST_F(Routed, ReachEverybodyAndAreReachedByEverybody) {
  EXPECT_FALSE(pings(one, at("250.0.27.1"), {}, 1)) << "nobody has said yet who is behind the device";
  host.fanctl_must(one.adding());
  host.fanctl_must(two.adding());
  for (const Address to :
       {at("250.0.27.1"), at("250.0.27.2"), two.address, at("250.0.28.2"), at("250.0.28.1"), Underlay::outside()}) {
    EXPECT_TRUE(pings(one, to)) << to.str();
  }
  EXPECT_TRUE(pings(*near, one.address)) << "who has it is answered on the bridge";
  EXPECT_TRUE(pings(*far, one.address));
  EXPECT_TRUE(pings(host, one.address));
  EXPECT_TRUE(pings(peer, one.address));
  EXPECT_TRUE(pings(*near, at("250.0.28.2")));
  EXPECT_TRUE(is_whole()) << host.fanctl_must({"show", "-v"});
  EXPECT_THAT(host.fanctl_must({"endpoint", "list"}), HasSubstr("routed"));
  EXPECT_EQ(writes_of(host, up), std::vector<std::string>{});
  EXPECT_EQ(writes_of(host, one.adding()), std::vector<std::string>{});
}

TEST_F(Routed, SpeakForThemselvesOnly) {
  host.fanctl_must(one.adding());
  host.fanctl_must(two.adding());
  ASSERT_TRUE(pings(one, at("250.0.27.2")));
  ASSERT_TRUE(pings(one, at("250.0.28.2")));
  const Mac gateway = *Mac::parse(link_field(host, "apart1", "link/ether"));
  RawSender sender = RawSender::frames(one, "eth0");
  const auto comes = [&](const Netns& to, const char* source, const char* destination) {
    const Capture got(to, "eth0", [](const Frame& frame) {
      const std::string words = "this is forged";
      return !frame.outgoing &&
             std::search(frame.bytes.begin(), frame.bytes.end(), words.begin(), words.end()) != frame.bytes.end();
    });
    for (int n = 0; n < 3; ++n) {
      sender.send(ethernet(*Mac::parse(one.mac), gateway, 0x0800,
                           ipv4({at(source), at(destination)}, udp(7, 9, text("this is forged")))));
    }
    EXPECT_TRUE(pings(one, at(destination))); // what was sent before is there by now, if it comes
    return got.count() != 0;
  };
  EXPECT_TRUE(comes(*near, "250.0.27.101", "250.0.27.2"));
  EXPECT_TRUE(comes(*far, "250.0.27.101", "250.0.28.2"));
  for (const char* source : {"250.0.27.102", "250.0.27.1", "250.0.27.2", "250.0.27.77", "250.0.28.9", "250.0.99.2"}) {
    EXPECT_FALSE(comes(*near, source, "250.0.27.2")) << source;
    EXPECT_FALSE(comes(*far, source, "250.0.28.2")) << source;
  }
}

TEST_F(Routed, WhatIsChangedByHandIsSeenAndPutBack) {
  host.fanctl_must(one.adding());
  for (const std::vector<std::string>& event : std::vector<std::vector<std::string>>{
           {"ip", "route", "del", "250.0.27.101/32"},
           {"ip", "route", "add", "250.0.27.101/32", "dev", "eth0", "proto", "250", "metric", "100"},
           {"ip", "route", "prepend", "250.0.27.101/32", "dev", "eth0", "proto", "250"},
           {"ip", "neigh", "del", "250.0.27.101", "dev", "apart1"},
           {"tc", "qdisc", "del", "dev", "apart1", "clsact"},
           {"sysctl", "-qw", "net.ipv4.conf.apart1.proxy_arp=0"},
           {"nft", "flush", "set", "inet", "fanctl", "port_addresses"},
           {"nft", "flush", "set", "bridge", "fanctl", "routed"},
           {"nft", "flush", "set", "bridge", "fanctl", "addresses"},
           {"nft", "delete", "table", "bridge", "fanctl"},
           {"ip", "link", "set", "apart1", "down"},
           {"sh", "-ec", "ip neigh flush dev apart1; nft delete table bridge fanctl"},
       }) {
    host.must(event);
    if (event[1] != "link") {
      EXPECT_FALSE(is_whole()) << testing::PrintToString(event);
    }
    host.fanctl_must(up);
    host.must({"ip", "link", "set", "apart1", "up"});
    host.fanctl_must(up);
    EXPECT_TRUE(is_whole()) << testing::PrintToString(event) << host.fanctl_must({"show", "-v"});
    EXPECT_TRUE(pings(*far, one.address)) << testing::PrintToString(event);
  }
}

// Then the guard on the device is all that holds the maps, and with them the fan's record.
TEST_F(Routed, TellOfAFanThatLostItsBridgeAndItsTunnel) {
  near.reset();
  host.fanctl_must(one.adding());
  for (const std::vector<std::string>& line : {up, {"up", "251.0.0.0/8", "eth0/16", "type", "vxlan"}}) {
    host.ip({"link del fan-250-0-27", "link del fanvx8472"});
    EXPECT_THAT(host.fanctl_must({"show"}), HasSubstr("fan-250-0-27"));
    EXPECT_FALSE(is_whole());
    host.fanctl_must(line);
    EXPECT_TRUE(is_whole()) << host.fanctl_must({"show", "-v"});
    EXPECT_TRUE(pings(*far, one.address));
  }
  host.ip({"link del fan-250-0-27", "link del fan-251-0-27", "link del fanvx8472"});
  host.fanctl_must({"down", "-e", "--force"});
  EXPECT_EQ(host.must({"tc", "filter", "show", "dev", "apart1", "egress"}), "");
  EXPECT_EQ(host.sysctl("net/ipv4/conf/apart1/forwarding"), "0");
}

TEST_F(Routed, TakenFromTheirOwnListChangeNothing) {
  ASSERT_EQ(host.sysctl("net/ipv4/conf/apart1/forwarding"), "0");
  host.fanctl_must(one.adding());
  RunOptions file;
  file.input = fmt::format(R"({{"port": "{}", "address": "{}", "mac": "{}", "routed": true}})", one.port,
                           one.address.str(), one.mac);
  EXPECT_EQ(host.fanctl_must({"endpoint", "apply", "-", "--dry-run"}, file), "");
  host.fanctl_must({"endpoint", "apply", "-"}, file);
  host.fanctl_must({"endpoint", "del", "--port", one.port});
  EXPECT_EQ(host.sysctl("net/ipv4/conf/apart1/forwarding"), "0");
}

TEST_F(Routed, AreKeptWhenTheSliceMoves) {
  near.reset();
  host.fanctl_must(one.adding());
  host.ip({"addr flush dev eth0", "addr add 172.30.0.99/16 dev eth0"});
  host.fanctl_must(up);
  EXPECT_THAT(host.fanctl_must({"endpoint", "list"}), HasSubstr(one.address.str()));
  host.fanctl_must({"down", "250.0.0.0/8", "eth0/16", "--force"});
}

TEST_F(Routed, GoWithoutATrace) {
  Snapshot before = snapshot(host);
  host.fanctl_must(one.adding());
  EXPECT_EQ(host.must({"sysctl", "-n", "net.ipv4.conf.apart1.forwarding"}), "1\n");
  host.fanctl_must({"endpoint", "del", "--port", "apart1"});
  // Whose the queueing discipline is that filters hang on cannot be told: it stays, without a filter.
  Snapshot after = snapshot(host);
  std::erase_if(after.lines, [](const std::string& line) { return line.find("clsact") != std::string::npos; });
  std::erase_if(before.lines, [](const std::string& line) { return line.find("clsact") != std::string::npos; });
  EXPECT_EQ(difference(before, after), "");
  EXPECT_EQ(host.must({"tc", "filter", "show", "dev", "apart1", "egress"}), "");
}

// The map of devices knows the device still, and no program says so any more.
TEST_F(Routed, GoWithoutATraceAlsoWhenTheirGuardIsLost) {
  const Snapshot before = quick_snapshot(host);
  for (const bool by_lines : {false, true}) {
    host.fanctl_must(one.adding());
    host.must({"tc", "filter", "del", "dev", "apart1", "egress"});
    EXPECT_FALSE(is_whole());
    if (by_lines) {
      host.must({"sh", "-ec", host.fanctl_must({"endpoint", "del", "--port", "apart1", "--dry-run"})});
    } else {
      host.fanctl_must({"endpoint", "del", "--port", "apart1"});
    }
    EXPECT_TRUE(is_whole()) << by_lines << host.fanctl_must({"show", "-v"});
    host.must({"tc", "qdisc", "del", "dev", "apart1", "clsact"}); // which may be somebody's, so that it stays
    EXPECT_EQ(difference(before, quick_snapshot(host)), "") << by_lines;
  }
}

TEST_F(Routed, WithoutTheirGuardTakeNothingOfAnotherFanAlong) {
  near.reset();
  host.fanctl_must({"up", "251.0.0.0/8", "eth0/16", "type", "vxlan"});
  host.fanctl_must(one.adding());
  host.must({"tc", "filter", "del", "dev", "apart1", "egress"});
  host.fanctl_must({"down", "250.0.0.0/8", "eth0/16", "--force"});
  EXPECT_TRUE(is_whole()) << host.fanctl_must({"show", "-v"});
}

TEST_F(Routed, ThatFailLeaveTheFanWhole) {
  host.must({"tc", "qdisc", "add", "dev", "apart1", "ingress"});
  const Outcome refused = host.fanctl(one.adding());
  EXPECT_EQ(refused.status, 3) << describe({}, refused);
  EXPECT_THAT(refused.err, HasSubstr("tc qdisc del dev apart1 ingress"));
  EXPECT_TRUE(is_whole()) << host.fanctl_must({"show", "-v"});
}

// Where the rest of the table is there, it says that the device did not forward.
TEST_F(Routed, WhatTheirDeviceWasIsKnownWithoutTheirNameInItsSet) {
  ASSERT_EQ(host.sysctl("net/ipv4/conf/apart1/forwarding"), "0");
  host.fanctl_must(one.adding());
  host.must({"nft", "flush", "set", "bridge", "fanctl", "routed"});
  host.fanctl_must(up);
  host.fanctl_must({"endpoint", "del", "--port", "apart1"});
  EXPECT_EQ(host.sysctl("net/ipv4/conf/apart1/forwarding"), "0");
}

TEST_F(Routed, AreListedAsAtWorkWhileTheyAre) {
  host.fanctl_must(one.adding());
  host.ip({"addr add 10.1.1.1/24 dev apart1"});
  EXPECT_TRUE(pings(one, at("250.0.27.1")));
  EXPECT_THAT(host.fanctl_must({"endpoint", "list"}), Not(HasSubstr("detached")));
  host.ip({"link add other type bridge", "link set apart1 master other"});
  EXPECT_THAT(host.fanctl_must({"endpoint", "list"}), HasSubstr("detached"));
}

TEST_F(Routed, SendNoBroadcastsThatCouldBeAllowed) {
  host.fanctl_must(one.adding());
  host.fanctl_must({"broadcast", "reset", "--force"});
  for (const char* verb : {"allow", "receive"}) {
    for (const std::string& word : {std::string("apart1"), one.address.str(), one.mac}) {
      const Outcome refused = host.fanctl({"broadcast", verb, word});
      EXPECT_EQ(refused.status, 3) << verb << word << describe({}, refused);
      EXPECT_THAT(refused.err, HasSubstr("250.0.27.101 is behind apart1, which is no port of fan-250-0-27"));
    }
  }
  EXPECT_TRUE(is_whole());
}

TEST_F(Routed, KeepTheFanFromGoingDown) {
  near.reset();
  host.fanctl_must(one.adding());
  const Outcome refused = host.fanctl({"down", "fan-250-0-27"});
  EXPECT_FALSE(refused.ok());
  EXPECT_THAT(refused.err, HasSubstr("apart1"));
  host.fanctl_must({"down", "fan-250-0-27", "--force"});
  EXPECT_EQ(host.must({"ip", "route", "show", "250.0.27.101/32"}), "");
  EXPECT_EQ(host.must({"sysctl", "-n", "net.ipv4.conf.apart1.forwarding"}), "0\n");
  EXPECT_THAT(host.run({"nft", "list", "tables"}).out, Not(HasSubstr("fanctl")));
}

TEST_F(Routed, ThatCannotBeAreRefusedAndNothingIsChanged) {
  Apart down(host, "apart3", "250.0.27.103/24");
  host.must({"ip", "link", "set", "apart3", "down"});
  const Snapshot before = snapshot(host);
  struct Bad {
    std::string port;
    const char* says;
  };
  for (const Bad& bad : std::vector<Bad>{{"eth0", "is a device that the host speaks by itself"},
                                         {"fan-250-0-27", "is a device that the host speaks by itself"},
                                         {"fanvx8472", "is a device that the host speaks by itself"},
                                         {"lo", "is a device that the host speaks by itself"},
                                         {near->port(), "is a port of fan-250-0-27"},
                                         {"apart3", "is down"},
                                         {"nosuch", "there is no device"}}) {
    const Outcome refused = host.fanctl(
        {"endpoint", "add", "--port", bad.port, "--address", "250.0.27.9", "--mac", "02:00:00:00:00:09", "--routed"});
    EXPECT_FALSE(refused.ok()) << bad.port;
    EXPECT_THAT(refused.err, HasSubstr(bad.says)) << bad.port;
  }
  const Outcome own = host.fanctl({"endpoint", "add", "--port", "apart1", "--address", "250.0.27.9", "--mac",
                                   link_field(host, "apart1", "link/ether"), "--routed"});
  EXPECT_EQ(own.status, 3) << describe({}, own);
  EXPECT_THAT(own.err, HasSubstr("is the MAC address of the host's own device apart1"));
  EXPECT_EQ(host.fanctl(one.adding({"--secure"})).status, 2);
  EXPECT_EQ(difference(before, snapshot(host)), "");
}

// Neither the device's name nor that it is nobody's port is ours to keep.
TEST_F(Routed, WhatWasSetOnTheirDeviceIsTakenBackWhateverBecomesOfIt) {
  near.reset();
  host.ip({"link add br9 type bridge"});
  const std::vector<std::vector<std::string>> commands{
      up, {"endpoint", "del", "--port", "apart1"}, {"down", "fan-250-0-27", "--force"}};
  const auto settings = [&](const std::string& device) {
    return host.sysctl("net/ipv4/conf/" + device + "/forwarding") +
           host.sysctl("net/ipv4/conf/" + device + "/proxy_arp") +
           host.sysctl("net/ipv4/neigh/" + device + "/proxy_delay");
  };
  struct Fate {
    std::string name;
    std::vector<std::string> there;
    std::vector<std::string> back;
  };
  for (const Fate& fate :
       std::vector<Fate>{{"other",
                          {"link set apart1 down", "link set apart1 name other", "link set other up"},
                          {"link set other down", "link set other name apart1", "link set apart1 up"}},
                         {"apart1", {"link set apart1 master br9"}, {"link set apart1 nomaster"}},
                         {"apart1", {"link set apart1 master fan-250-0-27"}, {"link set apart1 nomaster"}}}) {
    for (const std::vector<std::string>& command : commands) {
      for (const char* forwarded : {"0", "1"}) {
        host.set_sysctl("net/ipv4/conf/apart1/forwarding", forwarded);
        const std::string before = settings("apart1");
        host.fanctl_must(one.adding());
        EXPECT_EQ(settings("apart1"), "110");
        host.ip(fate.there);
        EXPECT_FALSE(is_whole()) << testing::PrintToString(command);
        host.fanctl_must(command);
        EXPECT_EQ(settings(fate.name), before) << fate.there.front() << testing::PrintToString(command);
        EXPECT_EQ(host.must({"tc", "filter", "show", "dev", fate.name, "egress"}), "");
        EXPECT_EQ(writes_of(host, up).empty(), command != commands.back());
        host.ip(fate.back);
        host.fanctl_must(up);
        host.fanctl_must({"endpoint", "del", "--port", "apart1"});
        EXPECT_EQ(settings("apart1"), before) << fate.there.front() << testing::PrintToString(command);
      }
    }
  }
}

TEST_F(Routed, AreNotSecuredPorts) {
  const std::string port = near->port();
  const std::vector<std::string> adding{"endpoint",  "add",        "--port", port,
                                        "--address", "250.0.27.2", "--mac",  near->mac().str()};
  const auto with = [&](const char* word) {
    std::vector<std::string> words = adding;
    words.emplace_back(word);
    return words;
  };
  host.fanctl_must(with("--secure"));
  host.ip({"link set " + port + " nomaster"});
  const Snapshot before = snapshot(host);
  const Outcome refused = host.fanctl(with("--routed"));
  EXPECT_EQ(refused.status, 3);
  EXPECT_THAT(refused.err, HasSubstr(port + " is a secured port"));
  EXPECT_THAT(refused.err, HasSubstr("fanctl endpoint del --port " + port));
  EXPECT_EQ(difference(before, snapshot(host)), "");
  RunOptions file;
  const std::string line =
      fmt::format(R"({{"port": "{}", "address": "250.0.27.2", "mac": "{}", )", port, near->mac().str());
  file.input = line + "\"routed\": true}\n";
  host.fanctl_must({"endpoint", "apply", "-"}, file); // in the place of all that was said before
  EXPECT_TRUE(pings(*far, at("250.0.27.2")));
  EXPECT_THAT(host.fanctl_must({"endpoint", "list", "--json"}), Not(HasSubstr("\"secured\": true")));
  host.fanctl_must({"endpoint", "del", "--port", port});
}

TEST_F(Routed, AreReadFromAFile) {
  RunOptions options;
  options.input = R"({"port": "apart1", "address": "250.0.27.101", "mac": ")" + one.mac +
                  R"(", "routed": true})"
                  "\n";
  host.fanctl_must({"endpoint", "apply", "-"}, options);
  EXPECT_TRUE(pings(*far, one.address));
  EXPECT_THAT(host.fanctl_must({"endpoint", "list", "--json"}), HasSubstr("\"routed\": true"));
}

} // namespace
} // namespace fan::test
