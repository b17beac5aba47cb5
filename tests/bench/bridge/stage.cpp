#include "bridge/stage.h"

#include <net/if.h>

#include <cstdio>
#include <cstdlib>
#include <map>

#include <fmt/format.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

#include "core/object.h"
#include "linux/netlink/attributes.h"
#include "support/topology.h"

namespace fan::bench {
namespace {

using netlink::Message;
using netlink::Socket;

Mac mac_with(std::uint8_t second, unsigned n) {
  return Mac{{0x02, second, 0, 0, static_cast<std::uint8_t>(n >> 8U), static_cast<std::uint8_t>(n)}};
}

[[noreturn]] void give_up(const std::string& what, const std::string& why) {
  std::fprintf(stderr, "%s: %s\n", what.c_str(), why.c_str());
  std::exit(1);
}

void must(Result<void> done, const std::string& what) {
  if (!done) {
    give_up(what, done.error().message);
  }
}

Socket open_in(const test::Netns& netns) {
  const test::Inside here(netns);
  auto socket = Socket::open();
  if (!socket) {
    give_up("netlink", socket.error().message);
  }
  return std::move(socket).value();
}

unsigned index_in(const test::Netns& netns, const std::string& device) {
  const test::Inside here(netns);
  return if_nametoindex(device.c_str());
}

ifinfomsg up_header(unsigned ifindex = 0) {
  ifinfomsg header{};
  header.ifi_index = static_cast<int>(ifindex);
  header.ifi_flags = IFF_UP;
  header.ifi_change = IFF_UP;
  return header;
}

void make_pair(Socket& socket, unsigned n, int peer_netns) {
  Message message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  message
      .header(ifinfomsg{}) // not up: half of a pair cannot be
      .text(IFLA_IFNAME, fmt::format("p{}", n))
      .mac(IFLA_ADDRESS, port_mac(n))
      .nest(IFLA_LINKINFO, [&](Message& info) {
        info.text(IFLA_INFO_KIND, "veth").nest(IFLA_INFO_DATA, [&](Message& data) {
          data.nest(VETH_INFO_PEER, [&](Message& peer) {
            peer.header(ifinfomsg{})
                .text(IFLA_IFNAME, fmt::format("e{}", n))
                .mac(IFLA_ADDRESS, mac_of(n))
                .u32(IFLA_NET_NS_FD, static_cast<std::uint32_t>(peer_netns));
          });
        });
      });
  must(socket.request(message), fmt::format("veth pair {}", n));
}

// `bridge`: 0 for none.
void set_up(Socket& socket, unsigned ifindex, unsigned bridge) {
  Message message(RTM_NEWLINK, 0);
  message.header(up_header(ifindex)).u32(IFLA_MASTER, bridge);
  must(socket.request(message), "up");
}

void set_up(Socket& socket, const std::string& name) {
  Message message(RTM_NEWLINK, 0);
  message.header(up_header()).text(IFLA_IFNAME, name);
  must(socket.request(message), "up " + name);
}

void set_flag(Socket& socket, unsigned port) {
  Message message(RTM_NEWLINK, 0);
  message.header(up_header(port)).nest(IFLA_LINKINFO, [](Message& info) {
    info.text(IFLA_INFO_SLAVE_KIND, "bridge").nest(IFLA_INFO_SLAVE_DATA, [](Message& data) {
      data.u8(IFLA_BRPORT_PROXYARP_WIFI, 1);
    });
  });
  must(socket.request(message), "port flag");
}

void put_neighbour(Socket& socket, unsigned bridge, Address address, Mac mac) {
  ndmsg header{};
  header.ndm_family = AF_INET;
  header.ndm_ifindex = static_cast<int>(bridge);
  header.ndm_state = NUD_PERMANENT;
  Message message(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
  message.header(header).v4(NDA_DST, address).mac(NDA_LLADDR, mac);
  must(socket.request(message), "neighbour");
}

void put_fdb(Socket& socket, unsigned port, Mac mac) {
  ndmsg header{};
  header.ndm_family = AF_BRIDGE;
  header.ndm_ifindex = static_cast<int>(port);
  header.ndm_state = NUD_NOARP;
  header.ndm_flags = NTF_MASTER | NTF_STICKY;
  Message message(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
  message.header(header).mac(NDA_LLADDR, mac);
  must(socket.request(message), "FDB entry");
}

// Numbers of net.ipv4.conf.DEVICE, counted from 1 (linux/ip.h).
void set_conf(Socket& socket, unsigned port) {
  ifinfomsg header{};
  header.ifi_index = static_cast<int>(port);
  Message message(RTM_NEWLINK, 0);
  message.header(header).nest(IFLA_AF_SPEC, [](Message& families) {
    families.nest(AF_INET, [](Message& inet) {
      inet.nest(IFLA_INET_CONF,
                [](Message& conf) { conf.u32(IPV4_DEVCONF_FORWARDING, 1).u32(IPV4_DEVCONF_PROXY_ARP, 1); });
    });
  });
  must(socket.request(message), "port's conf");
}

void put_host_route(Socket& socket, unsigned port, Address address) {
  rtmsg header{};
  header.rtm_family = AF_INET;
  header.rtm_dst_len = 32;
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = route_protocol;
  header.rtm_scope = RT_SCOPE_LINK;
  header.rtm_type = RTN_UNICAST;
  Message message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);
  message.header(header).v4(RTA_DST, address).u32(RTA_OIF, port);
  must(socket.request(message), "host route");
}

} // namespace

Mac mac_of(unsigned n) {
  return mac_with(0xee, n);
}
Mac port_mac(unsigned n) {
  return mac_with(0xff, n);
}

Stage::Stage(Network network, bool by_hand) : network_(std::move(network)), by_hand_(by_hand) {
  for (const test::Netns* netns : {&host_, &ends_}) {
    netns->set_sysctl("net/ipv6/conf/default/disable_ipv6", "1");
    netns->set_sysctl("net/ipv6/conf/all/disable_ipv6", "1");
  }
  host_.set_sysctl("net/bridge/bridge-nf-call-iptables", "0"); // as on a host whose br_netfilter is not loaded
  host_.set_sysctl("net/bridge/bridge-nf-call-arptables", "0");
  ends_.set_sysctl("net/ipv4/conf/all/arp_ignore", "1");
  ends_.set_sysctl("net/ipv4/conf/all/accept_local", "1");
  ends_.set_sysctl("net/ipv4/conf/all/rp_filter", "0");
  ends_.set_sysctl("net/ipv4/conf/default/rp_filter", "0");
  if (by_hand) {
    host_.ip({fmt::format("link add {} address 02:fb:00:00:00:01 type bridge", network_.bridge),
              fmt::format("addr add {}/{} dev {}", gateway().str(), network_.slice.length(), network_.bridge),
              fmt::format("link set {} up", network_.bridge)});
  } else {
    // The first host of 172.30.0.0, whose slice of 250.0.0.0/8 has the same number.
    const int underlay = 32 - network_.slice.length() + 8;
    host_.ip(
        {"link add eth0 type bridge", fmt::format("addr add 172.30.0.1/{} dev eth0", underlay), "link set eth0 up"});
    host_.must({test::fanctl_path(), "up", "250.0.0.0/8", fmt::format("eth0/{}", underlay), "type", "vxlan", "bridge",
                network_.bridge});
  }
}

void Stage::add(unsigned count, bool as_ports) {
  Socket socket = open_in(host_);
  Socket far = open_in(ends_);
  const unsigned bridge = as_ports ? index_in(host_, network_.bridge) : 0;
  const test::Inside here(host_);
  for (; ports_ < count; ++ports_) {
    make_pair(socket, ports_ + 1, ends_.fd());
    set_up(socket, if_nametoindex(fmt::format("p{}", ports_ + 1).c_str()), bridge);
    set_up(far, fmt::format("e{}", ports_ + 1));
  }
}

void Stage::add_ports(unsigned count) {
  add(count, true);
}

void Stage::add_loose(unsigned count) {
  add(count, false);
}

void Stage::give_addresses() {
  std::vector<std::string> lines;
  for (unsigned n = 1; n <= ports_; ++n) {
    lines.push_back(fmt::format("addr add {}/32 dev e{}", address(n).str(), n));
  }
  ends_.ip(lines);
}

Mac Stage::bridge_mac() const {
  const std::string text = host_.must({"ip", "-o", "link", "show", "dev", network_.bridge});
  const auto mac = Mac::parse(text.substr(text.find("link/ether ") + 11, 17));
  return mac ? *mac : Mac{};
}

std::vector<std::uint64_t> Stage::received() const {
  Socket socket = open_in(ends_);
  Message message(RTM_GETLINK, NLM_F_DUMP);
  message.header(ifinfomsg{});
  std::vector<std::uint64_t> counts(ports_);
  const netlink::DumpReader reader{[] {},
                                   [&counts](const nlmsghdr& one) {
                                     const auto attributes = netlink::Attributes::of(one, sizeof(ifinfomsg));
                                     const std::string name = attributes.text(IFLA_IFNAME);
                                     const auto raw = attributes.get(IFLA_STATS64);
                                     if (raw && name.starts_with("e")) {
                                       rtnl_link_stats64 stats{};
                                       std::memcpy(&stats, raw->data(), std::min(raw->size(), sizeof stats));
                                       const std::size_t at = std::strtoul(name.c_str() + 1, nullptr, 10) - 1;
                                       counts.at(at) = stats.rx_packets;
                                     }
                                     return true;
                                   }};
  must(socket.dump(message, reader), "counters");
  return counts;
}

void Stage::register_by_hand(unsigned count) const {
  Socket socket = open_in(host_);
  const test::Inside here(host_);
  const unsigned bridge = if_nametoindex(network_.bridge.c_str());
  for (unsigned n = 1; n <= count; ++n) {
    const unsigned port = if_nametoindex(fmt::format("p{}", n).c_str());
    set_flag(socket, port);
    put_neighbour(socket, bridge, address(n), mac_of(n));
    put_fdb(socket, port, mac_of(n));
  }
}

void Stage::route_by_hand() const {
  Socket socket = open_in(host_);
  const test::Inside here(host_);
  for (unsigned n = 1; n <= ports_; ++n) {
    const unsigned port = if_nametoindex(fmt::format("p{}", n).c_str());
    set_conf(socket, port);
    put_neighbour(socket, port, address(n), mac_of(n));
    put_host_route(socket, port, address(n));
  }
}

} // namespace fan::bench
