// File systems that take nothing: read-only and full ones under everything that fanctl writes. Each command fails with
// the path and the kernel's words, the host and its files are as they were, and with room again all goes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "config_folder.h"
#include "support/snapshot.h"
#include "support/topology.h"

namespace fan::test {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string read_only = "Read-only file system";
const std::string full = "No space left on device";
const std::vector<std::string> up_words{"up", "250.0.0.0/8", "eth0/16", "type", "vxlan", "dhcp"};

// A host whose /run, /etc and /var/lib are file systems of its own, which only this test's programs see. As they hold
// next to nothing, whole and part are told apart by every byte.
class Storage : public testing::Test {
protected:
  Storage() {
    RunOptions in_host;
    in_host.netns = &host_;
    mounts_ = std::make_unique<Background>(
        Argv{"unshare", "--mount", "--propagation", "private", "sh", "-c",
             "mkdir -p /mnt && mount -t tmpfs -o size=256k,nr_inodes=200 storage /mnt && "
             "cp -a /etc/passwd /etc/group /etc/nsswitch.conf /etc/protocols /mnt/ ; "
             "mkdir /mnt/alternatives ; cp -a /etc/alternatives/iptables* /mnt/alternatives/ ; mount --move /mnt /etc "
             "&& "
             "mount -t tmpfs -o size=256k,nr_inodes=200 storage /run && mkdir /run/fanctl && "
             "mount -t tmpfs -o size=256k,nr_inodes=200 storage /var/lib && echo ready && exec sleep infinity"},
        in_host);
    EXPECT_TRUE(mounts_->wait_for("ready")) << mounts_->output();
    folder_.write("fans.yaml", yaml_fan("c", "242.0.0.0/8", ", encapsulation: vxlan"));
  }

  // In the host, with its file systems.
  [[nodiscard]] Outcome inside(const Argv& words) const {
    Argv argv{"nsenter", fmt::format("--mount=/proc/{}/ns/mnt", mounts_->pid()), "--"};
    argv.insert(argv.end(), words.begin(), words.end());
    return host_.run(argv);
  }
  std::string must(const Argv& words) const { // NOLINT(modernize-use-nodiscard)
    const Outcome outcome = inside(words);
    EXPECT_TRUE(outcome.ok()) << describe(words, outcome);
    return outcome.out;
  }
  [[nodiscard]] Outcome fanctl(Argv words) const {
    words.insert(words.begin(), fanctl_path());
    return inside(words);
  }
  void fanctl_must(const Argv& words) const {
    const Outcome outcome = fanctl(words);
    EXPECT_TRUE(outcome.ok()) << describe(words, outcome);
  }

  // Over what is there, as a DHCP server may have a file of it open for writing.
  void make_read_only(const std::string& folder) const {
    must({"mount", "--bind", folder, folder});
    must({"mount", "-o", "remount,bind,ro", folder});
  }
  void make_writable(const std::string& folder) const { must({"umount", folder}); }
  // To the last byte.
  void fill(const std::string& folder) const {
    const Outcome filled = inside({"dd", "if=/dev/zero", "of=" + folder + "/ballast", "bs=512"});
    EXPECT_THAT(filled.err, HasSubstr(full));
  }
  void empty(const std::string& folder) const { must({"sh", "-c", "rm -rf " + folder + "/ballast*"}); }
  // So that just so many files can still be made.
  void leave_inodes(const std::string& folder, unsigned left) const {
    must({"sh", "-c",
          fmt::format("n=0; while true 2>/dev/null >{0}/ballast$n; do n=$((n+1)); done; i=0; "
                      "while [ $i -lt {1} ]; do rm {0}/ballast$i; i=$((i+1)); done",
                      folder, left)});
  }

  // The network, and every file with its owner, mode and text.
  struct State {
    Snapshot network;
    std::string files;
  };
  [[nodiscard]] State state() const {
    return {snapshot(host_),
            must({"sh", "-c",
                  "cd / && find etc run var/lib -not -name 'ballast*' -printf '%p %M %u %g\\n' | sort; "
                  "find etc run var/lib -type f -not -name 'ballast*' | sort | xargs -r sha1sum"})};
  }
  void expect_state(const State& before, const std::string& where) const {
    const State after = state();
    EXPECT_EQ(difference(before.network, after.network), "") << where;
    EXPECT_EQ(before.files, after.files) << where;
  }

  // Fails with the path and the kernel's words, and has done nothing; nor does it say that it has.
  void expect_refused(const Argv& words, const std::string& path, const std::string& kernel_words) const {
    const State before = state();
    const Outcome refused = fanctl(words);
    const std::string where = describe(words, refused);
    EXPECT_EQ(refused.status, 3) << where;
    EXPECT_THAT(refused.err, HasSubstr(path)) << where;
    EXPECT_THAT(refused.err, HasSubstr(kernel_words)) << where;
    EXPECT_EQ(refused.out, "") << where;
    EXPECT_THAT(refused.err, Not(HasSubstr("systemctl restart docker"))) << where;
    expect_state(before, where);
  }

  void expect_life_goes_on() const {
    fanctl_must(up_words);
    fanctl_must({"show", "--check"});
    fanctl_must({"down", "-e"});
  }

  Underlay underlay_{NoForgers()};
  Host& host_ = underlay_.host("172.30.0.27/16");
  std::unique_ptr<Background> mounts_;
  ConfigFolder folder_;

  const std::string enabled_ = "/etc/fanctl/250.0.0.0-8_eth0-16.yaml";
  const Argv enable_{"enable", "-o", "250.0.0.0/8", "-u", "eth0/16", "type", "vxlan"};
  const Argv disable_{"disable", "-o", "250.0.0.0/8", "-u", "eth0/16"};
  const Argv endpoint_{"endpoint", "add", "--port", "port0", "--address", "250.0.27.9", "--mac", "02:00:00:00:00:09"};
};

TEST_F(Storage, WithoutAWritableRunNothingIsChangedAndAllIsShown) {
  const State empty = state();
  make_read_only("/run");
  expect_refused(up_words, "/run/fanctl", read_only);
  expect_refused({"apply", "--dir", folder_.path()}, "/run/fanctl", read_only);
  make_writable("/run");
  fanctl_must(up_words);
  make_read_only("/run");
  const std::vector<Argv> changes{up_words,
                                  {"down", "-e"},
                                  {"up", "241.0.0.0/8", "eth0/16", "type", "vxlan"},
                                  {"apply", "--dir", folder_.path()},
                                  {"try", "--dir", folder_.path()},
                                  enable_,
                                  endpoint_,
                                  {"docker", "enable"},
                                  {"docker", "disable"}};
  for (const Argv& words : changes) {
    expect_refused(words, "/run/fanctl", read_only);
  }
  fanctl_must({"show", "--check"});
  fanctl_must({"up", "241.0.0.0/8", "eth0/16", "type", "vxlan", "--dry-run"});
  make_writable("/run");
  fanctl_must({"down", "-e"});
  expect_state(empty, "in the end");
  expect_life_goes_on();
}

// Whatever is the first thing that finds no room: the lock, the folder of the DHCP server, its leases.
TEST_F(Storage, UpAndApplyOnAFullRunAreUndone) {
  folder_.write("fans.yaml", yaml_fan("c", "242.0.0.0/8", ", encapsulation: vxlan, dhcp: true"));
  const State before = state();
  for (const Argv& words : {up_words, Argv{"apply", "--dir", folder_.path()}}) {
    unsigned left = 0;
    for (; left < 12; ++left) {
      leave_inodes("/run", left);
      const Outcome outcome = fanctl(words);
      empty("/run");
      if (outcome.ok()) {
        break;
      }
      const std::string where = fmt::format("{} left: {}", left, describe(words, outcome));
      EXPECT_TRUE(outcome.status == 3 || outcome.status == 7) << where;
      EXPECT_TRUE(outcome.status == 3 || words.front() == "apply") << where;
      EXPECT_THAT(outcome.err, HasSubstr(full)) << where;
      EXPECT_THAT(outcome.err, HasSubstr("/run/fanctl")) << where;
      expect_state(before, where);
    }
    EXPECT_GE(left, 3U) << "the lock, a folder and the leases were in the way, each once";
    EXPECT_LT(left, 12U);
    fanctl_must({"show", "--check"});
    leave_inodes("/run", 1); // the lock
    fanctl_must({"down", "-e"});
    empty("/run");
    expect_state(before, "in the end");
  }
}

// The lock, then the pipe by which it is confirmed, then what the fan needs. A trial that came to pass is reverted.
TEST_F(Storage, TryOnAFullRunIsUndone) {
  folder_.write("fans.yaml", yaml_fan("c", "242.0.0.0/8", ", encapsulation: vxlan, dhcp: true"));
  const State before = state();
  unsigned left = 0;
  for (int status = 0; status != 12; ++left) {
    ASSERT_LT(left, 12U);
    leave_inodes("/run", left);
    const Outcome outcome = fanctl({"try", "--dir", folder_.path(), "--timeout", "1"});
    empty("/run");
    status = outcome.status;
    const std::string where = fmt::format("{} left: {}", left, describe({}, outcome));
    EXPECT_TRUE(status == 3 || status == 7 || status == 12) << where;
    EXPECT_TRUE(status == 12 || outcome.err.find(full) != std::string::npos) << where;
    EXPECT_TRUE(status == 12 || outcome.err.find("/run/fanctl") != std::string::npos) << where;
    expect_state(before, where);
  }
  EXPECT_GE(left, 4U);
}

// Of what `up` keeps, nothing needs a block: where no byte can be written it works all the same.
TEST_F(Storage, UpAndDownNeedNoBlocks) {
  const State before = state();
  for (const char* folder : {"/run", "/etc", "/var/lib"}) {
    fill(folder);
  }
  expect_life_goes_on();
  expect_state(before, "in the end");
}

TEST_F(Storage, UpDownAndApplyNeedNoWritableEtc) {
  make_read_only("/etc");
  const State before = state();
  expect_life_goes_on();
  fanctl_must({"apply", "--dir", folder_.path()});
  fanctl_must({"down", "-e"});
  expect_state(before, "in the end");
}

TEST_F(Storage, EnableAndDisableWithoutAWritableEtc) {
  make_read_only("/etc");
  expect_refused(enable_, enabled_, read_only);
  folder_.write("legacy", "242.0.0.0/8 eth0/16 type vxlan\n");
  expect_refused({"import", "--write", folder_.file("legacy")}, "/etc/fanctl/imported.yaml", read_only);
  make_writable("/etc");
  fanctl_must(enable_);
  make_read_only("/etc");
  expect_refused(disable_, enabled_, read_only);
  Argv other = enable_;
  other.insert(other.end(), {"mtu", "1400"});
  expect_refused(other, enabled_, read_only);
  make_writable("/etc");
  fanctl_must(disable_);
  EXPECT_EQ(must({"find", "/etc/fanctl", "-type", "f"}), "");
  expect_life_goes_on();
}

TEST_F(Storage, EnableAndDisableOnAFullEtc) {
  fill("/etc");
  expect_refused(enable_, enabled_, full);
  empty("/etc");
  fanctl_must(enable_);
  fill("/etc");
  Argv other = enable_;
  other.insert(other.end(), {"mtu", "1400"});
  expect_refused(other, enabled_, full);
  const State before = state();
  {
    const Container user(static_cast<const Netns&>(host_), "fan-250");
    const Outcome in_use = fanctl(disable_);
    EXPECT_EQ(in_use.status, 11) << in_use.err;
  }
  EXPECT_TRUE(eventually([&] { return state().files == before.files; })) << "its file is back, though no byte is free";
  fanctl_must(disable_); // takes no room
  EXPECT_EQ(must({"find", "/etc/fanctl", "-type", "f"}), "");
  empty("/etc");
  expect_life_goes_on();
}

// Killed when its file was out of sight and the fan up still.
TEST_F(Storage, ADisableThatWasKilledIsFinishedByTheNextOrForgotten) {
  const std::string aside = enabled_ + ".removing";
  fanctl_must(enable_);
  must({"mv", enabled_, aside});
  fanctl_must(disable_);
  EXPECT_EQ(must({"find", "/etc/fanctl", "-type", "f"}), "");
  EXPECT_EQ(must({"ip", "-o", "link", "show", "type", "bridge"}), "");
  fanctl_must(enable_);
  must({"cp", enabled_, aside});
  fanctl_must(enable_);
  EXPECT_EQ(must({"find", "/etc/fanctl", "-type", "f"}), enabled_ + "\n");
  fanctl_must(disable_);
}

// The next command may be run in another folder.
TEST_F(Storage, DockersFileIsRecordedByItsWholePath) {
  fanctl_must({"up", "250.0.0.0/8", "eth0/16", "type", "vxlan"});
  must({"sh", "-ec", "mkdir /run/one /run/two; echo '{\"debug\": true}' >/run/one/d.json"});
  must({"sh", "-ec", "cd /run/one; " + fanctl_path() + " docker enable --file d.json"});
  must({"grep", "-q", "bridge", "/run/one/d.json"});
  must({"sh", "-ec", "cd /run/two; " + fanctl_path() + " docker enable; test ! -e d.json"});
  must({"sh", "-ec", "cd /run/two; " + fanctl_path() + " docker disable"});
  must({"sh", "-c", "! grep bridge /run/one/d.json"});
  must({"sh", "-c", fanctl_path() + " docker enable --file ''; test $? = 2"});
}

TEST_F(Storage, DockerEnableAndDisable) {
  fanctl_must({"up", "250.0.0.0/8", "eth0/16", "type", "vxlan"});
  const std::string record = "/var/lib/fanctl/docker.json";
  const std::string file = "/etc/docker/daemon.json";
  for (const bool had_file : {false, true}) {
    if (had_file) {
      must({"sh", "-c", "mkdir /etc/docker; echo '{\"debug\": true}' >/etc/docker/daemon.json"});
    }
    for (const auto& [folder, path] : {std::pair<std::string, std::string>{"/var/lib", record}, {"/etc", file}}) {
      make_read_only(folder);
      expect_refused({"docker", "enable"}, path, read_only);
      make_writable(folder);
      fill(folder);
      expect_refused({"docker", "enable"}, path, full);
      empty(folder);
    }
    fanctl_must({"docker", "enable"});
    for (const auto& [folder, path] : {std::pair<std::string, std::string>{"/var/lib", record}, {"/etc", file}}) {
      make_read_only(folder);
      expect_refused({"docker", "disable"}, path, read_only);
      expect_refused({"docker", "enable"}, path, read_only);
      make_writable(folder);
    }
    if (had_file) { // else it is only removed
      fill("/etc");
      expect_refused({"docker", "disable"}, file, full);
      empty("/etc");
    }
    fanctl_must({"docker", "disable"});
    EXPECT_EQ(must({"sh", "-c", "cat /etc/docker/daemon.json 2>/dev/null || true"}).find("bridge"), std::string::npos);
  }
  fanctl_must({"down", "-e"});
  expect_life_goes_on();
}

TEST_F(Storage, MetricsKeepTheOldText) {
  fanctl_must({"up", "250.0.0.0/8", "eth0/16", "type", "vxlan"});
  const std::string path = "/var/lib/fan.prom";
  fanctl_must({"metrics", "--file", path});
  make_read_only("/var/lib");
  expect_refused({"metrics", "--file", path}, path, read_only);
  make_writable("/var/lib");
  fill("/var/lib");
  expect_refused({"metrics", "--file", path}, path, full);
  empty("/var/lib");
  fanctl_must({"metrics", "--file", path});
}

// With its output on a disk that is full, a command has done its work and says that it could not tell.
TEST_F(Storage, OutputThatCannotBeWrittenIsSaid) {
  fill("/var/lib");
  const Outcome up = inside({"sh", "-c", fanctl_path() + " up 250 eth0/16 type vxlan -v >/var/lib/said"});
  EXPECT_EQ(up.status, 1) << up.err;
  EXPECT_THAT(up.err, HasSubstr(full));
  fanctl_must({"show", "--check"});
}

} // namespace
} // namespace fan::test
