// What the other tests stand on must itself be able to fail: each piece is shown a loss, a change, a forged packet.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>

#include <fmt/format.h>

#include "support/capture.h"
#include "support/forger.h"
#include "support/netns.h"
#include "support/process.h"
#include "support/raw_sender.h"
#include "support/snapshot.h"
#include "support/topology.h"
#include "support/udp_stream.h"

using namespace fan;
using namespace fan::test;

namespace {

bool alive(pid_t pid) {
  return kill(pid, 0) == 0 &&
         run({"cat", "/proc/" + std::to_string(pid) + "/stat"}).out.find(") Z ") == std::string::npos;
}

} // namespace

TEST(Process, GivesStatusAndBothOutputs) {
  const Outcome got = run({"sh", "-c", "cat; echo bad >&2; exit 3"}, {.input = "hello"});
  EXPECT_EQ(got.status, 3);
  EXPECT_EQ(got.out, "hello");
  EXPECT_EQ(got.err, "bad\n");
}

TEST(Process, SaysWhyItCouldNotStart) {
  const Outcome got = run({"/no/such/program"});
  EXPECT_EQ(got.status, 127);
  EXPECT_EQ(got.err, "/no/such/program: No such file or directory\n");
}

TEST(Process, KillsAtTheTimeout) {
  const Outcome got = run({"sleep", "30"}, {.timeout = std::chrono::milliseconds(50)});
  EXPECT_TRUE(got.timed_out);
  EXPECT_EQ(got.status, 128 + SIGKILL);
}

TEST(Process, DropsToAnotherUser) {
  EXPECT_EQ(run({"id", "-u"}, {.uid = 65534}).out, "65534\n");
}

TEST(Netns, LoopbackIsUpAndPathWorksForIp) {
  const Netns a;
  EXPECT_TRUE(pings(a, Address(0x7f000001)));
  EXPECT_NE(run({"nsenter", "--net=" + a.path(), "readlink", "/proc/self/ns/net"}).out.find(std::to_string(a.inode())),
            std::string::npos);
}

TEST(Netns, ADaemonLeftInsideDiesWithIt) {
  pid_t left = 0;
  {
    const Netns a;
    left = std::stoi(a.must({"sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 & echo $!"}));
    ASSERT_TRUE(alive(left));
    ASSERT_EQ(a.processes(), std::vector<pid_t>{left});
  }
  EXPECT_TRUE(eventually([&] { return !alive(left); })); // a killed process takes a moment to end
}

TEST(Netns, ADaemonLeftInsideDiesWhenTheTestIsKilled) {
  int pipe_ends[2];
  ASSERT_EQ(pipe(pipe_ends), 0);
  const pid_t victim = fork();
  if (victim == 0) {
    const Netns a;
    const std::string pid = a.must({"sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 & echo $!"});
    (void)!write(pipe_ends[1], pid.data(), pid.size());
    pause();
    _exit(0);
  }
  char text[32] = {};
  ASSERT_GT(read(pipe_ends[0], text, sizeof text - 1), 0);
  const pid_t daemon = std::stoi(text);
  ASSERT_TRUE(alive(daemon));
  kill(victim, SIGKILL);
  waitpid(victim, nullptr, 0);
  EXPECT_TRUE(eventually([&] { return !alive(daemon); }));
}

TEST(Topology, HostsReachEachOtherAndTheOutside) {
  Underlay underlay;
  Host& a = underlay.host("172.30.0.27/16");
  Host& b = underlay.host("172.30.0.28/16");
  EXPECT_TRUE(pings(a, b.address));
  EXPECT_TRUE(pings(a, Underlay::outside()));
  EXPECT_FALSE(pings(a, Address(0xac1e0063), {}, 1)); // nobody
}

TEST(Topology, AContainerTakesAddressRouterAndMtuByDhcp) {
  const Netns host;
  host.ip({"link add br0 mtu 1450 type bridge", "addr add 10.9.0.1/24 dev br0", "link set br0 up"});
  const Background server({"dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--bind-interfaces",
                           "--interface=br0", "--dhcp-range=10.9.0.10,10.9.0.20,255.255.255.0,1h",
                           "--dhcp-option-force=26,1450", "--leasefile-ro", "--pid-file=", "--user=root"},
                          {.netns = &host});
  Container container(host, "br0");
  const auto lease = container.dhcp();
  ASSERT_TRUE(lease) << server.output();
  EXPECT_EQ(lease->prefix_length, 24U);
  EXPECT_EQ(lease->router, Address(0x0a090001));
  EXPECT_EQ(lease->mtu, 1450U);
  EXPECT_EQ(container.mtu(), 1450U);
  EXPECT_TRUE(pings(container, Address(0x0a090001)));
}

TEST(Topology, AContainersPortIsGoneWhenTheContainerIs) {
  auto host = std::make_unique<Netns>();
  host->ip({"link add br0 type bridge", "link set br0 up"});
  for (int n = 0; n < 20; ++n) {
    std::vector<Container> moved; // the one that was moved from takes nothing away
    moved.push_back(Container(*host, "br0"));
    EXPECT_EQ(link_field(*host, moved.front().port(), "master"), "br0");
    moved.clear();
    EXPECT_EQ(host->must({"ip", "-o", "link", "show", "master", "br0"}), "");
  }
  const Container without_a_port(*host, "br0");
  host->must({"ip", "link", "del", without_a_port.port()});
  const Container without_a_host(*host, "br0");
  host.reset();
}

TEST(UdpStream, LosesNothingOnAWireAndCountsWhatADropRuleTakes) {
  const Netns a;
  const Netns b;
  join(a, "eth0", b, "eth0");
  a.ip({"addr add 10.9.0.1/24 dev eth0"});
  b.ip({"addr add 10.9.0.2/24 dev eth0"});
  UdpStream clean(a, b, Address(0x0a090002));
  ASSERT_TRUE(clean.reached(200));
  const UdpStreamReport whole = clean.stop();
  EXPECT_EQ(whole.lost, 0U);
  EXPECT_EQ(whole.source, Address(0x0a090001));

  UdpStream broken(a, b, Address(0x0a090002), {.port = 7008});
  ASSERT_TRUE(broken.reached(50));
  b.must(
      {"nft",
       "add table ip t; add chain ip t c { type filter hook input priority 0; }; add rule ip t c udp dport 7008 drop"});
  pause_for(std::chrono::milliseconds(200));
  EXPECT_GT(broken.stop().lost, 20U);
}

TEST(RawSender, ForgedPacketsArriveAsTheyWereMade) {
  const Netns a;
  const Netns b;
  join(a, "eth0", b, "eth0");
  a.ip({"addr add 10.9.0.1/24 dev eth0"});
  b.ip({"addr add 10.9.0.2/24 dev eth0"});
  const Address forged(0x01020304);
  const Capture seen(
      b, "eth0", [&](const Frame& f) { return f.source() == forged && f.destination_port() == 8472 && f.ttl() == 7; });
  const Bytes packet = ipv4({.source = forged, .destination = Address(0x0a090002), .ttl = 7},
                            udp(1, 8472, vxlan(5, ethernet({}, {}, 0x0800, ipv4({}, text("x"))))));
  RawSender routed = RawSender::packets(a);
  EXPECT_EQ(routed.send(packet), 0);
  EXPECT_TRUE(seen.reached(1));
  RawSender framed = RawSender::frames(a, "eth0");
  framed.start({ethernet({}, {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}, 0x0800, packet)}, 2000);
  EXPECT_TRUE(seen.reached(51)) << "the routed one and 50 frames";
  EXPECT_GE(framed.stop(), 50U);
}

// A host that forwards and knows nothing of fans: what a fan refuses comes through.
TEST(ForgedTraffic, WhatArrivesIsNamedUnlessItIsPermittedOrADoorIsOpen) {
  Underlay underlay{NoForgers()};
  const Host& a = underlay.host("172.30.0.27/16");
  a.ip({"link add br0 type bridge forward_delay 0", "addr add 250.0.27.1/24 dev br0", "link set br0 up"});
  for (const char* key : {"all/forwarding", "all/rp_filter", "eth0/rp_filter"}) {
    a.set_sysctl(std::string("net/ipv4/conf/") + key, key[4] == 'f' ? "1" : "0");
  }
  Container c(a, "br0");
  c.address("250.0.27.2/24", Address(0xfa001b01));
  const Victim victim{Prefix::of(Address(0xfa000000), 8), Prefix::of(a.address, 16), a.address, Address(0xac1e001c)};
  ForgedTraffic forged;
  const ForgedTraffic::Handle watch = forged.watch_container(c);
  const ForgedTraffic::Handle stranger = forged.from_underlay(underlay.router(), "sw", Address(0xac1efffa),
                                                              *Mac::parse(link_field(a, "eth0", "link/ether")), victim);
  EXPECT_TRUE(forged.arrives("plain, from another slice to a container\n"));
  forged.come_round();
  EXPECT_EQ(forged.arrived().find("vxlan"), std::string::npos) << "nothing here takes a tunnel packet";
  EXPECT_GT(forged.kinds().size(), 35U);
  EXPECT_GE(forged.sent(), forged.kinds().size());
  {
    const ForgedTraffic::Handle quiet = forged.pause();
    forged.forget();
    const std::uint64_t sent = forged.sent();
    pause_for(std::chrono::milliseconds(50));
    EXPECT_EQ(forged.sent(), sent);
    EXPECT_EQ(forged.arrived(), "");
  }
  ForgedTraffic::Handle open = forged.doors_open();
  EXPECT_TRUE(forged.arrives("plain"));
  const ForgedTraffic::Handle quiet = forged.pause();
  open.reset();
  EXPECT_EQ(forged.arrived(), "") << "what came while the doors were open";
}

TEST(ForgedTraffic, OneThatWasPermittedIsNotCounted) {
  const Netns a;
  const Netns b;
  join(a, "eth0", b, "eth0");
  b.ip({"addr add 250.0.27.2/24 dev eth0"});
  const Victim victim{Prefix::of(Address(0xfa000000), 8), Prefix::of(Address(0xac1e001b), 16), Address(0xac1e001b),
                      Address(0xac1e001c)};
  ForgedTraffic forged;
  forged.permit("plain, uninvited");
  const ForgedTraffic::Handle watch = forged.watch_container(b);
  const ForgedTraffic::Handle stranger =
      forged.from_underlay(a, "eth0", Address(0xac1efffa), *Mac::parse(link_field(b, "eth0", "link/ether")), victim);
  EXPECT_TRUE(forged.arrives("plain, from the gateway to a container\n"));
  forged.come_round();
  EXPECT_EQ(forged.arrived().find("uninvited"), std::string::npos);
  forged.forget();
  forged.permit("plain");
  forged.forget();
  forged.come_round();
  EXPECT_EQ(forged.arrived(), "");
}

TEST(Snapshot, SeesEachKindOfChange) {
  const Netns a;
  a.ip({"link add br0 address 02:00:00:00:00:01 type bridge", "addr add 10.9.0.1/24 dev br0", "link set br0 up"});
  (void)a.must({"nft", "add table ip t"}); // the first ruleset of a namespace may bring sysctls with it
  pause_for(std::chrono::milliseconds(100));
  const Snapshot before = snapshot(a);
  ASSERT_EQ(difference(before, snapshot(a)), "");
  const auto changes = [&](const std::string& sign, const Argv& there, const Argv& back) {
    (void)a.must(there);
    EXPECT_NE(difference(before, snapshot(a)).find(sign), std::string::npos) << sign;
    (void)a.must(back);
    EXPECT_EQ(difference(before, snapshot(a)), "") << sign;
  };
  changes("+ address:", {"ip", "addr", "add", "10.9.0.2/24", "dev", "br0"},
          {"ip", "addr", "del", "10.9.0.2/24", "dev", "br0"});
  changes("+ route:", {"ip", "route", "add", "10.8.0.0/16", "dev", "br0", "table", "77"},
          {"ip", "route", "flush", "table", "77"});
  changes("+ rule:", {"ip", "rule", "add", "pref", "7", "table", "77"}, {"ip", "rule", "del", "pref", "7"});
  changes("+ neighbour:", {"ip", "neigh", "add", "10.9.0.9", "lladdr", "02:00:00:00:00:09", "dev", "br0"},
          {"ip", "neigh", "del", "10.9.0.9", "dev", "br0"});
  changes("+ qdisc:", {"tc", "qdisc", "add", "dev", "br0", "clsact"}, {"tc", "qdisc", "del", "dev", "br0", "clsact"});
  changes("+ nft:", {"nft", "add table ip u"}, {"nft", "delete table ip u"});
  changes("+ sysctl: net/ipv4/ip_forward = 1", {"sysctl", "-q", "-w", "net.ipv4.ip_forward=1"},
          {"sysctl", "-q", "-w", "net.ipv4.ip_forward=0"});
  {
    const Background sleeper({"sleep", "1000"}, {.netns = &a});
    EXPECT_TRUE(eventually([&] { return difference(before, snapshot(a)) == "+ process: sleep 1000 \n"; }));
  }
  const Netns other;
  const std::string its_folder = fmt::format("/run/fanctl/netns-{}", other.inode());
  // Whoever finds /run/fanctl empty may take it away.
  ASSERT_TRUE(eventually([&] { return run({"mkdir", "-p", its_folder}).ok(); }));
  for (const char* ending : {"", ".lock", ".try"}) {
    const auto file_of = [&](const Netns& netns) {
      return fmt::format("/run/fanctl/netns-{}{}", netns.inode(), ending);
    };
    changes("+ file: " + file_of(a), {"touch", file_of(a)}, {"rm", file_of(a)});
    (void)must({"touch", file_of(other)});
    EXPECT_EQ(difference(before, snapshot(a)), "") << "another namespace's";
  }
  EXPECT_EQ(difference(before, snapshot(a)), "");
}
