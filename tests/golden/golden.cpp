#include "golden.h"

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "core/errors.h"

namespace fan::test {

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << "cannot read " << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void expect_golden(const std::string& name, const std::string& actual) {
  const std::string path = std::string(GOLDEN_DIR) + "/" + name;
  if (std::getenv("FANCTL_WRITE_GOLDEN") != nullptr) {
    std::ofstream(path, std::ios::binary) << actual;
  }
  EXPECT_EQ(read_text(path), actual) << "expected/" << name;
}

Result<void> MemoryWorld::lock(std::chrono::milliseconds) {
  return locked_by_another ? Result<void>(make_error(ErrorClass::busy, "another fanctl is at work (pid 4711)"))
                           : Result<void>();
}

// The rows' bytes are the BPF loader's affair, which is not here; a line that names the change stands for them.
RenderContext MemoryWorld::render_context() const {
  return {[] { return std::vector<std::string>{"# programs and maps: begin"}; },
          [](const std::vector<Change>&) { return std::vector<std::string>{"# programs and maps: end"}; },
          [](const Change& change) { return std::vector<std::string>{"# " + describe(change.object())}; }};
}

Result<std::vector<std::string>> MemoryWorld::container(const std::string& name) {
  if (no_containers) {
    return *no_containers;
  }
  const auto found = containers.find(name);
  return found != containers.end() ? Result(found->second)
                                   : Result<std::vector<std::string>>(
                                         make_error(ErrorClass::not_found, "docker has no container " + quoted(name)));
}

Result<void> MemoryWorld::program(const std::string& name, const std::vector<std::string>& arguments) {
  std::string line = name;
  for (const std::string& argument : arguments) {
    line += " " + argument;
  }
  programs.push_back(line);
  for (const auto& [part, error] : failing_programs) {
    if (line.find(part) != std::string::npos) {
      return error;
    }
  }
  return {};
}

Result<std::optional<std::string>> MemorySource::text(const std::string& path) {
  const auto file = files.find(path);
  return file == files.end() ? std::optional<std::string>() : std::optional(file->second);
}

Result<std::vector<std::string>> MemorySource::names(const std::string& directory) {
  std::set<std::string> found;
  for (const auto& [path, text] : files) {
    if (path.starts_with(directory + "/")) {
      const std::string rest = path.substr(directory.size() + 1);
      found.insert(rest.substr(0, rest.find('/')));
    }
  }
  return std::vector<std::string>(found.begin(), found.end());
}

namespace {

Error no_kernel() {
  return make_error(ErrorClass::kernel, "there is no kernel here");
}

} // namespace

Result<RouteAnswer> NoPacketView::route(const RouteQuestion& /*question*/) {
  return no_kernel();
}

Result<NeighbourAnswer> NoPacketView::neighbour(const std::string& /*device*/, Address /*address*/) {
  return no_kernel();
}

Result<std::string> NoPacketView::port_of(const std::string& /*bridge*/, const Mac& /*mac*/) {
  return no_kernel();
}

Result<ProgramAnswer> NoPacketView::run(const ProgramQuestion& /*question*/) {
  return no_kernel();
}

Ran run(MemoryWorld& world, const std::vector<std::string>& words) {
  cli::Console console;
  const cli::ExitStatus status = cli::run(words, world, console);
  return {static_cast<int>(status), console.out, console.err};
}

} // namespace fan::test
