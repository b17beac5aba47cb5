#include "support/remove_device.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <gtest/gtest.h>

#include "support/netns.h"

namespace fan::test {
namespace {

constexpr timeval patience{10, 0};

struct Request {
  nlmsghdr header{sizeof(Request), RTM_DELLINK, NLM_F_REQUEST | NLM_F_ACK, 1, 0};
  ifinfomsg link{};
};

struct Answer {
  nlmsghdr header;
  nlmsgerr error;
};

// The kernel's errno; 0 when it is done.
int answer_to(int fd, const Request& request) {
  if (send(fd, &request, sizeof request, 0) < 0) {
    return errno;
  }
  Answer answer{};
  return recv(fd, &answer, sizeof answer, 0) < 0 ? errno : -answer.error.error;
}

} // namespace

void remove_device(int netns_fd, const std::string& device) {
  const Inside here(netns_fd);
  Request request;
  request.link.ifi_index = static_cast<int>(if_nametoindex(device.c_str()));
  if (request.link.ifi_index == 0) {
    return;
  }
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  const int error = answer_to(fd, request);
  close(fd);
  if (error != 0 && error != ENODEV) {
    ADD_FAILURE() << "cannot remove " << device << ": " << strerror(error);
  }
}

} // namespace fan::test
