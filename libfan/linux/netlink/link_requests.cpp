#include "linux/netlink/link_requests.h"

#include <cerrno>

#include <fmt/format.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <linux/rtnetlink.h>

#include "linux/netlink/error.h"
#include "linux/netlink/link.h"
#include "linux/netlink/network.h"
#include "linux/netlink/qdisc.h"

namespace fan::netlink {
namespace {

ifinfomsg header_for(std::uint32_t ifindex) {
  ifinfomsg header{};
  header.ifi_index = static_cast<int>(ifindex);
  return header;
}

// Starts the message that creates a device: name, sign and MTU. Link info is added by the caller.
Message create_message(const std::string& name, std::uint32_t mtu) {
  Message message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  message.header(ifinfomsg{}).text(IFLA_IFNAME, name).u32(IFLA_GROUP, link_group).u32(IFLA_MTU, mtu);
  return message;
}

Message bridge_message(const Bridge& bridge, std::uint32_t mtu) {
  Message message = create_message(bridge.name, mtu);
  message.mac(IFLA_ADDRESS, bridge.mac).nest(IFLA_LINKINFO, [](Message& info) {
    info.text(IFLA_INFO_KIND, "bridge").nest(IFLA_INFO_DATA, [](Message& data) { data.u32(IFLA_BR_STP_STATE, 0); });
  });
  return message;
}

Message vxlan_message(const Tunnel& tunnel) {
  Message message = create_message(tunnel.name, tunnel.mtu);
  message.mac(IFLA_ADDRESS, tunnel.mac).nest(IFLA_LINKINFO, [&tunnel](Message& info) {
    info.text(IFLA_INFO_KIND, "vxlan").nest(IFLA_INFO_DATA, [&tunnel](Message& data) {
      data.u8(IFLA_VXLAN_COLLECT_METADATA, 1).u8(IFLA_VXLAN_LEARNING, 0).be16(IFLA_VXLAN_PORT, tunnel.port);
    });
  });
  return message;
}

Message ipip_message(const Tunnel& tunnel) {
  Message message = create_message(tunnel.name, tunnel.mtu);
  message.nest(IFLA_LINKINFO, [](Message& info) {
    info.text(IFLA_INFO_KIND, "ipip").nest(IFLA_INFO_DATA, [](Message& data) {
      data.flag(IFLA_IPTUN_COLLECT_METADATA);
    });
  });
  return message;
}

// A bridge takes the MTU of its smallest port until an MTU is set on it that differs from the one it has: what it is
// created with does not count (br_change_mtu and br_mtu_auto_adjust in net/bridge). So it is created one byte off.
std::uint32_t provisional_mtu(std::uint32_t wanted) {
  return wanted == 1500 ? 1499 : 1500;
}

Message alter_message(const std::string& name) {
  Message message(RTM_NEWLINK, 0);
  message.header(ifinfomsg{}).text(IFLA_IFNAME, name);
  return message;
}

// Only what differs, so that nothing is written that is right already.
Message alter_message(const Bridge& before, const Bridge& after) {
  Message message = alter_message(after.name);
  if (before.mac != after.mac) {
    message.mac(IFLA_ADDRESS, after.mac);
  }
  if (before.mtu != after.mtu) {
    message.u32(IFLA_MTU, after.mtu);
  }
  if (before.alias != after.alias) {
    message.text(IFLA_IFALIAS, after.alias);
  }
  return message;
}

// Refused here, because the kernel would do half of the message before it refuses.
Result<void> check_alias(const std::string& alias) {
  if (alias.size() < IFALIASZ) {
    return {};
  }
  return error_from(EINVAL, "").within(fmt::format("alias of {} bytes, {} at most", alias.size(), IFALIASZ - 1));
}

Error explain_creation(Error error, const std::string& name, const std::string& kind) {
  if (error.sys_errno == EOPNOTSUPP) {
    error.kind = ErrorClass::kernel;
    error.hint = fmt::format(
        "load it with `modprobe {0}`; where that fails install the package with the kernel's further modules "
        "(linux-modules-extra-$(uname -r) on Ubuntu), or use another kernel",
        kind);
    if (kind == "ipip") {
      error.hint += "; or use `--type vxlan` without `--accept ipip`, which needs no ipip, on every host of the fan";
    }
    return std::move(error).within(fmt::format("this kernel has no {0}: module `{0}` is missing", kind));
  }
  if (error.sys_errno == EEXIST && kind == "vxlan") {
    error.hint = fmt::format(
        "a device {} or another external vxlan device on this UDP port is there already: remove it, or use another "
        "`--port` on every host of the fan",
        name);
  } else if (error.sys_errno == EEXIST && kind == "ipip") {
    error.hint = fmt::format(
        "a device {} or another external ipip device is there already, and the kernel allows one in a network "
        "namespace: remove it, or use `--type vxlan` without `--accept ipip` on every host of the fan",
        name);
  } else if (error.sys_errno == EEXIST) {
    error.hint =
        fmt::format("another device is called {}: rename or remove it, or choose another name with `--bridge`", name);
  }
  return error;
}

Result<void> created(Result<void> done, const std::string& name, const std::string& kind) {
  if (done) {
    return done;
  }
  return explain_creation(std::move(done).error(), name, kind).within("create " + kind + " device " + name);
}

Result<void> alter_tunnel(Socket& socket, const Tunnel& before, const Tunnel& after) {
  if (before.mtu == after.mtu && before.mac == after.mac) {
    return {};
  }
  Message message = alter_message(after.name);
  if (before.mac != after.mac) {
    message.mac(IFLA_ADDRESS, after.mac);
  }
  if (before.mtu != after.mtu) {
    message.u32(IFLA_MTU, after.mtu);
  }
  return socket.request(message);
}

// Out of what it was made a port of; and into it again, when that is undone.
Result<void> alter_master(Socket& socket, const Tunnel& before, const Tunnel& after) {
  if (before.master == after.master) {
    return {};
  }
  std::uint32_t master = 0;
  if (!after.master.empty()) {
    const auto link = require_link(socket, after.master);
    if (!link) {
      return link.error();
    }
    master = link->fact.ifindex;
  }
  Message message = alter_message(after.name);
  return socket.request(message.u32(IFLA_MASTER, master));
}

Result<void> alter_qdisc(Socket& socket, const Tunnel& before, const Tunnel& after) {
  return before.qdisc == after.qdisc ? Result<void>() : set_root_qdisc(socket, after.name, after.qdisc);
}

// The device, if it is one that we may touch.
Result<Link> require_ours(Socket& socket, const std::string& name) {
  auto link = require_link(socket, name);
  if (link && !bears_our_sign(link->fact)) {
    Error error = error_from(EEXIST, "");
    error.message = "device " + name + " is not fanctl's: its group or MAC address is not ours";
    error.hint = "nothing was done to it";
    return error;
  }
  return link;
}

} // namespace

Result<void> create_bridge(Socket& socket, const Bridge& bridge) {
  if (auto fits = check_alias(bridge.alias); !fits) {
    return fits;
  }
  const std::uint32_t first_mtu = provisional_mtu(bridge.mtu);
  Message message = bridge_message(bridge, first_mtu);
  if (auto done = created(socket.request(message), bridge.name, "bridge"); !done) {
    return done;
  }
  const Bridge half_made{bridge.name, bridge.mac, first_mtu, ""};
  auto finished = change_bridge(socket, half_made, bridge);
  if (!finished) {
    (void)remove_device(socket, bridge.name); // the first error is the one that matters
  }
  return finished;
}

Result<void> change_bridge(Socket& socket, const Bridge& before, const Bridge& after) {
  if (auto fits = check_alias(after.alias); !fits) {
    return fits;
  }
  if (auto link = require_ours(socket, after.name); !link) {
    return std::move(link).error();
  }
  Message message = alter_message(before, after);
  auto done = socket.request(message);
  if (!done) {
    Message back = alter_message(after, before);
    (void)socket.request(back); // the kernel stops at the first attribute that it refuses
    return std::move(done).error().within("change bridge " + after.name);
  }
  return done;
}

Result<void> create_tunnel(Socket& socket, const Tunnel& tunnel) {
  const bool ipip = tunnel.encapsulation == Encapsulation::ipip;
  Message message = ipip ? ipip_message(tunnel) : vxlan_message(tunnel);
  return created(socket.request(message), tunnel.name, ipip ? "ipip" : "vxlan");
}

Result<void> change_tunnel(Socket& socket, const Tunnel& before, const Tunnel& after) {
  if (before.port != after.port || before.encapsulation != after.encapsulation) {
    return error_from(EBUSY, "").within("device " + after.name + " is a tunnel of another kind or UDP port");
  }
  if (auto link = require_ours(socket, after.name); !link) {
    return std::move(link).error();
  }
  auto done = alter_master(socket, before, after);
  if (done) {
    done = alter_tunnel(socket, before, after);
  }
  if (done) {
    done = alter_qdisc(socket, before, after);
  }
  if (!done) {
    (void)alter_tunnel(socket, after, before);
    return std::move(done).error().within("change tunnel " + after.name);
  }
  return done;
}

Result<void> remove_device(Socket& socket, const std::string& name) {
  auto link = require_ours(socket, name);
  if (!link) {
    return std::move(link).error().within("remove device " + name);
  }
  Message message(RTM_DELLINK, 0);
  message.header(header_for(link->fact.ifindex)); // by number: the name may be another device's by now
  auto done = socket.request(message);
  return done ? std::move(done) : std::move(done).error().within("remove device " + name);
}

Result<void> set_up(Socket& socket, const std::string& name, bool up) {
  const std::string what = fmt::format("bring {} {}", name, up ? "up" : "down");
  auto link = require_link(socket, name);
  if (!link) {
    return std::move(link).error().within(what);
  }
  if (link->fact.up == up) {
    Error error = error_from(EALREADY, "").within(what);
    error.kind = ErrorClass::host_state;
    return error;
  }
  ifinfomsg header = header_for(link->fact.ifindex);
  header.ifi_flags = up ? IFF_UP : 0;
  header.ifi_change = IFF_UP;
  Message message(RTM_NEWLINK, 0);
  auto done = socket.request(message.header(header));
  if (done) {
    return done;
  }
  Error error = std::move(done).error().within(what);
  if (error.sys_errno == EADDRINUSE) {
    error.hint = fmt::format("UDP port {} is in use: stop the program that holds it (`ss -ulnp sport = :{}` names it), "
                             "or use another `--port` "
                             "on every host of the fan",
                             link->fact.port, link->fact.port);
  }
  return error;
}

} // namespace fan::netlink
