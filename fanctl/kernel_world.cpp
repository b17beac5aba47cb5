#include "fanctl/kernel_world.h"

#include <optional>
#include <string>

#include <fmt/format.h>
#include <sys/stat.h>

#include "engine/lock.h"
#include "fanctl/privilege.h"
#include "linux/kernel_provider.h"

namespace fan::cli {

namespace {

constexpr const char* lock_directory = "/run/fanctl";

// One lock per network namespace, as that is what fanctl works on; its inode number names it.
std::string lock_name() {
  struct stat facts {};
  return stat("/proc/self/ns/net", &facts) == 0 ? fmt::format("netns-{}.lock", facts.st_ino) : "netns.lock";
}

class KernelWorld : public World {
public:
  Result<Provider*> provider() override;
  Result<void> may_change() override { return judge_privilege(read_process_facts()); }
  Result<void> lock(std::chrono::milliseconds wait) override;
  Result<std::vector<TrafficCount>> counters() override;
  Result<std::vector<RefusedPeer>> refused() override;
  [[nodiscard]] RenderContext render_context() const override;

private:
  std::unique_ptr<KernelProvider> provider_;
  std::optional<Lock> lock_;
};

} // namespace

std::unique_ptr<World> make_kernel_world() {
  return std::make_unique<KernelWorld>();
}

} // namespace fan::cli
