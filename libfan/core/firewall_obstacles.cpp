#include "core/firewall_obstacles.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/errors.h"
#include "core/firewall_probes.h"
#include "core/names.h"

namespace fan::firewall {
namespace {

// What can be put in a command line and on a terminal as it is. Names in other people's tables can hold any byte.
bool plain(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("_-./").find(c) != std::string_view::npos;
  });
}

std::string said(const std::string& name) {
  return plain(name) ? name : quoted(name);
}

// Docker keeps this chain for its users' rules, and its own restarts leave it alone.
std::string chain_for_users(const Drop& drop) {
  const auto base = drop.table->chains.find(drop.base);
  const bool dockers = base != drop.table->chains.end() && !base->second.rules.empty() &&
                       base->second.rules.front().conditions.empty() &&
                       base->second.rules.front().target == "DOCKER-USER";
  return dockers ? "DOCKER-USER" : drop.base;
}

std::string iptables_line(const char* program, const Drop& drop, const Need& need) {
  const std::string table = drop.table->name == "filter" ? "" : " -t " + drop.table->name;
  return fmt::format("{}{} -I {} {} -j ACCEPT", program, table, chain_for_users(drop), need.iptables);
}

std::string nft_line(const Drop& drop, const Need& need) {
  return fmt::format("nft insert rule {} {} {} {} accept", drop.table->family, drop.table->name, drop.base, need.nft);
}

std::string remedy_of(const Drop& drop, const Need& need) {
  if (!plain(drop.table->name) || !plain(drop.base)) {
    return {};
  }
  switch (drop.table->owner) {
  case Owner::iptables:
    return iptables_line("iptables", drop, need);
  case Owner::iptables_legacy:
    return iptables_line("iptables-legacy", drop, need);
  case Owner::firewalld:
    if (!need.firewalld.empty()) {
      return fmt::format("firewall-cmd --permanent {} && firewall-cmd --reload", need.firewalld);
    }
    break;
  case Owner::nft:
    break;
  }
  return nft_line(drop, need);
}

void put(std::vector<Obstacle>& obstacles, Obstacle obstacle) {
  const auto same = std::find_if(obstacles.begin(), obstacles.end(), [&](const Obstacle& other) {
    return other.remedy == obstacle.remedy && other.where == obstacle.where;
  });
  if (same == obstacles.end()) {
    obstacles.push_back(std::move(obstacle));
  } else {
    same->what += ", " + obstacle.what;
  }
}

} // namespace

std::string place_of(const Drop& drop) {
  const std::string in =
      fmt::format("chain {} of table {} {}", said(drop.chain), said(drop.table->family), said(drop.table->name));
  const std::string tables = drop.table->owner == Owner::iptables_legacy ? " (iptables-legacy)" : "";
  return (drop.rule == nullptr ? "the policy of " + in : "a rule in " + in) + tables;
}

std::vector<Obstacle> obstacles_of(const Fan& fan, const std::string& default_device, const Filters& filters,
                                   bool between_ports) {
  std::vector<Obstacle> obstacles;
  for (Need& need : needs_of(fan, default_device, filters.bridged && between_ports)) {
    need.probe.bridged = filters.bridged;
    if (const auto drop = certain_drop(filters.tables, need.probe)) {
      put(obstacles, {need.what, place_of(*drop), remedy_of(*drop, need)});
    }
  }
  return obstacles;
}

std::string note_of(const Obstacle& obstacle) {
  const std::string drops = fmt::format("another firewall on this host drops {} ({})", obstacle.what, obstacle.where);
  return obstacle.remedy.empty() ? drops + "; it has to accept them"
                                 : drops + "; this lets them pass: " + obstacle.remedy;
}

} // namespace fan::firewall
