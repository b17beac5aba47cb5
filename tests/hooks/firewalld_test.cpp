// The real firewalld as somebody else's firewall: it rejects the fan, `up` says so in its words, and what it says
// helps.
#include <gtest/gtest.h>
#include <signal.h>

#include <sstream>

#include "hooked_host.h"
#include "netns/fan_pair.h"

namespace fan::test {
namespace {

class Firewalld : public OverEach {
protected:
  void SetUp() override {
    OverEach::SetUp();
    if (!IsSkipped() && in_guest()) {
      GTEST_SKIP() << "takes-a-minute: each command of firewalld does, in an emulated machine";
    }
  }
};
FAN_OVER_EACH(Firewalld);

Argv in_view(const HookedHost& host, const Argv& argv) {
  Argv inside{"nsenter", "--mount", "--target", std::to_string(host.view_pid()), "--"};
  inside.insert(inside.end(), argv.begin(), argv.end());
  return inside;
}

// firewalld and a message bus of its own, on a host whose /etc and /run are its own.
class Guarded {
public:
  Guarded(Underlay& underlay, const std::string& cidr)
      : of(underlay, cidr, "firewalld"), bus_(in_view(of, {"dbus-daemon", "--nofork", "--nopidfile",
                                                           "--config-file=" HOOKS_SOURCE "/firewalld-bus.conf"}),
                                              RunOptions{.netns = &of.host}) {
    of.host.ip(
        {"link set eth0 up", "addr add " + cidr + " dev eth0", "route add default via " + underlay.gateway().str()});
    EXPECT_TRUE(eventually([&] { return of.has_file("/run/dbus/system_bus_socket"); })) << bus_.output();
  }

  void start() {
    daemon_.emplace(in_view(of, {"firewalld", "--nofork", "--nopid"}), RunOptions{.netns = &of.host});
    EXPECT_TRUE(is_running()) << daemon_->output();
  }
  [[nodiscard]] bool is_running() const {
    return eventually([&] { return of.run({"firewall-cmd", "--state"}).ok(); }, std::chrono::seconds(120));
  }
  // What systemd does when it reloads the unit.
  void hang_up() const { daemon_->signal(SIGHUP); }

  HookedHost of;

private:
  Background bus_;
  std::optional<Background> daemon_;
};

std::vector<Argv> commands_in(const std::string& line) {
  std::istringstream words(line);
  std::vector<Argv> commands(1);
  for (std::string word; words >> word;) {
    if (word == "&&") {
      commands.emplace_back();
    } else {
      commands.back().push_back(word);
    }
  }
  return commands;
}

// The lines that `up` prints as a remedy.
std::vector<std::string> remedies(const HookedHost& host, const std::vector<std::string>& line) {
  const Outcome up = host.run(host.fanctl(line));
  EXPECT_TRUE(up.ok()) << up.err;
  const std::string mark = "this lets them pass: ";
  std::istringstream err(up.err);
  std::vector<std::string> found;
  for (std::string note; std::getline(err, note);) {
    if (const std::size_t at = note.find(mark); at != std::string::npos) {
      found.push_back(note.substr(at + mark.size()));
    }
  }
  return found;
}

TEST_P(Firewalld, ItsRejectIsFoundItsOwnCommandsHelpAndAReloadKeepsTheFan) {
  Underlay underlay;
  Host& b = underlay.host("172.30.0.28/16");
  Guarded a(underlay, "172.30.0.27/16");
  const std::vector<std::string> line{"up", "250.0.0.0/8", "eth0/16", "type", type(), "dhcp"};
  b.fanctl_must(line);
  EXPECT_EQ(remedies(a.of, line), std::vector<std::string>{}) << "there is no other firewall yet";
  Container at_a_(a.of.host, "fan-250-0-27");
  at_a_.address("250.0.27.2/24", *Address::parse("250.0.27.1"));
  Container at_b_(b, "fan-250-0-28");
  at_b_.address("250.0.28.2/24", *Address::parse("250.0.28.1"));
  EXPECT_TRUE(pings(at_b_, at_a));

  a.start();
  EXPECT_FALSE(at_b_.run({"ping", "-n", "-q", "-c", "1", "-W", "1", at_a.str()}).ok()) << "firewalld rejects it";
  std::vector<std::string> told = remedies(a.of, line);
  EXPECT_FALSE(told.empty());
  for (int round = 0; round < 4 && !told.empty(); ++round) {
    for (const std::string& remedy : told) {
      EXPECT_TRUE(remedy.starts_with("firewall-cmd --permanent ")) << remedy;
      for (const Argv& command : commands_in(remedy)) {
        a.of.must(command);
      }
    }
    told = remedies(a.of, line);
  }
  EXPECT_EQ(told, std::vector<std::string>{});
  EXPECT_TRUE(pings(at_b_, at_a));
  EXPECT_TRUE(pings(at_a_, at_b));
  EXPECT_TRUE(pings(at_a_, Underlay::outside())) << "and the world";
  Container client(a.of.host, "fan-250-0-27");
  EXPECT_TRUE(client.dhcp().has_value());

  a.of.must({"firewall-cmd", "--reload"});
  EXPECT_TRUE(pings(at_b_, at_a)) << "after a reload";
  EXPECT_EQ(a.of.run(a.of.fanctl({"show", "--check"})).status, 0);
  a.hang_up();
  EXPECT_TRUE(a.is_running());
  EXPECT_TRUE(eventually([&] { return pings(at_b_, at_a, {}, 1); })) << "after systemctl reload firewalld";
  EXPECT_EQ(remedies(a.of, line), std::vector<std::string>{});
}

} // namespace
} // namespace fan::test
