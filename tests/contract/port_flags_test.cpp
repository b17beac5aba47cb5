// Flags of ports that a kernel, or a port, does not take: what is said, and that what was done with it is taken back.
#include <cerrno>

#include <gmock/gmock.h>

#include "contract/kernel_test.h"
#include "linux/netlink/link.h"
#include "linux/netlink/port_changes.h"

namespace fan::test {
namespace {

using netlink::Link;
using netlink::Look;
using netlink::Socket;
using testing::HasSubstr;
using testing::Not;

class PortFlags : public KernelTest {
protected:
  void SetUp() override {
    ip({"link add br0 type bridge", "addr add 250.0.28.1/24 dev br0", "link set br0 up",
        "link add p1 type veth peer name q1", "link set p1 master br0 up", "link set q1 up"});
    auto opened = Socket::open();
    ASSERT_TRUE(opened);
    socket_.emplace(std::move(*opened));
  }

  std::vector<Link> links() {
    auto all = netlink::list_links(*socket_);
    EXPECT_TRUE(all);
    return all ? *all : std::vector<Link>();
  }

  // A neighbour and then the flag, as an endpoint is registered, with what was seen of devices.
  Error refusal(PortFlagName flag, std::vector<Link> seen) {
    const std::vector<Change> changes{
        {std::nullopt, Neighbour{"br0", endpoint_, Mac{{2, 0, 0, 0, 0, 2}}, endpoint_protocol}, "test"},
        {std::nullopt, PortFlag{"p1", flag}, "test"}};
    Look look(std::move(seen));
    return error_of(netlink::change_ports(*socket_, look, changes));
  }
  std::string neighbours() { return must({"ip", "neigh", "show", "dev", "br0"}); }

  const Address endpoint_{0xfa001c02U};
  std::optional<Socket> socket_;
};

// As one before 3.18, or built without it, would list its ports.
TEST_F(PortFlags, ThatTheKernelDoesNotHaveAreNamedBeforeAnythingIsDone) {
  for (const auto& [flag, word, way_out] : {std::tuple(PortFlagName::proxy_arp_wifi, "proxy_arp_wifi", "--routed"),
                                            std::tuple(PortFlagName::bcast_flood, "bcast_flood", "receive all"),
                                            std::tuple(PortFlagName::learning, "learning", "do not secure")}) {
    std::vector<Link> seen = links();
    for (Link& link : seen) {
      link.port = link.port ? std::optional(netlink::PortFlags{}) : std::nullopt;
    }
    const Error error = refusal(flag, std::move(seen));
    EXPECT_EQ(error.sys_errno, EOPNOTSUPP);
    EXPECT_EQ(error.kind, ErrorClass::kernel);
    EXPECT_THAT(error.message, HasSubstr(std::string("this kernel's bridges have no flag ") + word + " (EOPNOTSUPP)"));
    EXPECT_THAT(error.message, HasSubstr("p1"));
    EXPECT_THAT(error.hint, HasSubstr(way_out));
    EXPECT_EQ(neighbours(), "");
  }
}

// The port leaves after it was looked at, and the kernel itself refuses what comes last of a batch.
TEST_F(PortFlags, ThatTheKernelRefusesTakeBackWhatWasDoneWithThem) {
  const std::vector<Link> seen = links();
  ip({"link set p1 nomaster"});
  const Error error = refusal(PortFlagName::proxy_arp_wifi, seen);
  EXPECT_EQ(error.sys_errno, EOPNOTSUPP);
  EXPECT_EQ(error.kind, ErrorClass::kernel) << "and not partial";
  EXPECT_THAT(error.message, HasSubstr("p1"));
  EXPECT_THAT(error.message, HasSubstr("(EOPNOTSUPP)"));
  EXPECT_THAT(error.hint, HasSubstr("--routed"));
  EXPECT_THAT(neighbours(), Not(HasSubstr("250.0.28.2")));
}

} // namespace
} // namespace fan::test
