#include "flood.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "support/netns.h"

namespace fan::bench {

Beside::Beside(std::function<void()> what, std::function<void()> first)
    : thread_([this, what = std::move(what), first = std::move(first)] {
        first();
        while (!over_) {
          what();
        }
      }) {}

Beside::~Beside() {
  over_ = true;
  thread_.join();
}

Loud::Loud(int netns_fd) {
  const test::Inside here(netns_fd);
  fd_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  setsockopt(fd_, SOL_SOCKET, SO_BROADCAST, &yes, sizeof yes);
  setsockopt(fd_, SOL_SOCKET, SO_BINDTODEVICE, "eth0", 5);
}

Loud::~Loud() {
  close(fd_);
}

bool Loud::shout() const {
  sockaddr_in everybody{};
  everybody.sin_family = AF_INET;
  everybody.sin_port = htons(9);
  everybody.sin_addr.s_addr = INADDR_BROADCAST;
  return sendto(fd_, "broadcast", 9, 0, reinterpret_cast<const sockaddr*>(&everybody), sizeof everybody) == 9;
}

} // namespace fan::bench
