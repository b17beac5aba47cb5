#include "hooked_host.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

namespace fan::test {
namespace {

constexpr const char* host_path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

Host& bare(Underlay& underlay, const std::string& cidr) {
  Host& made = underlay.host(cidr);
  made.ip({"addr flush dev eth0", "link set eth0 down"});
  return made;
}

Argv view_of(const std::string& program, bool has_fanctl) {
  Argv argv{"unshare", "--mount", "--propagation", "private", HOOKS_SOURCE "/as-host", HOOKS_ROOTS, program};
  if (has_fanctl) {
    argv.push_back(fanctl_path());
  }
  return argv;
}

std::vector<std::string> lines_of(std::istream& from) {
  std::vector<std::string> lines;
  for (std::string line; std::getline(from, line);) {
    lines.push_back(line);
  }
  return lines;
}

} // namespace

HookedHost::HookedHost(Underlay& underlay, const std::string& cidr, const std::string& program, bool has_fanctl)
    : host(bare(underlay, cidr)), view_(view_of(program, has_fanctl), RunOptions{.netns = &host}) {
  EXPECT_TRUE(view_.wait_for("ready")) << view_.output();
}

std::string HookedHost::in_view(const std::string& path) const {
  return fmt::format("/proc/{}/root{}", view_.pid(), path);
}

void HookedHost::interfaces(const std::string& text) {
  std::ofstream(in_view("/etc/network/interfaces")) << text;
}

Argv HookedHost::in_view_of(const Argv& argv) const {
  Argv inside{"nsenter", "--mount", "--target", std::to_string(view_.pid()), "--"};
  inside.insert(inside.end(), argv.begin(), argv.end());
  return inside;
}

Outcome HookedHost::run(const Argv& argv) const {
  return host.run(in_view_of(argv), RunOptions{.env = {host_path}, .cwd = "/"});
}

std::string HookedHost::must(const Argv& argv) const {
  Outcome outcome = run(argv);
  if (!outcome.ok()) {
    ADD_FAILURE() << describe(argv, outcome);
  }
  return outcome.out;
}

Background HookedHost::background(const Argv& argv) const {
  return {in_view_of(argv), RunOptions{.netns = &host, .env = {host_path}, .cwd = "/"}};
}

Argv HookedHost::fanctl(const std::vector<std::string>& words) {
  Argv argv{fanctl_path()};
  argv.insert(argv.end(), words.begin(), words.end());
  return argv;
}

std::string HookedHost::fanctl_must(const std::vector<std::string>& words) const {
  return must(fanctl(words));
}

std::vector<std::string> HookedHost::fans() const {
  std::istringstream table(fanctl_must({"show"}));
  std::vector<std::string> names;
  for (const std::string& line : lines_of(table)) {
    if (!line.starts_with("Bridge ")) {
      names.push_back(line.substr(0, line.find(' ')));
    }
  }
  return names;
}

std::vector<std::string> HookedHost::calls() {
  const std::string file = in_view("/run/calls");
  std::ifstream noted(file);
  std::vector<std::string> lines = lines_of(noted);
  std::filesystem::resize_file(file, 0);
  return lines;
}

bool HookedHost::has_file(const std::string& path) const {
  return std::filesystem::exists(in_view(path));
}

std::string eth0_stanza(const std::string& cidr, const std::vector<std::string>& lines) {
  std::string text = fmt::format("auto eth0\niface eth0 inet static\n    address {}\n", cidr);
  for (const std::string& line : lines) {
    text += "    " + line + "\n";
  }
  return text;
}

} // namespace fan::test
