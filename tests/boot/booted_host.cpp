#include "booted_host.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>

#include <fmt/format.h>

namespace fan::test {
namespace {

constexpr std::chrono::seconds patience{90}; // for a boot on a machine that is busy

std::string fresh_folder() {
  static int count = 0;
  return fmt::format("{}/machine.{}.{}", BOOT_FOLDER, getpid(), count++);
}

std::string netplan_of(const std::string& cidr, Address gateway) {
  return fmt::format("network:\n  version: 2\n  ethernets:\n    eth0:\n      addresses: [{}]\n      link-local: []\n"
                     "      accept-ra: false\n      routes: [{{to: default, via: {}}}]\n",
                     cidr, gateway.str());
}

std::string name_of_test() {
  const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
  return info == nullptr ? "none" : std::string(info->name());
}

// systemd-nspawn's child, which is process 1 inside; -1 while there is none.
pid_t leader_of(pid_t nspawn) {
  pid_t leader = -1;
  std::ifstream(fmt::format("/proc/{0}/task/{0}/children", nspawn)) >> leader;
  std::string name;
  std::getline(std::ifstream(fmt::format("/proc/{}/comm", leader)), name);
  return name == "systemd" ? leader : -1;
}

} // namespace

BootedHost::BootedHost(Underlay& underlay, std::string cidr)
    : underlay_(underlay), cidr_(std::move(cidr)), folder_(fresh_folder()) {
  attach();
  file("/etc/netplan/10-host.yaml", netplan_of(cidr_, underlay_.gateway()));
}

BootedHost::~BootedHost() {
  if (machine_) {
    keep_transcript();
    machine_.reset(); // its process 1 goes with it, and all that runs under that
  }
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void BootedHost::attach() {
  host_ = &underlay_.host(cidr_);
  host_->ip({"addr flush dev eth0", "link set eth0 down"});
}

void BootedHost::file(const std::string& path, const std::string& text) {
  const std::filesystem::path place = folder_ + "/upper" + path;
  std::filesystem::create_directories(place.parent_path());
  std::ofstream(place) << text;
  std::filesystem::permissions(place, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

void BootedHost::enable(const std::string& unit) {
  const std::filesystem::path wants = folder_ + "/upper/etc/systemd/system/multi-user.target.wants";
  std::filesystem::create_directories(wants);
  std::filesystem::create_symlink("/lib/systemd/system/" + unit, wants / unit);
}

void BootedHost::boot() {
  machine_ = std::make_unique<Background>(
      Argv{"unshare", "--mount", "--propagation", "private", BOOT_SOURCE "/machine", BOOT_FOLDER, folder_},
      RunOptions{.netns = host_});
  ++boots_;
  const bool up = eventually(
      [&] {
        leader_ = leader_of(machine_->pid());
        return !machine_->running() || (leader_ > 0 && run({"systemctl", "list-jobs"}).ok());
      },
      patience);
  ASSERT_TRUE(up && machine_->running()) << machine_->output();
}

std::string BootedHost::booted() {
  std::string state = run({"systemctl", "is-system-running", "--wait"}, patience).out;
  return state.substr(0, state.find('\n'));
}

// On a failure the whole journal is what one wants to read; else it is the record of what happened in which order.
void BootedHost::keep_transcript() {
  const std::string path = fmt::format("{}/transcript.{}.{}", BOOT_FOLDER, name_of_test(), boots_);
  std::ofstream(path) << run({"journalctl", "--boot", "--no-pager", "--output=short-monotonic"}).out;
  std::cout << "transcript of the boot: " << path << "\n";
}

void BootedHost::power_off() {
  if (machine_) {
    keep_transcript();
    (void)run({"systemctl", "--no-block", "poweroff"});
    machine_->wait(std::chrono::seconds(20)); // then it is killed, and process 1 and all its processes with it
    machine_.reset();
    leader_ = -1;
  }
}

void BootedHost::reboot() {
  power_off();
  host_->ip({"link del eth0"});
  attach();
  boot();
}

Outcome BootedHost::run(const Argv& argv, std::chrono::milliseconds timeout) const {
  Argv inside{"nsenter", "--all", "--target", std::to_string(leader_), "--wd=/", "--"};
  inside.insert(inside.end(), argv.begin(), argv.end());
  return fan::test::run(
      inside, RunOptions{.timeout = timeout,
                         .env = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"},
                         .cwd = "/"});
}

std::string BootedHost::must(const Argv& argv) const {
  Outcome outcome = run(argv);
  if (!outcome.ok()) {
    ADD_FAILURE() << describe(argv, outcome);
  }
  return outcome.out;
}

std::string BootedHost::property(const std::string& unit, const std::string& name) const {
  std::string value = must({"systemctl", "show", "--value", "-p", name, unit});
  return value.substr(0, value.find('\n'));
}

bool BootedHost::active(const std::string& unit) const {
  return run({"systemctl", "is-active", "--quiet", unit}).ok();
}

bool BootedHost::has_fan(const std::string& bridge) const {
  const Outcome shown = run({"fanctl", "show", "--check", bridge});
  return shown.ok() && shown.out.find(bridge) != std::string::npos;
}

} // namespace fan::test
