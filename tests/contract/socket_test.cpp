// Reading long lists while they change.
#include <cerrno>

#include <fmt/format.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "contract/kernel_test.h"
#include "linux/netlink/addresses.h"
#include "linux/netlink/socket.h"

namespace fan::test {
namespace {

using netlink::DumpReader;
using netlink::Message;
using netlink::Socket;

class Dump : public KernelTest {
protected:
  static constexpr unsigned many = 1500; // addresses: several times what one answer of the kernel holds

  void SetUp() override {
    std::vector<std::string> lines;
    for (unsigned n = 0; n < many; ++n) {
      lines.push_back(fmt::format("addr add 10.{}.{}.1/32 dev eth0", n / 250, n % 250));
    }
    ip(lines);
  }

  static Message addresses() {
    Message message(RTM_GETADDR, NLM_F_DUMP);
    ifaddrmsg header{};
    header.ifa_family = AF_INET;
    message.header(header);
    return message;
  }

  void change_the_list() {
    const InterfaceAddress extra{"eth0", Address(0x0b000000U + ++changes_), 32};
    ASSERT_TRUE(create(extra));
  }

private:
  std::uint32_t changes_ = 0;
};

TEST_F(Dump, ThatIsInterruptedIsReadAgain) {
  auto socket = Socket::open();
  ASSERT_TRUE(socket);
  unsigned begun = 0;
  unsigned read = 0;
  auto message = addresses();
  const auto done = socket->dump(message, {[&] {
                                             ++begun;
                                             read = 0;
                                           },
                                           [&](const nlmsghdr&) {
                                             if (++read == 1 && begun == 1) {
                                               change_the_list();
                                             }
                                             return true;
                                           }});
  EXPECT_TRUE(done) << done.error().message;
  EXPECT_EQ(begun, 2U);
  EXPECT_EQ(read, many + 3); // 127.0.0.1, eth0's own, and the one that came between
}

TEST_F(Dump, ThatIsAlwaysInterruptedIsGivenUp) {
  auto socket = Socket::open();
  ASSERT_TRUE(socket);
  int begun = 0;
  bool fresh = false;
  auto message = addresses();
  const auto done = socket->dump(message, {[&] {
                                             ++begun;
                                             fresh = true;
                                           },
                                           [&](const nlmsghdr&) {
                                             if (fresh) {
                                               change_the_list();
                                             }
                                             fresh = false;
                                             return true;
                                           }});
  EXPECT_EQ(error_of(done).sys_errno, EINTR);
  EXPECT_EQ(begun, Socket::dump_attempts);
}

TEST_F(Dump, ThatIsEndedEarlyLeavesTheSocketUsable) {
  auto socket = Socket::open();
  ASSERT_TRUE(socket);
  for (int round = 0; round < 3; ++round) {
    unsigned read = 0;
    auto message = addresses();
    EXPECT_TRUE(socket->dump(message, {[] {}, [&read](const nlmsghdr&) { return ++read < 2; }}));
    EXPECT_EQ(read, 2U);
  }
  const auto all = netlink::list_addresses(*socket);
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_EQ(all->size(), many + 2);
}

} // namespace
} // namespace fan::test
