#include "linux/netlink/qdisc.h"

#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include "linux/netlink/link.h"

namespace fan::netlink {

Result<void> set_root_qdisc(Socket& socket, const std::string& device, const std::string& kind) {
  const std::string what = "set the root qdisc of " + device + " to " + kind;
  auto link = require_link(socket, device);
  if (!link) {
    return std::move(link).error().within(what);
  }
  const bool remove = kind == "noqueue";
  tcmsg header{};
  header.tcm_ifindex = static_cast<int>(link->fact.ifindex);
  header.tcm_parent = TC_H_ROOT;
  Message message(remove ? RTM_DELQDISC : RTM_NEWQDISC, remove ? 0 : NLM_F_CREATE | NLM_F_REPLACE);
  message.header(header);
  if (!remove) {
    message.text(TCA_KIND, kind);
  }
  auto done = socket.request(message);
  return done ? std::move(done) : std::move(done).error().within(what);
}

} // namespace fan::netlink
