// The doctor about what the machine has but once: its tables of connections and neighbours, its backlog. Their limits
// are set in its first network namespace only, so this runs in a guest machine, beside no other test
// (tests/kernel/selection), and leaves everything there as it was.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "doctor_host.h"
#include "support/snapshot.h"

namespace fan::test {
namespace {

class DoctorOfLimits : public Diagnosed {
protected:
  [[nodiscard]] const Netns& at() const override { return *machine; }

  void SetUp() override {
    if (!in_first_namespace_of_guest()) {
      GTEST_SKIP() << "no-guest: the limits are a machine's own, and this one's are left alone";
    }
    machine.emplace(Netns::first_of_guest());
    for (Limit& limit : limits) {
      limit.was = machine->sysctl(limit.key);
      ASSERT_NE(limit.was, "") << limit.key;
    }
    must_fanctl({"show"}); // what a first fanctl leaves for the next one is there
    before = snapshot(*machine);
    neighbour.emplace();
    join(*machine, "eth0", *neighbour, "eth0");
    machine->ip({"address add 172.30.0.27/16 dev eth0"});
    up();
  }

  // Also when the test failed, and wherever.
  void TearDown() override {
    if (!machine) {
      return;
    }
    for (const Limit& limit : limits) {
      machine->set_sysctl(limit.key, limit.was);
    }
    must_fanctl({"down", "--force", "-e"});
    neighbour.reset();
    machine->run({"ip", "link", "del", "eth0"});
    std::string left;
    EXPECT_TRUE(eventually([&] {
      left = difference(before, snapshot(*machine));
      return left.empty(); // a process is told to end some time before it is gone
    })) << left;
  }

  // Set to what is in use. Found is that, and after the line that is printed nothing is.
  void expect_limit_cured(const std::string& key, std::size_t used, const std::string& id, const std::string& subject) {
    machine->set_sysctl(key, std::to_string(used));
    const cli::Json finding = only(id, subject);
    EXPECT_EQ(finding["severity"], "warning");
    paste(finding);
    EXPECT_EQ(machine->sysctl(key), std::to_string(used * 4));
    expect_healthy();
  }

  struct Limit {
    const char* key;
    std::string was;
  };

  const char* const connections_at_most = "net/netfilter/nf_conntrack_max";
  const char* const neighbours_at_most = "net/ipv4/neigh/default/gc_thresh3";
  const char* const backlog_at_most = "net/core/netdev_max_backlog";
  std::vector<Limit> limits{{connections_at_most, ""}, {neighbours_at_most, ""}, {backlog_at_most, ""}};
  std::optional<Netns> machine;
  std::optional<Netns> neighbour; // the other end of the underlay
  Snapshot before;
};

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

// TCP connections of this host to itself, which the kernel tracks for as long as they are open.
class Connections {
public:
  explicit Connections(std::size_t count) {
    const int server = add(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(bind(server, any, length), 0);
    EXPECT_EQ(listen(server, static_cast<int>(count)), 0);
    EXPECT_EQ(getsockname(server, any, &length), 0);
    for (std::size_t n = 0; n < count; ++n) {
      const int client = add(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      EXPECT_EQ(connect(client, any, length), 0);
      add(accept(server, nullptr, nullptr));
    }
  }
  ~Connections() {
    for (const int fd : sockets_) {
      close(fd);
    }
  }
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;

private:
  // A reset at the end, so that no connection lingers.
  int add(int fd) {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    EXPECT_GE(fd, 0);
    EXPECT_EQ(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    sockets_.push_back(fd);
    return fd;
  }

  std::vector<int> sockets_;
};

// What the kernel says to the first packet of a connection that it does not know yet: 0, or EPERM where it drops it.
int error_of_new_connection(std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  const bool sent = sendto(fd, "x", 1, 0, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 1;
  const int error = sent ? 0 : errno;
  close(fd);
  return error;
}

TEST_F(DoctorOfLimits, ATableOfConnectionsThatIsNearlyFull) {
  const Connections many(40);
  const std::size_t used = std::stoul("0" + machine->sysctl("net/netfilter/nf_conntrack_count"));
  ASSERT_GE(used, 40U) << "the fan's table has them tracked";
  machine->set_sysctl(connections_at_most, std::to_string(used / 2));
  EXPECT_EQ(error_of_new_connection(9), EPERM) << "the table is what is full";
  expect_limit_cured(connections_at_most, used, "conntrack", "");
  EXPECT_EQ(error_of_new_connection(10), 0);
}

// As ARP leaves them, of addresses in the underlay.
std::vector<std::string> neighbours(int count) {
  std::vector<std::string> lines;
  for (int n = 1; n <= count; ++n) {
    lines.push_back(fmt::format("neighbour add 172.30.1.{} lladdr 02:00:00:00:01:{:02x} dev eth0 nud stale", n, n));
  }
  return lines;
}

TEST_F(DoctorOfLimits, ATableOfNeighboursThatIsNearlyFull) {
  machine->ip(neighbours(60));
  expect_limit_cured(neighbours_at_most, 60, "neighbours", "");
}

// The kernel has one table for all of them.
TEST_F(DoctorOfLimits, NeighboursOfContainersFillTheTableToo) {
  neighbour->ip(neighbours(60));
  expect_limit_cured(neighbours_at_most, 60, "neighbours", "");
}

// Those of registered endpoints, say: the limit is not about them.
TEST_F(DoctorOfLimits, PermanentNeighboursDoNotFillTheTable) {
  std::vector<std::string> lines = neighbours(60);
  for (std::string& line : lines) {
    line.replace(line.find("stale"), 5, "permanent");
  }
  machine->ip(lines);
  machine->set_sysctl(neighbours_at_most, "60");
  expect_healthy();
}

TEST_F(DoctorOfLimits, MorePortsThanTheBacklogHolds) {
  const Container first(*machine, bridge);
  const Container second(*machine, bridge);
  const Container third(*machine, bridge);
  machine->set_sysctl(backlog_at_most, "3");
  expect_healthy();
  machine->set_sysctl(backlog_at_most, "2");
  paste(only("ports", bridge));
  EXPECT_EQ(machine->sysctl(backlog_at_most), "12");
  expect_healthy();
}

} // namespace
} // namespace fan::test
