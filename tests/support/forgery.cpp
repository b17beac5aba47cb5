#include "support/forgery.h"

#include <algorithm>

#include "core/mapping.h"
#include "core/names.h"
#include "support/topology.h"

namespace fan::test {
namespace {

constexpr std::string_view mark = "forged: ";
const Mac nobody{{0x02, 0x66, 0x66, 0x66, 0x66, 0x66}};

Bytes with_protocol(std::uint8_t protocol, Address source, Address destination, const Bytes& payload) {
  Ipv4 header{source, destination};
  header.protocol = protocol;
  header.ttl = 255;
  return ipv4(header, payload);
}

Bytes inner(const std::string& kind, Address source, Address destination) {
  return ipv4({source, destination}, udp(forged_port, forged_port, text(std::string(mark) + kind)));
}

// As a peer would send it, addressed to the victim's own tunnel device, so that only the checks stand in its way.
Bytes vxlan_payload(const Victim& victim, std::uint32_t vni, const Bytes& packet) {
  return vxlan(vni, ethernet(nobody, tunnel_mac(victim.host), 0x0800, packet));
}

Bytes vxlan_payload(const Victim& victim, const Bytes& packet) {
  return vxlan_payload(victim, default_vni(victim.overlay), packet);
}

Bytes outer(const Victim& victim, Encapsulation over, Address source, Address destination, const Bytes& packet) {
  return over == Encapsulation::ipip ? with_protocol(protocol_ipip, source, destination, packet)
                                     : with_protocol(protocol_udp, source, destination,
                                                     udp(40000, default_vxlan_port, vxlan_payload(victim, packet)));
}

Address in_slice(const Victim& victim, Address host, std::uint32_t n) {
  return slice_of(victim.overlay, victim.underlay, host).at(n);
}

Prefix slice(const Victim& victim) {
  return slice_of(victim.overlay, victim.underlay, victim.host);
}

} // namespace

Address Victim::gateway() const {
  return in_slice(*this, host, 1);
}
Address Victim::container() const {
  return in_slice(*this, host, 2);
}
Address Victim::far() const {
  return in_slice(*this, peer, 2);
}
Address Victim::elsewhere() const {
  return Address(host.v4() ^ 0x78U); // 172.30.0.27 gives 172.30.0.99
}
Address Victim::of_nobody() const {
  return in_slice(*this, Address(host.v4() ^ 0x55U), 2);
}
Address Victim::of(Address own) const {
  return in_slice(*this, own, 2);
}

std::string kind_in(std::string_view payload) {
  return payload.substr(0, mark.size()) == mark ? std::string(payload.substr(mark.size())) : std::string();
}

std::string kind_in_packet(const Bytes& ipv4) {
  const std::size_t header = ipv4.size() < 20 ? 0 : (ipv4[0] & 0xfU) * 4U + 8U;
  const std::size_t length = ipv4.size() < 20 ? 0 : std::min<std::size_t>(ipv4.size(), ipv4[2] * 256U + ipv4[3]);
  return length > header ? kind_in({reinterpret_cast<const char*>(ipv4.data()) + header, length - header}) : "";
}

Forgeries plain(const Victim& victim, Address own) {
  Forgeries made;
  const auto put = [&](const std::string& kind, Address source, Address destination) {
    made.push_back({"plain, " + kind, inner("plain, " + kind, source, destination)});
  };
  put("from another slice to a container", victim.far(), victim.container());
  put("from another slice to the gateway", victim.far(), victim.gateway());
  put("from another slice to the host", victim.far(), victim.host);
  put("from another slice to another address of the host", victim.far(), victim.elsewhere());
  put("from the victim's slice to a container", slice(victim).at(3), victim.container());
  put("from the gateway to a container", victim.gateway(), victim.container());
  put("from the gateway to the host", victim.gateway(), victim.host);
  put("from a slice of nobody to a container", victim.of_nobody(), victim.container());
  put("from another slice to the slice's broadcast", victim.far(), slice(victim).broadcast());
  put("uninvited from the underlay to a container", own, victim.container());
  put("uninvited from outside to a container", Underlay::outside(), victim.container());
  return made;
}

Forgeries tunnelled(const Victim& victim, Encapsulation over, Address own) {
  const Address mine = victim.of(own);
  const Address outside = Underlay::outside();
  Forgeries made;
  const auto put = [&](const std::string& kind, Address from, Address to, Address source, Address destination) {
    const std::string name = std::string(name_of(over)) + ", " + kind;
    made.push_back({name, outer(victim, over, from, to, inner(name, source, destination))});
  };
  put("another host's slice", own, victim.host, victim.far(), victim.container());
  put("another host's slice, to the gateway", own, victim.host, victim.far(), victim.gateway());
  put("the victim's slice", own, victim.host, slice(victim).at(3), victim.container());
  put("the gateway", own, victim.host, victim.gateway(), victim.container());
  put("a source outside the overlay", own, victim.host, own, victim.container());
  put("the world as source", own, victim.host, outside, victim.container());
  put("this machine as source", own, victim.host, Address(0x7f000001U), victim.container());
  put("to the host's own address", own, victim.host, mine, victim.host);
  put("to another host's container", own, victim.host, mine, victim.far());
  put("to the slice's broadcast", own, victim.host, mine, slice(victim).broadcast());
  put("to all hosts", own, victim.host, mine, Address(0xffffffffU));
  put("from outside the underlay", outside, victim.host, victim.far(), victim.container());
  put("to another address of the host", own, victim.elsewhere(), mine, victim.container());
  const std::string nested = std::string(name_of(over)) + ", nested, to the gateway";
  made.push_back({nested, outer(victim, over, own, victim.host,
                                with_protocol(protocol_ipip, mine, victim.gateway(),
                                              inner(nested, victim.far(), victim.container())))});
  if (over == Encapsulation::vxlan) {
    const std::string lost = "vxlan, another network's number";
    const Bytes payload =
        vxlan_payload(victim, default_vni(victim.overlay) ^ 1U, inner(lost, mine, victim.container()));
    made.push_back({lost, with_protocol(protocol_udp, own, victim.host, udp(40000, default_vxlan_port, payload))});
  }
  return made;
}

Forgeries for_the_peer(const Victim& victim, Encapsulation over) {
  Forgeries made;
  for (const Address to : {victim.host, victim.elsewhere()}) {
    const std::string name = std::string(name_of(over)) + ", by a wrong device, to " + to.str();
    made.push_back({name, outer(victim, over, victim.peer, to, inner(name, victim.far(), victim.container()))});
  }
  return made;
}

Forgeries of_process(const Victim& victim, Encapsulation over) {
  const std::string name = "a process of the peer, raw " + std::string(name_of(over));
  return {{name, outer(victim, over, victim.peer, victim.host,
                       inner(name, in_slice(victim, victim.peer, 3), victim.container()))}};
}

Bytes datagram_of_process(const Victim& victim) {
  return vxlan_payload(victim, inner("a process of the peer", in_slice(victim, victim.peer, 3), victim.container()));
}

Forgeries of_container(const Victim& victim, Address own) {
  const Address sibling = in_slice(victim, victim.peer, 3);
  Forgeries made;
  const auto put = [&](const std::string& kind, Address source, const auto& make) {
    const std::string name = "container, " + kind;
    made.push_back({name, make(inner(name, source, victim.container()))});
  };
  const auto datagram = [&](Address from, std::uint16_t source, std::uint16_t destination) {
    return [&victim, from, source, destination](const Bytes& packet) {
      return with_protocol(protocol_udp, from, victim.host, udp(source, destination, vxlan_payload(victim, packet)));
    };
  };
  const auto protocol_4 = [&](Address from) {
    return [&victim, from](const Bytes& packet) { return with_protocol(protocol_ipip, from, victim.host, packet); };
  };
  put("protocol 4", sibling, protocol_4(own));
  put("protocol 4 as its host", sibling, protocol_4(victim.peer));
  put("to the port", sibling, datagram(own, 40001, default_vxlan_port));
  put("from and to the port", sibling, datagram(own, default_vxlan_port, default_vxlan_port));
  put("to the port as its host", sibling, datagram(victim.peer, 40001, default_vxlan_port));
  put("from the port", sibling, datagram(own, default_vxlan_port, 40001));
  put("plain, as a slice of nobody", victim.of_nobody(), [](const Bytes& packet) { return packet; });
  return made;
}

} // namespace fan::test
