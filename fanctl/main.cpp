// Puts the kernel behind the commands, and writes what they had to say.
#include <cerrno>
#include <cstdio>
#include <exception>
#include <limits>
#include <string_view>
#include <vector>

#include <malloc.h>

#include "fanctl/commands.h"
#include "fanctl/interruption.h"
#include "fanctl/kernel_world.h"
#include "fanctl/output/error_text.h"

namespace {

using namespace fan::cli;

int write_out(const Console& console, ExitStatus status) {
  const fan::Result<void> written = write_all(1, console.out);
  // A reader who has seen enough (`fanctl show | head -1`) needs no explanation.
  const bool silent = written || written.error().sys_errno == EPIPE;
  const std::string complaint = silent ? std::string() : error_text(written.error());
  const fan::Result<void> told = write_all(2, console.err + complaint);
  return static_cast<int>(status == ExitStatus::success && !(written && told) ? ExitStatus::unwritten : status);
}

// Lists of thousands of objects come and go. Memory that was had once is kept: each page that is given back to the
// kernel costs a fault when it is had again, which can take longer than what is done with it.
void keep_memory() {
#ifdef __GLIBC__
  (void)mallopt(M_MMAP_MAX, 0);
  (void)mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
#endif
}

} // namespace

int main(int argc, char** argv) {
  try {
    keep_memory();
    prepare_standard_streams();
    allow_many_files();
    const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
    const std::unique_ptr<World> world = make_kernel_world();
    Console console;
    const std::string_view name = argc > 0 ? argv[0] : "";
    const bool fanatic = name.substr(name.rfind('/') + 1) == "fanatic";
    const ExitStatus status = (fanatic ? run_fanatic : run)(arguments, *world, console);
    const int ended = write_out(console, status);
    end_by_held_signal();
    return ended;
  } catch (const std::exception& unexpected) {
    (void)std::fprintf(stderr, "fanctl: %s\n", unexpected.what());
    return static_cast<int>(ExitStatus::kernel);
  }
}
