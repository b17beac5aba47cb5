// Filters of others that drop what a fan lives by: `up` finds them, the line that it prints is run as it is, and then
// the packets pass and the note is gone.
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "fan_pair.h"

namespace fan::test {
namespace {

class OtherFirewalls : public OverEach {};
FAN_OVER_EACH(OtherFirewalls);

using Argvs = std::vector<Argv>;

Argv words_of(const std::string& line) {
  std::istringstream in(line);
  Argv argv;
  for (std::string word; in >> word;) {
    argv.push_back(word);
  }
  return argv;
}

// What `up` says about others, a line each.
std::vector<std::string> notes_of(const FanPair& fans, const std::vector<std::string>& words) {
  const Outcome up = fans.a.fanctl(fans.line("up", words));
  EXPECT_TRUE(up.ok()) << up.err;
  std::istringstream err(up.err);
  std::vector<std::string> notes;
  for (std::string line; std::getline(err, line);) {
    if (line.find("another firewall") != std::string::npos) {
      notes.push_back(line);
    }
  }
  return notes;
}

std::string remedy_in(const std::string& note) {
  const std::string mark = "this lets them pass: ";
  const std::size_t at = note.find(mark);
  return at == std::string::npos ? "" : note.substr(at + mark.size());
}

std::string joined(const std::vector<std::string>& lines) {
  std::string all;
  for (const std::string& line : lines) {
    all += line + "\n";
  }
  return all;
}

// No answer within a second.
bool silent(const Netns& in, Address to) {
  return !in.run({"ping", "-n", "-q", "-c", "1", "-W", "1", to.str()}).ok();
}

// Runs what the notes say until there are none. A packet meets one filter after the other, so the next may only be
// found when the one before it lets the packet pass.
void follow_notes(const FanPair& fans, const std::vector<std::string>& words) {
  std::vector<std::string> notes = notes_of(fans, words);
  EXPECT_FALSE(notes.empty());
  for (int round = 0; round < 4 && !notes.empty(); ++round) {
    for (const std::string& note : notes) {
      ASSERT_NE(remedy_in(note), "") << note;
      fans.a.must(words_of(remedy_in(note)));
    }
    notes = notes_of(fans, words);
  }
  EXPECT_TRUE(notes.empty()) << joined(notes);
}

struct Filter {
  const char* what;
  std::vector<std::string> lines; // TUNNEL: how a tunnel packet is matched in the words of nft; XTUNNEL: of iptables
  const char* said;               // stands in the first note
};

std::string with(std::string line, const std::string& word, const std::string& by) {
  for (std::size_t at = line.find(word); at != std::string::npos; at = line.find(word, at + 1)) {
    line.replace(at, word.size(), by);
  }
  return line;
}

void load(const Netns& host, const Filter& filter, const std::string& type) {
  for (std::string line : filter.lines) {
    line = with(line, "XTUNNEL", type == "ipip" ? "-p 4" : "-p udp --dport 8472");
    line = with(line, "TUNNEL", type == "ipip" ? "ip protocol 4" : "udp dport 8472");
    // Its words as one argument, so that no shell sees the braces. nft 1.0.6 wants each closing brace on its own line.
    for (const char* end : {"} }", "} chain"}) {
      line = with(line, end, std::string("}\n") + (end + 2));
    }
    host.must(line.rfind("nft ", 0) == 0 ? Argv{"nft", line.substr(4)} : words_of(line));
  }
}

const std::vector<Filter>& between_containers() {
  static const std::vector<Filter> filters{
      {"iptables-nft policy", {"iptables-nft -P FORWARD DROP"}, "the policy of chain FORWARD of table ip filter"},
      {"iptables-legacy policy", {"iptables-legacy -P FORWARD DROP"}, "(iptables-legacy)"},
      {"Docker's",
       {"iptables-nft -N DOCKER-USER", "iptables-nft -A DOCKER-USER -j RETURN",
        "iptables-nft -A FORWARD -j DOCKER-USER",
        "iptables-nft -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        "iptables-nft -A FORWARD -i docker0 ! -o docker0 -j ACCEPT", "iptables-nft -P FORWARD DROP"},
       "iptables -I DOCKER-USER -s 250.0.0.0/8 -d 250.0.0.0/8 -j ACCEPT"},
      {"Docker's, in the old tables",
       {"iptables-legacy -N DOCKER-USER", "iptables-legacy -A DOCKER-USER -j RETURN",
        "iptables-legacy -A FORWARD -j DOCKER-USER",
        "iptables-legacy -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        "iptables-legacy -A FORWARD -i docker0 ! -o docker0 -j ACCEPT", "iptables-legacy -P FORWARD DROP"},
       "iptables-legacy -I DOCKER-USER -s 250.0.0.0/8 -d 250.0.0.0/8 -j ACCEPT"},
      {"nft, late, inet",
       {"nft table inet late { chain through { type filter hook forward priority 250; policy drop; ct state "
        "established,related accept; iifname \"wg0\" accept; } }"},
       "the policy of chain through of table inet late"},
      {"nft, a jumped chain and a set",
       {"nft table ip early { set bad { type ipv4_addr; flags interval; elements = { 203.0.113.0/24, 250.0.0.0/8 } } "
        "chain checks { meta l4proto { tcp, udp, icmp } ip saddr @bad counter drop; } "
        "chain through { type filter hook forward priority -10; policy accept; iifname != \"lo\" jump checks; } }"},
       "a rule in chain checks of table ip early"},
      {"nft, a verdict map",
       {"nft table inet mapped { chain arrive { type filter hook forward priority 0; policy drop; ct state vmap { "
        "established : accept, related : accept, invalid : drop }; iifname vmap { \"lo\" : accept, \"fan-250-0-27\" : "
        "jump none }; } chain none { tcp dport 22 return; } }"},
       "the policy of chain arrive of table inet mapped"},
      {"iptables-legacy, a jumped chain that rejects",
       {"iptables-legacy -N no", "iptables-legacy -A no -m comment --comment why -j REJECT",
        "iptables-legacy -A FORWARD -p tcp --dport 22 -j ACCEPT",
        "iptables-legacy -A FORWARD ! -i lo -s 250.0.0.0/8 -g no"},
       "a rule in chain no of table ip filter (iptables-legacy)"},
      {"input policy",
       {"nft table inet guard { chain arrive { type filter hook input priority 0; policy drop; iif lo accept; ct state "
        "established,related accept; icmp type echo-request accept; tcp dport 22 accept; } }"},
       "tunnel packets from other hosts of the fan"},
      {"input policy of iptables-legacy, with state",
       {"iptables-legacy -A INPUT -i lo -j ACCEPT",
        "iptables-legacy -A INPUT -m state --state ESTABLISHED,NEW -j ACCEPT", "iptables-legacy -P INPUT DROP"},
       "tunnel packets from other hosts of the fan"},
      {"before tracking",
       {"nft table ip first { chain pre { type filter hook prerouting priority -400; TUNNEL drop; } }"},
       "a rule in chain pre of table ip first"},
      {"raw of iptables", {"iptables-nft -t raw -A PREROUTING XTUNNEL -j DROP"}, "chain PREROUTING of table ip raw"},
      {"output policy",
       {"nft table inet out { chain leaving { type filter hook output priority 0; policy drop; oif lo accept; ip daddr "
        "10.0.0.0/8 accept; } }"},
       "tunnel packets to other hosts of the fan"},
  };
  return filters;
}

TEST_P(OtherFirewalls, ADropBetweenContainersIsFoundAndTheLineHelps) {
  for (const Filter& filter : between_containers()) {
    SCOPED_TRACE(filter.what);
    // A program takes 45 ms to start there: only what the encapsulation has a part in, and one of the others.
    const std::string said = filter.said;
    if (in_guest() && said.find("tunnel packets") == std::string::npos &&
        said.find("chain pre of") == std::string::npos && said.find("I DOCKER-USER") == std::string::npos) {
      continue;
    }
    FanPair fans(type());
    fans.up();
    const Container a = fans.container_a();
    const Container b = fans.container_b();
    EXPECT_TRUE(eventually([&] { return !silent(a, at_b); }));
    load(fans.a, filter, type());
    EXPECT_TRUE(silent(b, at_a)) << "the filter is in the way";
    const std::vector<std::string> notes = notes_of(fans, {});
    EXPECT_NE(joined(notes).find(filter.said), std::string::npos) << joined(notes);
    follow_notes(fans, {});
    EXPECT_TRUE(pings(a, at_b, {}, 1));
    EXPECT_TRUE(pings(b, at_a, {}, 1));
  }
}

TEST_P(OtherFirewalls, ADropTowardsTheWorldIsFoundAndTheLineHelps) {
  FanPair fans(type());
  fans.up();
  const Container a = fans.container_a();
  EXPECT_TRUE(pings(a, Underlay::outside(), {}, 1));
  load(fans.a,
       {"",
        {"nft table ip world { chain through { type filter hook forward priority 0; policy drop; ip saddr 250.0.0.0/8 "
         "ip daddr 250.0.0.0/8 accept; } }"},
        ""},
       type());
  EXPECT_TRUE(silent(a, Underlay::outside()));
  follow_notes(fans, {});
  EXPECT_TRUE(pings(a, Underlay::outside(), {}, 1));
}

TEST_P(OtherFirewalls, ADropOfDhcpIsFoundAndTheLineHelps) {
  for (const char* program : {"iptables-nft", "iptables-legacy"}) {
    FanPair fans(type());
    fans.up({"dhcp"});
    Container a(fans.a, "fan-250-0-27");
    fans.a.must({program, "-A", "INPUT", "-p", "udp", "--dport", "53:68", "-j", "DROP"});
    const Argv ask{"udhcpc", "-f", "-n", "-q", "-t", "4", "-T", "2", "-i", "eth0", "-s", "/bin/true"};
    EXPECT_FALSE(
        a.run(ask).ok()); // as long as it takes dnsmasq to see that the address is free, three seconds, and more
    follow_notes(fans, {"dhcp"});
    EXPECT_TRUE(a.run(ask).ok());
  }
}

// What does not stop a fan is not spoken of, nor what cannot be told for certain.
TEST_P(OtherFirewalls, NothingIsSaidOfFiltersThatAreNotInTheWay) {
  const std::vector<Filter> filters{
      {"accepted before the drop",
       {"nft table inet a { chain through { type filter hook forward priority 0; policy drop; ip saddr 250.0.0.0/8 ip "
        "daddr "
        "250.0.0.0/8 accept; iifname \"fan-250-0-27\" accept; ct state established,related accept; } }"},
       ""},
      {"other devices",
       {"iptables-nft -A FORWARD -i docker0 -j DROP", "iptables-legacy -A FORWARD -o wg+ -j DROP",
        "iptables-nft -A INPUT -i eth9 -j DROP"},
       ""},
      {"other ports and states",
       {"nft table inet a { chain arrive { type filter hook input priority 0; tcp dport != 22 drop; ct state invalid "
        "drop; "
        "udp dport 111 drop; ip6 saddr ::/0 drop; } }"},
       ""},
      {"not for certain",
       {"nft table inet a { chain through { type filter hook forward priority 0; policy drop; limit rate 100000/second "
        "accept; } }"},
       ""},
      {"asleep",
       {"nft table inet a { flags dormant; chain through { type filter hook forward priority 0; policy drop; } }"},
       ""},
      {"a set that comes and goes",
       {"nft table inet a { set s { type ipv4_addr; flags timeout; elements = { 250.0.27.2 timeout 1h } } chain "
        "through { type "
        "filter hook forward priority 0; ip saddr @s drop; } }"},
       ""},
  };
  for (const Filter& filter : filters) {
    FanPair fans(type());
    load(fans.a, filter, type());
    EXPECT_EQ(joined(notes_of(fans, {"dhcp"})), "") << filter.what;
  }
}

// firewalld's own words: a table of this name is its, and it forgets what nft changes in it.
TEST_P(OtherFirewalls, FirewalldsRejectIsFoundAndNamedInItsWords) {
  FanPair fans(type());
  fans.up();
  const Container a = fans.container_a();
  const Container b = fans.container_b();
  load(fans.a,
       {"",
        {"nft table inet firewalld { chain filter_INPUT { type filter hook input priority 10; ct state { established, "
         "related } accept; ct status dnat accept; iifname \"lo\" accept; ct state invalid drop; jump "
         "filter_INPUT_ZONES; "
         "reject with icmpx admin-prohibited; } chain filter_INPUT_ZONES { goto filter_IN_public; } chain "
         "filter_IN_public { "
         "tcp dport 22 accept; meta l4proto { icmp, ipv6-icmp } accept; } chain filter_FORWARD { type filter hook "
         "forward "
         "priority 10; ct state { established, related } accept; ct status dnat accept; iifname \"lo\" accept; jump "
         "filter_FORWARD_ZONES; reject with icmpx admin-prohibited; } chain filter_FORWARD_ZONES { iifname \"docker0\" "
         "accept; } }"},
        ""},
       type());
  EXPECT_TRUE(silent(b, at_a));
  const std::string notes = joined(notes_of(fans, {}));
  const std::string tunnel = type() == "ipip" ? "--add-interface=fanip" : "--add-interface=fanvx8472";
  const std::string open = type() == "ipip" ? "--add-protocol=ipip" : "--add-port=8472/udp";
  EXPECT_NE(notes.find("a rule in chain filter_INPUT of table inet firewalld"), std::string::npos) << notes;
  EXPECT_NE(notes.find("firewall-cmd --permanent " + open + " && firewall-cmd --reload"), std::string::npos) << notes;
  EXPECT_NE(notes.find("firewall-cmd --permanent --zone=trusted --add-interface=fan-250-0-27 " + tunnel +
                       " && firewall-cmd --reload"),
            std::string::npos)
      << notes;
  // firewalld itself is a daemon that is not here; these are the rules that it makes of those two lines.
  const std::string opened = type() == "ipip" ? "meta l4proto 4 ct state { new, untracked } accept"
                                              : "udp dport 8472 ct state { new, untracked } accept";
  fans.a.must({"nft", "add rule inet firewalld filter_IN_public " + opened});
  for (const std::string& device : {std::string("fan-250-0-27"), tunnel.substr(tunnel.find('=') + 1)}) {
    fans.a.must({"nft", "insert rule inet firewalld filter_FORWARD_ZONES iifname " + device + " accept"});
  }
  EXPECT_EQ(joined(notes_of(fans, {})), "");
  EXPECT_TRUE(pings(b, at_a, {}, 1));
}

} // namespace
} // namespace fan::test
