#include "docker_host.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include <nlohmann/json.hpp>

namespace fan::test {
namespace {

constexpr const char* socket_url = "unix:///run/docker.sock";
const std::chrono::seconds patience{in_guest() ? 120 : 30};

} // namespace

DockerHost::DockerHost(Underlay& underlay, const std::string& cidr, const std::string& programs)
    : HookedHost(underlay, cidr, programs + " docker") {}

void DockerHost::daemon_json(const std::string& text) {
  std::filesystem::create_directories(in_view("/etc/docker"));
  std::ofstream(in_view("/etc/docker/daemon.json")) << text;
}

std::string DockerHost::daemon_json() const {
  std::ifstream file(in_view("/etc/docker/daemon.json"));
  return {std::istreambuf_iterator<char>(file), {}};
}

// In a PID namespace of its own, so that its shims and containers end with it.
void DockerHost::start(const std::vector<std::string>& options) {
  dockerd_.reset();
  Argv argv = in_view_of({"unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "dockerd", "--data-root",
                          "/run/docker-data", "--exec-root", "/run/docker", "--pidfile", "/run/docker.pid", "--host",
                          socket_url, "--exec-opt", "native.cgroupdriver=cgroupfs"});
  argv.insert(argv.end(), options.begin(), options.end());
  must({"rm", "-f", "/run/docker.pid", "/run/docker.sock"});
  dockerd_ = std::make_unique<Background>(argv, RunOptions{.netns = &host, .cwd = "/"});
  ASSERT_TRUE(eventually([&] { return docker({"version"}).ok(); }, patience)) << log();
  if (docker({"image", "inspect", "box:1"}).ok()) {
    return;
  }
  docker_must({"import", HOOKS_ROOTS "/image.tar", "box:1"});
}

Outcome DockerHost::docker(const std::vector<std::string>& words) const {
  Argv argv{"docker", "-H", socket_url};
  argv.insert(argv.end(), words.begin(), words.end());
  return run(argv);
}

std::string DockerHost::docker_must(const std::vector<std::string>& words) const {
  const Outcome outcome = docker(words);
  EXPECT_TRUE(outcome.ok()) << describe(words, outcome) << log();
  return outcome.out;
}

std::string DockerHost::container(const std::string& name) {
  docker_must({"run", "--detach", "--name", name, "--restart", "always", "box:1", "/bin/sleep", "100000"});
  std::string address =
      docker_must({"inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", name});
  return address.substr(0, address.find('\n'));
}

Outcome DockerHost::in(const std::string& name, const std::vector<std::string>& words) const {
  std::vector<std::string> all{"exec", name};
  all.insert(all.end(), words.begin(), words.end());
  return docker(all);
}

std::string DockerHost::log() const {
  const std::string whole = dockerd_ ? dockerd_->output() : "";
  return whole.substr(whole.size() - std::min<std::size_t>(whole.size(), 3000));
}

} // namespace fan::test
