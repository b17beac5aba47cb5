// Lists that the kernel gives, with something wrong on the way: between the reader and the real kernel stands a relay
// that cuts, marks, loses or adds. What is read is the whole list, perhaps at a second try, or it is an error.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <functional>
#include <set>
#include <thread>

#include <fmt/format.h>

#include "contract/kernel_test.h"
#include "linux/bpf/filters.h"
#include "linux/netlink/addresses.h"
#include "linux/netlink/inspection.h"
#include "linux/netlink/link.h"
#include "linux/netlink/socket.h"

namespace fan::test {
namespace {

using Bytes = std::vector<unsigned char>;

// Where the messages of a datagram begin, and its end.
std::vector<std::size_t> beginnings(const Bytes& datagram) {
  std::vector<std::size_t> places;
  std::size_t at = 0;
  while (at + sizeof(nlmsghdr) <= datagram.size()) {
    places.push_back(at);
    at += NLMSG_ALIGN(reinterpret_cast<const nlmsghdr*>(datagram.data() + at)->nlmsg_len);
  }
  places.push_back(datagram.size());
  return places;
}

nlmsghdr* message_at(Bytes& datagram, std::size_t place) {
  return reinterpret_cast<nlmsghdr*>(datagram.data() + place);
}

// The type of the last message.
bool ends(Bytes& datagram) {
  const std::size_t last = *(beginnings(datagram).end() - 2);
  const auto type = message_at(datagram, last)->nlmsg_type;
  return type == NLMSG_DONE || type == NLMSG_ERROR;
}

Bytes message(std::uint16_t type, std::uint32_t sequence, int number) {
  Bytes datagram(NLMSG_LENGTH(sizeof(nlmsgerr)), 0);
  nlmsghdr* header = message_at(datagram, 0);
  header->nlmsg_len = static_cast<std::uint32_t>(datagram.size());
  header->nlmsg_type = type;
  header->nlmsg_seq = sequence;
  std::memcpy(NLMSG_DATA(header), &number, sizeof number);
  return datagram;
}

// What comes instead of the n-th datagram of an answer.
using Fault = std::function<std::vector<Bytes>(std::size_t n, Bytes datagram)>;

std::vector<Bytes> no_fault(std::size_t /*n*/, Bytes datagram) {
  return {std::move(datagram)};
}

// Takes the place of the kernel behind a netlink socket that somebody has open, and hands its requests to the kernel.
// When the reader takes a new socket, it speaks to the kernel itself.
class Relay {
public:
  Relay(int reader, int protocol, Fault fault)
      : kernel_(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol)), fault_(std::move(fault)) {
    int ends[2] = {-1, -1};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0); // that takes no address, and asks none
    EXPECT_EQ(dup3(ends[0], reader, O_CLOEXEC), reader);
    close(ends[0]);
    near_ = ends[1];
    thread_ = std::thread([this] { run(); });
  }
  ~Relay() {
    shutdown(near_, SHUT_RDWR);
    thread_.join();
    close(near_);
    close(kernel_);
  }
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  [[nodiscard]] std::size_t requests() const { return requests_; }

private:
  void run() {
    Bytes buffer(65536);
    for (;;) {
      const ssize_t asked = recv(near_, buffer.data(), buffer.size(), 0);
      if (asked <= 0) {
        return;
      }
      ++requests_;
      (void)send(kernel_, buffer.data(), static_cast<std::size_t>(asked), 0);
      for (std::size_t n = 0;; ++n) {
        const ssize_t got = recv(kernel_, buffer.data(), buffer.size(), 0);
        Bytes datagram(buffer.begin(), buffer.begin() + std::max<ssize_t>(got, 0));
        const bool last = got <= 0 || ends(datagram);
        for (const Bytes& one : fault_(n, std::move(datagram))) {
          (void)send(near_, one.data(), one.size(), MSG_NOSIGNAL);
        }
        if (last) {
          break;
        }
      }
    }
  }

  int kernel_;
  int near_ = -1;
  Fault fault_;
  std::atomic<std::size_t> requests_{0};
  std::thread thread_;
};

std::set<int> descriptors() {
  std::set<int> numbers;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const int number = std::stoi(entry.path().filename());
    int domain = 0;
    socklen_t length = sizeof domain;
    if (getsockopt(number, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 && domain == AF_NETLINK) {
      numbers.insert(number);
    }
  }
  return numbers;
}

// What was opened since.
int opened_since(const std::set<int>& before) {
  for (const int number : descriptors()) {
    if (before.count(number) == 0) {
      return number;
    }
  }
  ADD_FAILURE() << "no netlink socket was opened";
  return -1;
}

class DumpFault : public KernelTest {
protected:
  static constexpr unsigned many = 400; // addresses: several datagrams

  void SetUp() override {
    std::vector<std::string> lines;
    for (unsigned n = 0; n < many; ++n) {
      lines.push_back(fmt::format("addr add 10.{}.{}.1/32 dev eth0", n / 250, n % 250));
    }
    ip(lines);
  }

  using Addresses = Result<std::vector<AddressFact>>;
  struct Read {
    Addresses addresses;
    std::size_t requests; // that went by the relay: what came after them, the kernel answered itself
  };
  static Read read_addresses(const Fault& fault) {
    const std::set<int> before = descriptors();
    auto socket = netlink::Socket::open();
    EXPECT_TRUE(socket);
    const Relay relay(opened_since(before), NETLINK_ROUTE, fault);
    Addresses addresses = netlink::list_addresses(*socket);
    return {std::move(addresses), relay.requests()};
  }

  static void expect_whole(const Fault& fault, const std::string& what) {
    const Read read = read_addresses(fault);
    ASSERT_TRUE(read.addresses) << what << ": " << read.addresses.error().message;
    EXPECT_EQ(read.addresses->size(), many + 2) << what; // 127.0.0.1 and eth0's own
  }
  static void expect_error(const Fault& fault, int number, const std::string& what) {
    const Read read = read_addresses(fault);
    ASSERT_FALSE(read.addresses) << what << ": " << read.addresses->size() << " addresses";
    EXPECT_EQ(read.addresses.error().sys_errno, number) << what << ": " << read.addresses.error().message;
    EXPECT_EQ(read.requests, 1U) << what;
  }

  // The answer as it is without a fault.
  static std::vector<Bytes> datagrams() {
    std::vector<Bytes> all;
    expect_whole(
        [&all](std::size_t /*n*/, Bytes datagram) {
          all.push_back(datagram);
          return std::vector<Bytes>{std::move(datagram)};
        },
        "undisturbed");
    EXPECT_GE(all.size(), 3U) << "several datagrams";
    return all;
  }
};

TEST_F(DumpFault, NoneIsAWholeList) {
  const Read read = read_addresses(no_fault);
  ASSERT_TRUE(read.addresses) << read.addresses.error().message;
  EXPECT_EQ(read.addresses->size(), many + 2);
  EXPECT_EQ(read.requests, 1U);
}

// Whichever message says so, the last one included.
TEST_F(DumpFault, AListThatSaysItWasInterruptedIsReadAgain) {
  const std::vector<Bytes> all = datagrams();
  for (std::size_t which = 0; which < all.size(); ++which) {
    for (const bool last : {false, true}) {
      const std::string what = fmt::format("{} message of datagram {}", last ? "last" : "first", which);
      bool marked = false;
      expect_whole(
          [&](std::size_t n, Bytes datagram) {
            if (n == which) {
              const std::vector<std::size_t> places = beginnings(datagram);
              message_at(datagram, last ? *(places.end() - 2) : places.front())->nlmsg_flags |= NLM_F_DUMP_INTR;
              marked = true;
            }
            // Something is missing, as it is when a list changed: the second half of what is not the end.
            if (n == 0 && which != 0) {
              const std::vector<std::size_t> places = beginnings(datagram);
              datagram.resize(places[places.size() / 2]);
            }
            return std::vector<Bytes>{std::move(datagram)};
          },
          what);
      EXPECT_TRUE(marked) << what;
    }
  }
}

TEST_F(DumpFault, ADatagramThatEndsWithinAMessageIsAnError) {
  const std::vector<Bytes> all = datagrams();
  for (std::size_t which = 0; which < all.size(); ++which) {
    const std::vector<std::size_t> places = beginnings(all[which]);
    const std::set<std::size_t> whole(places.begin(), places.end());
    for (std::size_t size = 1; size < all[which].size(); size += 1 + all[which].size() / 40) {
      if (whole.count(size) != 0) {
        continue; // a datagram of fewer messages
      }
      expect_error(
          [which, size](std::size_t n, Bytes datagram) {
            datagram.resize(n == which ? size : datagram.size());
            return std::vector<Bytes>{std::move(datagram)};
          },
          EBADMSG, fmt::format("datagram {} cut to {} bytes", which, size));
    }
  }
}

TEST_F(DumpFault, AMessageThatClaimsMoreOrLessThanItHasIsAnError) {
  for (const std::uint32_t length : {0U, 15U, 70000U, 0xffffffffU}) {
    expect_error(
        [length](std::size_t n, Bytes datagram) {
          if (n == 1) {
            message_at(datagram, beginnings(datagram)[1])->nlmsg_len = length;
          }
          return std::vector<Bytes>{std::move(datagram)};
        },
        EBADMSG, fmt::format("length {}", length));
  }
}

TEST_F(DumpFault, ADatagramThatDoesNotFitIsAnError) {
  expect_error(
      [](std::size_t n, Bytes datagram) {
        if (n == 1) { // messages all the same, one after the other
          const Bytes once = datagram;
          while (datagram.size() <= 65536) {
            datagram.insert(datagram.end(), once.begin(), once.end());
          }
        }
        return std::vector<Bytes>{std::move(datagram)};
      },
      EMSGSIZE, "more than the buffer");
}

// The kernel ends a list that it could not go on with by NLMSG_DONE and an errno.
TEST_F(DumpFault, AListThatEndsWithAnErrorIsThatError) {
  const auto instead_of_the_second = [](std::uint16_t type, int number) {
    return [type, number](std::size_t n, Bytes datagram) {
      const std::uint32_t sequence = message_at(datagram, 0)->nlmsg_seq;
      return n == 0 ? std::vector<Bytes>{std::move(datagram)} : std::vector<Bytes>{message(type, sequence, number)};
    };
  };
  expect_error(instead_of_the_second(NLMSG_DONE, -ENOMEM), ENOMEM, "done with ENOMEM");
  expect_error(instead_of_the_second(NLMSG_ERROR, -ENOBUFS), ENOBUFS, "an error");
  expect_error(instead_of_the_second(NLMSG_DONE, 1), EPROTO, "done with what is no errno");
  expect_error(instead_of_the_second(NLMSG_ERROR, 0), EPROTO, "an acknowledgement, which ends no list");
}

TEST_F(DumpFault, TheEndOfTheConversationIsNoEndOfAList) {
  const std::set<int> before = descriptors();
  auto socket = netlink::Socket::open();
  ASSERT_TRUE(socket);
  const int reader = opened_since(before);
  const Relay relay(reader, NETLINK_ROUTE, [reader](std::size_t n, Bytes datagram) {
    if (n == 1) {
      shutdown(reader, SHUT_RD);
    }
    return n == 0 ? std::vector<Bytes>{std::move(datagram)} : std::vector<Bytes>{};
  });
  EXPECT_EQ(error_of(netlink::list_addresses(*socket)).sys_errno, EBADMSG);
}

TEST_F(DumpFault, AnswersToOtherRequestsAreLeftOut) {
  expect_whole(
      [](std::size_t /*n*/, Bytes datagram) {
        Bytes other = datagram;
        for (const std::size_t place : beginnings(datagram)) {
          if (place != datagram.size()) {
            message_at(other, place)->nlmsg_seq += 7;
          }
        }
        return std::vector<Bytes>{other, std::move(datagram), message(NLMSG_DONE, 1, -EIO), std::move(other)};
      },
      "with answers to another request between");
}

// Signals come while a reader waits, without SA_RESTART.
TEST_F(DumpFault, SignalsMeanwhileAreNoEnd) {
  struct sigaction quiet {};
  struct sigaction old {};
  quiet.sa_handler = [](int) {};
  ASSERT_EQ(sigaction(SIGUSR2, &quiet, &old), 0);
  const pthread_t reader = pthread_self();
  expect_whole(
      [reader](std::size_t /*n*/, Bytes datagram) {
        for (int signals = 0; signals < 3; ++signals) {
          pause_for(std::chrono::milliseconds(5));
          pthread_kill(reader, SIGUSR2);
        }
        pause_for(std::chrono::milliseconds(5));
        return std::vector<Bytes>{std::move(datagram)};
      },
      "with signals");
  sigaction(SIGUSR2, &old, nullptr);
}

// The real ENOBUFS: a small buffer, and news that nobody read, in the middle of the list.
TEST_F(DumpFault, ABufferThatOverranIsReadAgain) {
  const std::set<int> before = descriptors();
  auto socket = netlink::Socket::open();
  ASSERT_TRUE(socket);
  const int reader = opened_since(before);
  const int group = RTNLGRP_IPV4_IFADDR;
  const int bytes = 1;
  ASSERT_EQ(setsockopt(reader, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group), 0);
  ASSERT_EQ(setsockopt(reader, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes), 0);
  netlink::Message request(RTM_GETADDR, NLM_F_DUMP);
  ifaddrmsg header{};
  header.ifa_family = AF_INET;
  request.header(header);
  unsigned begun = 0;
  std::size_t read = 0;
  const auto done = socket->dump(request, {[&] {
                                             ++begun;
                                             read = 0;
                                           },
                                           [&](const nlmsghdr& /*one*/) {
                                             if (++read == 1 && begun == 1) {
                                               std::vector<std::string> news;
                                               for (int n = 1; n <= 100; ++n) {
                                                 news.push_back(fmt::format("addr add 11.0.0.{}/32 dev eth0", n));
                                               }
                                               ip(news);
                                             }
                                             return true;
                                           }});
  EXPECT_TRUE(done) << done.error().message;
  EXPECT_EQ(begun, 2U);
  EXPECT_EQ(read, many + 2 + 100);
}

// --- the other two readers

// The filters of a device; there are more than fit into one datagram.
class FilterFault : public KernelTest {
protected:
  static constexpr unsigned many = 200;

  void SetUp() override {
    must({"tc", "qdisc", "add", "dev", "eth0", "clsact"});
    std::string lines;
    for (unsigned n = 1; n <= many; ++n) {
      lines += fmt::format("filter add dev eth0 ingress pref {} protocol ip bpf bytecode '1,6 0 0 4294967295'\n", n);
    }
    RunOptions options;
    options.input = lines;
    netns().must({"tc", "-batch", "-"}, options);
    const auto facts_now = facts();
    ifindex_ = facts_now.link("eth0")->ifindex;
  }

  Result<std::vector<bpf::Filter>> list(const Fault& fault) const {
    const std::set<int> before = descriptors();
    auto filters = bpf::Filters::open();
    EXPECT_TRUE(filters);
    const Relay relay(opened_since(before), NETLINK_ROUTE, fault);
    return filters->list(ifindex_, Direction::ingress);
  }

private:
  std::uint32_t ifindex_ = 0;
};

TEST_F(FilterFault, IsAnErrorOrTheWholeList) {
  std::vector<Bytes> all;
  const auto whole = list([&all](std::size_t /*n*/, Bytes datagram) {
    all.push_back(datagram);
    return std::vector<Bytes>{std::move(datagram)};
  });
  ASSERT_TRUE(whole) << whole.error().message;
  ASSERT_EQ(whole->size(), many);
  ASSERT_GE(all.size(), 3U);
  for (std::size_t which = 0; which < all.size(); ++which) {
    for (std::size_t size = 1; size < all[which].size(); size += 1 + all[which].size() / 20) {
      const std::vector<std::size_t> places = beginnings(all[which]);
      if (std::find(places.begin(), places.end(), size) != places.end()) {
        continue;
      }
      const auto cut = list([which, size](std::size_t n, Bytes datagram) {
        datagram.resize(n == which ? size : datagram.size());
        return std::vector<Bytes>{std::move(datagram)};
      });
      EXPECT_EQ(error_of(cut).sys_errno, EBADMSG) << "datagram " << which << " cut to " << size;
    }
  }
  for (const auto& [type, given, expected] : {std::tuple<std::uint16_t, int, int>{NLMSG_DONE, -ENOMEM, ENOMEM},
                                              {NLMSG_ERROR, -ENOBUFS, ENOBUFS},
                                              {NLMSG_ERROR, 0, EPROTO}}) {
    const std::uint16_t kind = type; // Clang 14 captures no structured bindings
    const int number = given;
    const auto ended = list([kind, number](std::size_t n, Bytes datagram) {
      const std::uint32_t sequence = message_at(datagram, 0)->nlmsg_seq;
      return n == 0 ? std::vector<Bytes>{std::move(datagram)} : std::vector<Bytes>{message(kind, sequence, number)};
    });
    EXPECT_EQ(error_of(ended).sys_errno, expected);
  }
}

TEST_F(FilterFault, AListThatSaysItWasInterruptedIsReadAgain) {
  unsigned answers = 0;
  const auto again = list([&answers](std::size_t n, Bytes datagram) {
    answers += n == 0 ? 1 : 0;
    if (n == 0 && answers == 1) {
      message_at(datagram, 0)->nlmsg_flags |= NLM_F_DUMP_INTR;
      datagram.resize(beginnings(datagram)[1]);
    }
    return std::vector<Bytes>{std::move(datagram)};
  });
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->size(), many);
  EXPECT_EQ(answers, 2U);
}

// sock_diag, by the same reader: that there is one is shown by what it lists.
using SocketDiag = KernelTest;

TEST_F(SocketDiag, ListsUdpSockets) {
  const int one = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_port = htons(4321);
  ASSERT_EQ(bind(one, reinterpret_cast<const sockaddr*>(&any), sizeof any), 0);
  const auto listed = netlink::Inspection::udp_sockets();
  close(one);
  ASSERT_TRUE(listed) << listed.error().message;
  ASSERT_EQ(listed->size(), 1U);
  EXPECT_EQ(listed->front().port, 4321);
}

} // namespace
} // namespace fan::test
