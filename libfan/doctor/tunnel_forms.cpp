#include "doctor/tunnel_forms.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/mapping.h"

namespace fan::doctor {
namespace {

constexpr std::uint16_t iana_vxlan_port = 4789; // RFC 7348

void put(std::vector<TunnelForm>& forms, const TunnelForm& form, const TunnelForm& own) {
  if (form != own && std::find(forms.begin(), forms.end(), form) == forms.end()) {
    forms.push_back(form);
  }
}

// The gateways as a mapping of these lengths gives them, where there can be one.
void put_mapping(std::vector<TunnelForm>& forms, const Fan& fan, Address host, unsigned overlay_length,
                 unsigned underlay_length, const TunnelForm& own) {
  const Prefix overlay = Prefix::of(fan.mapping.overlay().network(), overlay_length);
  const Prefix underlay = Prefix::of(fan.host, underlay_length);
  const bool same_network = overlay.network() == fan.mapping.overlay().network();
  const auto mapping = Mapping::make(overlay, underlay);
  if (!same_network || !mapping || !underlay.contains(host)) {
    return;
  }
  TunnelForm form = own;
  form.inner_source = mapping->slice_of(fan.host).at(1);
  form.inner_destination = mapping->slice_of(host).at(1);
  put(forms, form, own);
}

} // namespace

TunnelForm own_form(const Fan& fan, Address host) {
  const bool is_vxlan = fan.spec.encapsulation == Encapsulation::vxlan;
  return {fan.spec.encapsulation, is_vxlan ? fan.port() : std::uint16_t{0}, is_vxlan ? fan.vni() : 0, fan.gateway(),
          fan.mapping.slice_of(host).at(1)};
}

std::vector<TunnelForm> other_forms(const Fan& fan, Address host) {
  const TunnelForm own = own_form(fan, host);
  std::vector<TunnelForm> forms;
  TunnelForm other = own;
  other.encapsulation = Encapsulation::ipip;
  other.port = 0;
  other.vni = 0;
  put(forms, other, own);
  other.encapsulation = Encapsulation::vxlan;
  const std::uint32_t usual = default_vni(fan.mapping.overlay());
  // Each port comes once before any comes again: a host says "unreachable" six times at once, and then once a second
  // (net/ipv4/icmp.c, net/ipv4/inetpeer.c).
  for (const std::uint32_t vni : {fan.vni(), usual, usual ^ 1U /* LXD's */}) {
    for (const std::uint16_t port : {fan.port(), default_vxlan_port, iana_vxlan_port}) {
      other.port = port;
      other.vni = vni;
      put(forms, other, own);
    }
  }
  for (unsigned length = fan.mapping.overlay().length() + 1; length <= 30; ++length) {
    put_mapping(forms, fan, host, fan.mapping.overlay().length(), length, own);
  }
  for (unsigned length = 1; length < fan.mapping.underlay().length(); ++length) {
    put_mapping(forms, fan, host, length, fan.mapping.underlay().length(), own);
  }
  return forms;
}

std::vector<std::string> differences(const TunnelForm& here, const TunnelForm& there) {
  std::vector<std::string> found;
  if (here.encapsulation != there.encapsulation) {
    found.push_back(
        fmt::format("encapsulation {} here, {} there", name_of(here.encapsulation), name_of(there.encapsulation)));
  } else if (here.encapsulation == Encapsulation::vxlan) {
    if (here.port != there.port) {
      found.push_back(fmt::format("port {} here, {} there", here.port, there.port));
    }
    if (here.vni != there.vni) {
      found.push_back(fmt::format("vni {} here, {} there", here.vni, there.vni));
    }
  }
  if (here.inner_destination != there.inner_destination) {
    found.push_back(fmt::format("lengths of overlay and underlay: the peer's gateway is {} here, {} there",
                                here.inner_destination.str(), there.inner_destination.str()));
  }
  return found;
}

std::string text_of(const TunnelForm& form) {
  const std::string inside = form.inner_source.str() + " -> " + form.inner_destination.str();
  return form.encapsulation == Encapsulation::ipip
             ? "ipip, " + inside
             : fmt::format("vxlan, UDP port {}, vni {}, {}", form.port, form.vni, inside);
}

} // namespace fan::doctor
