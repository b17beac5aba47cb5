#include "core/render.h"

#include <algorithm>
#include <span>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/dhcp.h"
#include "core/overloaded.h"
#include "core/ruleset.h"

namespace fan {
namespace {

using Lines = std::vector<std::string>;

std::string quoted_words(const std::vector<std::string>& words) {
  Lines quoted;
  std::transform(words.begin(), words.end(), std::back_inserter(quoted), shell_word);
  return fmt::format("{}", fmt::join(quoted, " "));
}

// ---- devices

Lines create(const Tunnel& o) {
  if (o.encapsulation == Encapsulation::ipip) {
    return {fmt::format("ip link add {} mtu {} group {} type ipip external mode ipip", o.name, o.mtu, link_group)};
  }
  return {fmt::format("ip link add {} address {} mtu {} group {} type vxlan dstport {} external nolearning", o.name,
                      o.mac.str(), o.mtu, link_group, o.port)};
}

Lines change(const Tunnel& from, const Tunnel& to) {
  Lines lines;
  if (from.master != to.master) {
    lines.push_back(fmt::format("ip link set dev {} nomaster", to.name));
  }
  if (from.qdisc != to.qdisc) {
    lines.push_back(fmt::format("tc qdisc del dev {} root", to.name));
  }
  if (from.mtu != to.mtu) {
    lines.push_back(fmt::format("ip link set dev {} mtu {}", to.name, to.mtu));
  }
  if (from.mac != to.mac) {
    lines.push_back(fmt::format("ip link set dev {} address {}", to.name, to.mac.str()));
  }
  return lines;
}

Lines remove(const Tunnel& o) {
  return {"ip link del dev " + o.name};
}

// The MTU is set by a message of its own, to a value that differs from the one at creation: only then the bridge keeps
// it whatever ports come and go (br_device.c: br_change_mtu sets BROPT_MTU_SET_BY_USER, and is not called when nothing
// changes).
Lines create(const Bridge& o) {
  return {
      fmt::format("ip link add {} address {} mtu {} group {} type bridge", o.name, o.mac.str(), o.mtu - 1, link_group),
      fmt::format("ip link set dev {} mtu {} alias {}", o.name, o.mtu, shell_word(o.alias))};
}

Lines change(const Bridge& from, const Bridge& to) {
  Lines lines;
  if (from.mtu != to.mtu) {
    lines.push_back(fmt::format("ip link set dev {} mtu {}", to.name, to.mtu));
  }
  if (from.mac != to.mac) {
    lines.push_back(fmt::format("ip link set dev {} address {}", to.name, to.mac.str()));
  }
  if (from.alias != to.alias) {
    lines.push_back(fmt::format("ip link set dev {} alias {}", to.name, shell_word(to.alias)));
  }
  return lines;
}

Lines remove(const Bridge& o) {
  return {"ip link del dev " + o.name};
}

// ---- firewall

Lines create(const Ruleset& o) {
  return {fmt::format("nft -f - <<'FANCTL'\n{}FANCTL", ruleset_text(o.table))};
}
// The rules anew inside the table that is there: sets and counters stay as they are.
Lines change(const Ruleset& from, const Ruleset& to) {
  const Change change{from, to, {}};
  const auto script = firewall_script(std::span(&change, 1), {}, Replacement::rules_only, to.table);
  return script ? Lines{fmt::format("nft -f - <<'FANCTL'\n{}FANCTL", script->rest)} : Lines{};
}
Lines remove(const Ruleset& o) {
  return {fmt::format("nft delete table {}", table_words(o.table))};
}

std::string element(const SetElement& o) {
  return o.data.empty() ? o.element : o.element + " : " + o.data;
}

Lines create(const SetElement& o) {
  return {fmt::format("nft add element {} {} '{{ {} }}'", table_words(o.table), o.set, element(o))};
}
Lines remove(const SetElement& o) {
  return {fmt::format("nft delete element {} {} '{{ {} }}'", table_words(o.table), o.set, o.element)};
}
Lines change(const SetElement& from, const SetElement& to) {
  return {fmt::format("nft 'delete element {0} {1} {{ {2} }}; add element {0} {1} {{ {3} }}'", table_words(to.table),
                      to.set, from.element, element(to))};
}

// ---- addresses, routes, switches

Lines create(const Sysctl& o) {
  return {fmt::format("sysctl -q -w {}", shell_word(o.key + "=" + o.value))};
}
Lines change(const Sysctl&, const Sysctl& to) {
  return create(to);
}
Lines remove(const Sysctl&) {
  return {};
} // it goes with its device

Lines create(const InterfaceAddress& o) {
  return {fmt::format("ip addr add {}/{} dev {}{}", o.address.str(), o.prefix_length, o.device,
                      o.device == loopback ? " scope host" : "")};
}
Lines change(const InterfaceAddress&, const InterfaceAddress& to) {
  const Prefix network = Prefix::of(to.address, to.prefix_length);
  return {to.connected ? fmt::format("ip route add {} dev {} proto kernel scope link src {}", network.str(), to.device,
                                     to.address.str())
                       : fmt::format("ip route del {} dev {} proto kernel", network.str(), to.device)};
}
Lines remove(const InterfaceAddress& o) {
  return {fmt::format("ip addr del {}/{} dev {}", o.address.str(), o.prefix_length, o.device)};
}

Lines create(const LinkUp& o) {
  return {fmt::format("ip link set dev {} up", o.device)};
}
Lines change(const LinkUp&, const LinkUp& to) {
  return create(to);
}
Lines remove(const LinkUp& o) {
  return {fmt::format("ip link set dev {} down", o.device)};
}

// In this order: with its own response interval a querier that was just switched on would take twelve seconds.
Lines create(const Querier& o) {
  return {fmt::format("ip link set dev {} type bridge mcast_query_response_interval {} mcast_snooping 1", o.bridge,
                      o.response_interval),
          fmt::format("ip link set dev {} type bridge mcast_querier 1", o.bridge)};
}
Lines switch_off(const Querier& o, std::uint32_t interval) {
  return {fmt::format("ip link set dev {} type bridge mcast_querier 0 mcast_query_response_interval {}", o.bridge,
                      interval)};
}
Lines change(const Querier& from, const Querier& to) {
  if (from.on != to.on) {
    return to.on ? create(to) : switch_off(to, to.response_interval);
  }
  return {
      fmt::format("ip link set dev {} type bridge mcast_query_response_interval {}", to.bridge, to.response_interval)};
}
Lines remove(const Querier& o) {
  return switch_off(o, kernel_response_interval);
}

Lines create(const Neighbour& o) {
  const std::string sign = o.protocol == 0 ? "" : fmt::format(" protocol {}", o.protocol);
  return {fmt::format("ip neigh replace {} lladdr {} dev {} nud permanent{}", o.address.str(), o.mac.str(), o.device,
                      sign)};
}
Lines change(const Neighbour&, const Neighbour& to) {
  return create(to);
}
Lines remove(const Neighbour& o) {
  return {fmt::format("ip neigh del {} dev {}", o.address.str(), o.device)};
}

// A static entry stays when the bridge sees its address elsewhere only where it is sticky.
Lines create(const FdbEntry& o) {
  return {o.port.empty() ? fmt::format("bridge fdb replace {} dev {} self permanent", o.mac.str(), o.bridge)
                         : fmt::format("bridge fdb replace {} dev {} master static sticky", o.mac.str(), o.port)};
}
Lines change(const FdbEntry&, const FdbEntry& to) {
  return create(to);
}
Lines remove(const FdbEntry& o) {
  return {o.port.empty() ? fmt::format("bridge fdb del {} dev {} self", o.mac.str(), o.bridge)
                         : fmt::format("bridge fdb del {} dev {} master", o.mac.str(), o.port)};
}

Lines set_flag(const PortFlag& o, bool on) {
  return {fmt::format("ip link set dev {} type bridge_slave {} {}", o.port, word_for(o.flag), on ? "on" : "off")};
}
Lines create(const PortFlag& o) {
  return set_flag(o, !is_on_at_first(o.flag));
}
Lines change(const PortFlag&, const PortFlag& to) {
  return create(to);
}
Lines remove(const PortFlag& o) {
  return set_flag(o, is_on_at_first(o.flag));
}

Lines create(const Route& o) {
  return {fmt::format("ip route replace {} via {} dev {} onlink src {} mtu {} proto {}", o.destination.str(),
                      o.via.str(), o.device, o.source.str(), o.mtu, route_protocol)};
}
Lines flush(const Route& o) {
  return {fmt::format("ip route flush exact {} proto {}", o.destination.str(), route_protocol)};
}
Lines change(const Route& from, const Route& to) {
  Lines lines = from.only ? Lines() : flush(from);
  lines.push_back(create(to).front());
  return lines;
}
Lines remove(const Route& o) {
  if (!o.only) {
    return flush(o);
  }
  return {fmt::format("ip route del {} dev {} proto {}", o.destination.str(), o.device, route_protocol)};
}

// ---- services

Lines create(const DhcpServer& o) {
  if (is_dead(o)) {
    return {};
  }
  Lines lines;
  if (const std::string file = lease_file_of(o); !file.empty()) {
    lines.push_back("mkdir -p " + shell_word(file.substr(0, file.rfind('/'))));
  }
  lines.push_back("/usr/sbin/dnsmasq " + quoted_words(o.argv));
  return lines;
}
// As part of an extended regular expression.
std::string literally(const std::string& text) {
  std::string out;
  for (const char c : text) {
    out += (std::string_view(R"(.+*?^$|\()[]{})").find(c) != std::string_view::npos ? "\\" : "") + std::string(1, c);
  }
  return out;
}

// Anchored at the program's own name: a shell that was given these lines as an argument (sh -c) has in its command line
// both this pattern and, where the server is started anew, that of the server. The next server cannot have the sockets
// of one that is on its way out, which has no command line any more by then: so it is the process that is waited for.
Lines stop(const DhcpServer& o) {
  if (is_dead(o)) {
    return {};
  }
  return {fmt::format("for p in $(pgrep --ns $$ --nslist net -f -- {}); do kill $p; timeout 5 tail -s 0.1 -f --pid=$p "
                      "/dev/null || true; done",
                      shell_word("^([^ ]*/)?dnsmasq .*--interface=" + literally(o.bridge) + "( |$)"))};
}
Lines remove(const DhcpServer& o) {
  Lines lines = stop(o);
  if (const std::string file = lease_file_of(o); !file.empty()) {
    lines.push_back("rm -f " + shell_word(file));
    lines.push_back("rmdir --ignore-fail-on-non-empty " + shell_word(file.substr(0, file.rfind('/'))));
  }
  return lines;
}
Lines change(const DhcpServer& from, const DhcpServer& to) {
  Lines lines = stop(from);
  const Lines created = create(to);
  lines.insert(lines.end(), created.begin(), created.end());
  return lines;
}

template <class T>
Lines lines_of(const Change& c, const T& object) {
  if (!c.before) {
    return create(object);
  }
  return c.after ? change(std::get<T>(*c.before), object) : remove(object);
}

bool is_bpf(const Change& change) {
  const Object& o = change.object();
  return std::holds_alternative<RecordRow>(o) || std::holds_alternative<MappingRow>(o) ||
         std::holds_alternative<SliceRow>(o) || std::holds_alternative<NeverRow>(o) ||
         std::holds_alternative<ShortcutRow>(o) || std::holds_alternative<Classifier>(o);
}

Lines lines_of(const Change& c) {
  return std::visit(Overloaded{[](const RecordRow&) { return Lines{}; }, [](const MappingRow&) { return Lines{}; },
                               [](const SliceRow&) { return Lines{}; }, [](const NeverRow&) { return Lines{}; },
                               [](const ShortcutRow&) { return Lines{}; }, [](const Classifier&) { return Lines{}; },
                               [&](const auto& object) { return lines_of(c, object); }},
                    c.object());
}

void append(Lines& lines, const Lines& more) {
  lines.insert(lines.end(), more.begin(), more.end());
}

} // namespace

std::string shell_word(std::string_view text) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-_./:=,+@%").find(c) != std::string_view::npos;
  };
  if (!text.empty() && std::all_of(text.begin(), text.end(), plain)) {
    return std::string(text);
  }
  std::string quoted = "'";
  for (const char c : text) {
    quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  return quoted + "'";
}

std::string describe(const Object& object) {
  const std::string key = key_of(object);
  return std::visit(
      Overloaded{
          [&](const Tunnel& o) {
            const std::string mac = o.encapsulation == Encapsulation::vxlan ? " address " + o.mac.str() : "";
            return fmt::format("{} type {}{} mtu {} qdisc {}{}", key, name_of(o.encapsulation), mac, o.mtu, o.qdisc,
                               o.master.empty() ? "" : " master " + o.master);
          },
          [&](const Bridge& o) {
            return fmt::format("{} address {} mtu {} alias '{}'", key, o.mac.str(), o.mtu, o.alias);
          },
          [&](const Ruleset& o) { return fmt::format("{} version {}", key, o.version); },
          [&](const SetElement& o) { return o.data.empty() ? key : key + " : " + o.data; },
          [&](const RecordRow& o) { return fmt::format("{} '{}'", key, o.text); },
          [&](const MappingRow& o) {
            return fmt::format("{} underlay {} vni {} send {}", key, o.underlay.str(), o.vni, name_of(o.encapsulation));
          },
          [&](const SliceRow& o) {
            return fmt::format("{} host {} overlay {} underlay {} vni {}{}{} least-ttl {} reserve {} port {}{}{}", key,
                               o.host.str(), o.overlay.str(), o.underlay.str(), o.vni, o.accept_ipip ? " ipip" : "",
                               o.accept_vxlan ? " vxlan" : "", o.least_ttl, o.reserve, o.port,
                               o.strict ? " strict" : "", o.open ? " open" : "");
          },
          [&](const ShortcutRow& o) { return fmt::format("{} bridge {}", key, o.bridge); },
          [&](const Classifier& o) {
            return fmt::format("{} program {} build {}{}", key, o.program, o.build,
                               o.first ? "" : " behind another filter");
          },
          [&](const Sysctl& o) { return fmt::format("{} = {}", key, o.value); },
          [&](const InterfaceAddress& o) { return key + (o.connected ? "" : " without the route to its network"); },
          [&](const Querier& o) {
            return fmt::format("{} response-interval {}{}", key, o.response_interval, o.on ? "" : " off");
          },
          [&](const Neighbour& o) {
            const std::string sign = o.protocol == 0 ? "" : fmt::format(" protocol {}", o.protocol);
            return fmt::format("{} lladdr {}{}", key, o.mac.str(), sign);
          },
          [&](const FdbEntry& o) {
            return key + (o.port.empty() ? " local" : " dev " + o.port + " static" + (o.sticky ? " sticky" : ""));
          },
          [&](const PortFlag& o) { return key + (is_on_at_first(o.flag) ? " off" : " on"); },
          [&](const Route& o) {
            return fmt::format("{} via {} dev {} src {} mtu {}{}{}", key, o.via.str(), o.device, o.source.str(), o.mtu,
                               o.only ? "" : " of another metric, or not alone", o.first ? "" : " behind another's");
          },
          [&](const DhcpServer& o) {
            return is_dead(o) ? fmt::format("{} not running, leases in {}", key, lease_file_of(o))
                              : fmt::format("{} dnsmasq {}", key, fmt::join(o.argv, " "));
          },
          [&](const auto&) { return key; },
      },
      object);
}

Lines command_lines(const std::vector<Change>& plan, const RenderContext& context) {
  return command_lines(std::vector<std::vector<Change>>{plan}, context).front();
}

std::vector<Lines> command_lines(const std::vector<std::vector<Change>>& plans, const RenderContext& context) {
  std::vector<Change> all;
  for (const std::vector<Change>& plan : plans) {
    all.insert(all.end(), plan.begin(), plan.end());
  }
  const auto of_bpf = std::count_if(all.begin(), all.end(), is_bpf);
  std::vector<Lines> lines(plans.size());
  std::ptrdiff_t seen = 0;
  for (std::size_t n = 0; n < plans.size(); ++n) {
    for (const Change& change : plans[n]) {
      if (!is_bpf(change)) {
        append(lines[n], lines_of(change));
        continue;
      }
      append(lines[n], seen == 0 ? context.bpf_begin() : Lines());
      append(lines[n], context.bpf(change));
      append(lines[n], ++seen == of_bpf ? context.bpf_end(all) : Lines());
    }
  }
  return lines;
}

} // namespace fan
