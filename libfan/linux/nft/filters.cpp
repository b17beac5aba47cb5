#include "linux/nft/filters.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>

#include <arpa/inet.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/errors.h"
#include "linux/nft/legacy_reader.h"
#include "linux/nft/ruleset_reader.h"

namespace fan::nft {
namespace {

// /proc/net is the main thread's namespace, which need not be this thread's.
constexpr const char* legacy_names = "/proc/thread-self/net/ip_tables_names";
constexpr const char* bridge_setting = "/proc/sys/net/bridge/bridge-nf-call-iptables";

class RawSocket {
public:
  RawSocket() : fd_(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW)) {}
  ~RawSocket() {
    if (fd_ >= 0) {
      close(fd_);
    }
  }
  RawSocket(const RawSocket&) = delete;
  RawSocket& operator=(const RawSocket&) = delete;
  [[nodiscard]] int fd() const { return fd_; }

private:
  int fd_;
};

Error failed(const std::string& table) {
  Error error =
      make_error(ErrorClass::kernel, "read table " + quoted(table) + " of iptables-legacy: " + strerror(errno));
  error.sys_errno = errno;
  return error;
}

LegacyLayout layout_of(const ipt_getinfo& info) {
  LegacyLayout layout;
  layout.table = std::string(info.name, strnlen(info.name, sizeof info.name));
  layout.valid_hooks = info.valid_hooks;
  std::copy(std::begin(info.hook_entry), std::end(info.hook_entry), layout.first.begin());
  std::copy(std::begin(info.underflow), std::end(info.underflow), layout.policy.begin());
  return layout;
}

// The table may grow between the two questions; then the kernel says EAGAIN, and both are asked again.
Result<firewall::Table> read_table(int fd, const std::string& name) {
  for (int attempt = 0; attempt < 5; ++attempt) {
    ipt_getinfo info{};
    name.copy(info.name, sizeof info.name - 1);
    socklen_t length = sizeof info;
    if (getsockopt(fd, IPPROTO_IP, IPT_SO_GET_INFO, &info, &length) != 0) {
      return failed(name);
    }
    std::vector<std::byte> bytes(sizeof(ipt_get_entries) + info.size);
    ipt_get_entries question{};
    name.copy(question.name, sizeof question.name - 1);
    question.size = info.size;
    std::memcpy(bytes.data(), &question, sizeof question);
    length = static_cast<socklen_t>(bytes.size());
    if (getsockopt(fd, IPPROTO_IP, IPT_SO_GET_ENTRIES, bytes.data(), &length) == 0) {
      const auto entries = std::span<const std::byte>(bytes).subspan(offsetof(ipt_get_entries, entrytable), info.size);
      auto table = read_legacy(layout_of(info), entries);
      return table ? Result(*std::move(table))
                   : make_error(ErrorClass::kernel, "cannot follow table " + quoted(name) + " of iptables-legacy");
    }
    if (errno != EAGAIN) {
      return failed(name);
    }
  }
  errno = EAGAIN;
  return failed(name);
}

Result<void> put_legacy(std::vector<firewall::Table>& tables) {
  std::ifstream names(legacy_names);
  const RawSocket raw;
  for (std::string name; std::getline(names, name);) {
    if (name == "nat") {
      continue; // drops nothing
    }
    auto table = read_table(raw.fd(), name);
    if (!table) {
      return std::move(table).error();
    }
    tables.push_back(std::move(table).value());
  }
  return {};
}

bool frames_pass_here() {
  std::ifstream setting(bridge_setting);
  std::string value;
  return setting >> value && value != "0";
}

} // namespace

Result<firewall::Filters> read_filters(Context& context) {
  Result<std::string> listing = context.run("list ruleset");
  if (!listing) {
    return std::move(listing).error().within("list the ruleset");
  }
  firewall::Filters filters{read_ruleset(*listing), frames_pass_here()};
  if (Result<void> legacy = put_legacy(filters.tables); !legacy) {
    return std::move(legacy).error();
  }
  return filters;
}

} // namespace fan::nft
