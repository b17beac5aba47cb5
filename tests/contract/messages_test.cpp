// Messages that no kernel sends, found by the fuzz programs: each reads as nothing, or as less.
#include <cerrno>
#include <cstring>

#include <gtest/gtest.h>
#include <linux/errqueue.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "linux/bpf/filter_messages.h"
#include "linux/netlink/addresses.h"
#include "linux/probe/answers.h"

namespace fan::test {
namespace {

// A message of netlink under construction.
class Built {
public:
  Built(std::uint16_t type, std::uint16_t flags) { append(nlmsghdr{0, type, flags, 1, 0}); }

  template <class Header>
  Built& append(const Header& header) {
    bytes_.append(reinterpret_cast<const char*>(&header), sizeof header);
    return *this;
  }
  Built& add(std::uint16_t type, const std::string& payload) {
    append(nlattr{static_cast<std::uint16_t>(NLA_HDRLEN + payload.size()), type});
    bytes_ += payload;
    bytes_.resize(NLA_ALIGN(bytes_.size()));
    return *this;
  }
  const nlmsghdr& message() {
    auto& header = *reinterpret_cast<nlmsghdr*>(bytes_.data());
    header.nlmsg_len = static_cast<std::uint32_t>(bytes_.size());
    return header;
  }

private:
  std::string bytes_;
};

TEST(Messages, AnAddressHasThirtyTwoBitsAtMost) {
  const std::string ip("\x0a\x00\x00\x01", 4);
  ifaddrmsg header{AF_INET, 32, 0, 0, 3};
  EXPECT_TRUE(netlink::parse_address(Built(RTM_NEWADDR, 0).append(header).add(IFA_LOCAL, ip).message()));
  header.ifa_prefixlen = 33;
  EXPECT_FALSE(netlink::parse_address(Built(RTM_NEWADDR, 0).append(header).add(IFA_LOCAL, ip).message()));
}

// The options of one kind are not read as another's, in whatever order they come.
TEST(Messages, OnlyAFilterOfBpfHasAProgram) {
  const std::string id = std::string("\x08\x00\x0b\x00", 4) + std::string("\x07\x00\x00\x00", 4); // TCA_BPF_ID
  const auto program = [&](std::initializer_list<std::pair<std::uint16_t, std::string>> attributes) {
    Built built(RTM_NEWTFILTER, 0);
    built.append(tcmsg{});
    for (const auto& [type, payload] : attributes) {
      built.add(type, payload);
    }
    return bpf::parse_filter(built.message()).program;
  };
  EXPECT_EQ(program({{TCA_KIND, "bpf"}, {TCA_OPTIONS, id}}), 7U);
  EXPECT_EQ(program({{TCA_OPTIONS, id}, {TCA_KIND, "bpf"}}), 7U);
  EXPECT_EQ(program({{TCA_KIND, "bpf"}, {TCA_OPTIONS, id}, {TCA_KIND, "flower"}}), 0U);
}

TEST(Messages, AnErrorIsOneOfTheKernelsOrNone) {
  const auto number = [](std::uint16_t type, std::int32_t error) {
    return bpf::parse_error(Built(type, 0).append(error).message());
  };
  for (const std::uint16_t type : {NLMSG_ERROR, NLMSG_DONE}) {
    EXPECT_EQ(number(type, 0), 0);
    EXPECT_EQ(number(type, -EEXIST), EEXIST);
    EXPECT_EQ(number(type, 1), EPROTO);
    EXPECT_EQ(number(type, -4096), EPROTO);
    EXPECT_EQ(number(type, INT32_MIN), EPROTO) << "which has no positive";
  }
  EXPECT_EQ(bpf::parse_error(Built(NLMSG_ERROR, 0).message()), EPROTO) << "cut off";
  EXPECT_EQ(bpf::parse_error(Built(NLMSG_DONE, 0).message()), 0) << "as old kernels end a list";
}

TEST(Messages, AQdiscIsToldByAWholeMessage) {
  EXPECT_EQ(bpf::parse_ingress_kind(Built(RTM_NEWQDISC, 0).message(), 0), "");
  tcmsg header{};
  header.tcm_ifindex = 7;
  header.tcm_parent = TC_H_CLSACT;
  EXPECT_EQ(bpf::parse_ingress_kind(Built(RTM_NEWQDISC, 0).append(header).add(TCA_KIND, "clsact").message(), 7),
            "clsact");
}

// The first part of what the kernel says beside a packet is believed by glibc to be as long as it claims.
TEST(Messages, AnErrorOfASocketIsAsLongAsItsRoom) {
  alignas(cmsghdr) char room[CMSG_SPACE(sizeof(sock_extended_err) + sizeof(sockaddr_in))] = {};
  msghdr message{};
  message.msg_control = room;
  message.msg_controllen = sizeof room;
  cmsghdr* part = CMSG_FIRSTHDR(&message);
  part->cmsg_level = IPPROTO_IP;
  part->cmsg_type = IP_RECVERR;
  part->cmsg_len = CMSG_LEN(sizeof(sock_extended_err) + sizeof(sockaddr_in));
  sock_extended_err error{};
  error.ee_origin = SO_EE_ORIGIN_ICMP;
  error.ee_type = 3;
  std::memcpy(CMSG_DATA(part), &error, sizeof error);
  EXPECT_EQ(probe::sent_error_in(message).type, 3);
  message.msg_controllen -= 1 + sizeof room - part->cmsg_len;
  EXPECT_EQ(probe::sent_error_in(message).type, 0) << "a byte is missing";
}

} // namespace
} // namespace fan::test
