// What is said of ports and broadcasts, as `broadcast` and `show` tell it, and containers by their names.
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>

#include <gtest/gtest.h>

#include "fanctl/docker/container.h"
#include "fanctl/lxc/container.h"
#include "fanctl/output/json.h"
#include "golden.h"
#include "schema.h"

namespace fan::test {
namespace {

constexpr const char* the_bridge = "fan-250-0-28";

void expect_follows_schema(const std::string& definition, const std::string& text) {
  const cli::Json root = cli::Json::parse(read_text(std::string(SOURCE_DIR) + "/docs/schema/fanctl-1.json"));
  const cli::Json document = cli::Json::parse(text);
  EXPECT_EQ(complaints(root, root["$defs"][definition], document, "", true), std::vector<std::string>{}) << text;
  EXPECT_EQ(complaints(root, root, document, "", false), std::vector<std::string>{}) << text;
}

// A fan with three ports, and an endpoint behind each.
class BroadcastTexts : public testing::Test {
protected:
  void SetUp() override {
    must({"up", "250", "eth0"});
    for (int n = 1; n <= 3; ++n) {
      LinkFact port;
      port.ifindex = 100 + static_cast<std::uint32_t>(n);
      port.name = "veth" + std::to_string(n);
      port.kind = "veth";
      port.mac = Mac{{2, 0, 0, 0, 1, static_cast<std::uint8_t>(n)}};
      world.host.base.links.push_back(port);
    }
    const auto facts = world.host.facts();
    for (LinkFact& link : world.host.base.links) {
      link.master = link.kind == "veth" ? facts->link(the_bridge)->ifindex : 0;
    }
    for (const char* n : {"1", "2", "3"}) {
      must({"endpoint", "add", "--port", std::string("veth") + n, "--address", std::string("250.0.28.1") + n, "--mac",
            std::string("02:00:00:00:00:0") + n});
    }
    world.containers = {{"web", {"02:00:00:00:00:02", "02:42:ac:11:00:02"}}, {"quiet", {"02:42:ac:11:00:09"}}};
  }
  std::string must(const std::vector<std::string>& words) {
    const Ran ran = run(world, words);
    EXPECT_EQ(ran.status, 0) << ran.err;
    return ran.out;
  }

  MemoryWorld world;
};

TEST_F(BroadcastTexts, AreToldByShow) {
  must({"endpoint", "add", "--port", "veth3", "--address", "250.0.28.33", "--mac", "02:00:00:00:00:03", "--secure"});
  expect_golden("show-ports.txt", must({"show", "-v"}));
  must({"broadcast", "reset"});
  must({"broadcast", "allow", "250.0.28.11"});
  must({"broadcast", "receive", "veth2", "veth3"});
  expect_golden("show-broadcast.txt", must({"show", "-v"}));
  const std::string json = must({"show", "--json"});
  expect_follows_schema("show", json);
  const cli::Json fan = cli::Json::parse(json)["fans"][0];
  EXPECT_EQ(fan["endpoints"], 4);
  EXPECT_EQ(fan["secured"], cli::Json::parse(R"(["veth3"])"));
  EXPECT_EQ(fan["broadcast"],
            cli::Json::parse(R"({"from": "allowed", "allowed": [{"port": "veth1", "mac": "02:00:00:00:00:01"}],
                                 "to": "receivers", "receivers": ["veth2", "veth3"]})"));
}

TEST_F(BroadcastTexts, AreListedForAllAndForWhoIsNamed) {
  EXPECT_EQ(must({"broadcast", "list"}), "fan-250-0-28: copied from everybody, to everybody\n");
  must({"broadcast", "reset"});
  must({"broadcast", "allow", "web"});
  must({"broadcast", "receive", "veth3"});
  expect_golden("broadcast-list.txt",
                must({"broadcast", "list"}) + must({"broadcast", "list", "web", "veth3", "250.0.28.11"}));
  const std::string json = must({"broadcast", "list", "web", "--json"});
  expect_follows_schema("broadcasts", json);
  expect_golden("broadcast-list.json", json);
  expect_follows_schema("broadcasts", must({"broadcast", "list", "--json"}));
  must({"broadcast", "disallow", "web"});
  EXPECT_EQ(must({"broadcast", "list"}), "fan-250-0-28: copied only from nobody, only to veth3\n");
}

TEST_F(BroadcastTexts, EndpointsAreListedWithTheNetworksThatTheirPortsMaySendFrom) {
  must({"endpoint", "add", "--port", "veth3", "--address", "250.0.28.33", "--mac", "02:00:00:00:00:03", "--secure",
        "--allow", "10.1.0.0/16", "--allow", "2001:db8:3::/64", "--allow", "fd00::1"});
  expect_golden("endpoint-list.txt", must({"endpoint", "list"}));
  const std::string json = must({"endpoint", "list", "--json"});
  expect_golden("endpoint-list.json", json);
  expect_follows_schema("endpoints", json);
}

// What changes something prints the same kind of document as `up` does.
TEST_F(BroadcastTexts, ChangesAreToldAsDocumentsOfTheSchema) {
  const std::string file = testing::TempDir() + "fan-endpoints-" + std::to_string(getpid());
  std::ofstream(file) << R"({"port": "veth1", "address": "250.0.28.11", "mac": "02:00:00:00:00:01"})"
                      << "\n";
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"endpoint", "add", "--port", "veth3", "--address", "250.0.28.14", "--mac", "02:00:00:00:00:04"},
           {"endpoint", "del", "--address", "250.0.28.14"},
           {"endpoint", "apply", file},
           {"broadcast", "reset", "--force"},
           {"broadcast", "allow", "veth1"},
           {"broadcast", "receive", "veth1"},
           {"broadcast", "disallow", "veth1"},
           {"broadcast", "off"}}) {
    std::vector<std::string> dry = words;
    dry.insert(dry.end(), {"--json", "--dry-run"});
    expect_follows_schema("report", must(dry));
    std::vector<std::string> real = words;
    real.emplace_back("--json");
    const std::string json = must(real);
    expect_follows_schema("report", json);
    EXPECT_EQ(cli::Json::parse(json)["command"], words.front());
  }
  std::remove(file.c_str());
}

// A port whose driver has no such flag: the command says which, and the host is as it was.
TEST_F(BroadcastTexts, SayWhichFlagAPortDoesNotTakeAndChangeNothing) {
  must({"endpoint", "del", "--port", "veth3"});
  for (const int number : {EOPNOTSUPP, EINVAL}) {
    world.host.fail = [&](std::span<const Change> changes) -> std::optional<Error> {
      for (const Change& change : changes) {
        if (std::holds_alternative<PortFlag>(change.object()) && change.because != "undo") {
          Error error = make_error(ErrorClass::kernel, "bridge flag is not supported");
          error.sys_errno = number;
          error.kernel_text = error.message;
          return error;
        }
      }
      return std::nullopt;
    };
    const auto state = [&] {
      std::map<std::string, Object> objects;
      for (const auto& [key, observed] : world.host.objects) {
        objects.emplace(key, observed.object);
      }
      return objects;
    };
    const auto before = state();
    for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
             {"endpoint", "add", "--port", "veth3", "--address", "250.0.28.14", "--mac", "02:00:00:00:00:04"},
             {"broadcast", "receive", "veth1"}}) {
      const Ran ran = run(world, words);
      EXPECT_EQ(ran.status, 5) << ran.err;
      EXPECT_NE(ran.err.find("bridge flag is not supported"), std::string::npos) << ran.err;
      EXPECT_EQ(ran.err.find("undo failed"), std::string::npos) << ran.err;
      EXPECT_TRUE(state() == before) << words.front();
    }
  }
}

TEST_F(BroadcastTexts, EndpointsThatAreListedArePutBack) {
  must({"endpoint", "add", "--port", "veth3", "--address", "250.0.28.33", "--mac", "02:00:00:00:00:03", "--secure",
        "--allow", "10.1.0.0/16"});
  const std::string listed = must({"endpoint", "list", "--json"});
  char name[] = "/tmp/fan-endpoints-XXXXXX";
  const int file = mkstemp(name);
  ASSERT_GE(file, 0);
  const cli::Json document = cli::Json::parse(listed);
  for (const cli::Json& one : document["endpoints"]) {
    const std::string line = one.dump() + "\n"; // as jq -c '.endpoints[]' writes it
    EXPECT_EQ(write(file, line.data(), line.size()), static_cast<ssize_t>(line.size()));
  }
  close(file);
  EXPECT_EQ(must({"endpoint", "apply", name, "--dry-run"}), "");
  must({"endpoint", "del", "--address", "250.0.28.33"});
  must({"endpoint", "del", "--port", "veth1"});
  must({"endpoint", "apply", name});
  EXPECT_EQ(must({"endpoint", "list", "--json"}), listed);
  unlink(name);
}

TEST_F(BroadcastTexts, HintAtLinesThatWork) {
  const Ran open = run(world, {"broadcast", "allow", "veth1"});
  EXPECT_EQ(open.status, 3);
  EXPECT_NE(open.err.find("`fanctl broadcast reset --fan fan-250-0-28` lets nobody"), std::string::npos) << open.err;
  must({"broadcast", "reset", "--fan", the_bridge});
  must({"up", "251", "eth0"});
  const Ran which = run(world, {"broadcast", "allow", "veth1"});
  EXPECT_EQ(which.status, 3);
  EXPECT_NE(which.err.find("name its bridge with --fan"), std::string::npos) << which.err;
  must({"broadcast", "allow", "veth1", "--fan", the_bridge});
}

TEST_F(BroadcastTexts, SayWhyAContainerIsNotFound) {
  must({"broadcast", "reset"});
  const Ran unknown = run(world, {"broadcast", "allow", "nosuch"});
  EXPECT_EQ(unknown.status, 10);
  const Ran unheard = run(world, {"broadcast", "allow", "quiet"});
  EXPECT_EQ(unheard.status, 10);
  // What is no name is not asked for.
  world.no_containers =
      make_error(ErrorClass::host_state, "docker is not running: connect to /run/docker.sock: Connection refused",
                 "start it, or name the port, MAC address or address instead");
  const Ran address = run(world, {"broadcast", "allow", "250.0.28.99"});
  EXPECT_EQ(address.err.find("docker"), std::string::npos) << address.err;
  const Ran down = run(world, {"broadcast", "allow", "web"});
  EXPECT_NE(down.status, 0);
  EXPECT_EQ(must({"broadcast", "list"}), "fan-250-0-28: copied only from nobody, to everybody\n");
  expect_golden("broadcast-errors.txt",
                unknown.err + unheard.err + address.err + down.err + run(world, {"broadcast", "list", "web"}).err);
}

// As Docker 20.10 and 27 answer, but for keys that do not matter.
TEST(Container, OfDockerIsKnownByTheMacAddressesOfItsNetworks) {
  const std::string head = "HTTP/1.0 200 OK\r\nApi-Version: 1.41\r\nContent-Type: application/json\r\n\r\n";
  const auto macs = [](const std::string& answer) { return cli::docker::macs_in(answer, "web"); };
  const auto two =
      macs(head + R"({"Id":"f","State":{"Status":"running","Running":true},"NetworkSettings":{"MacAddress":"",
      "Networks":{"bridge":{"MacAddress":"02:42:ac:11:00:02"},"none":{"MacAddress":""},"other":{"MacAddress":"02:42:0a:00:00:02"}}}})");
  ASSERT_TRUE(two) << two.error().message;
  EXPECT_EQ(*two, (std::vector<std::string>{"02:42:ac:11:00:02", "02:42:0a:00:00:02"}));
  struct Bad {
    std::string answer;
    ErrorClass kind;
    const char* says;
  };
  for (const Bad& bad : std::vector<Bad>{
           {"HTTP/1.0 404 Not Found\r\n\r\n{\"message\":\"No such container: web\"}", ErrorClass::not_found,
            "no container"},
           {"HTTP/1.0 500 Internal Server Error\r\n\r\n{}", ErrorClass::host_state, "status 500"},
           {head + R"({"State":{"Running":false}})", ErrorClass::host_state, "not running"},
           {head + R"({"State":{"Running":true},"NetworkSettings":{"Networks":{}}})", ErrorClass::host_state,
            "no network"},
           {head + R"({"State":{"Running":true},"NetworkSettings":[{"Networks":7}]})", ErrorClass::host_state,
            "no network"},
           {head + R"({"State":[true]})", ErrorClass::host_state, "not running"},
           {head + "[]", ErrorClass::host_state, "followed"},
           {head + "{", ErrorClass::host_state, "followed"},
           {"", ErrorClass::host_state, "followed"},
           {"SSH-2.0-OpenSSH\r\n", ErrorClass::host_state, "followed"},
       }) {
    const auto wrong = macs(bad.answer);
    ASSERT_FALSE(wrong) << bad.answer;
    EXPECT_EQ(wrong.error().kind, bad.kind) << bad.answer;
    EXPECT_NE(wrong.error().message.find(bad.says), std::string::npos) << wrong.error().message;
  }
  for (const char* name : {"web", "a", "my_app.1-x", "0f3"}) {
    EXPECT_TRUE(cli::docker::may_be_a_container(name)) << name;
  }
  for (const char* name : {"", "-v", "_x", "a b", "../x", "a/json?x", "web\r\nX: y"}) {
    EXPECT_FALSE(cli::docker::may_be_a_container(name)) << name;
  }
}

// As lxc-info 5.0 prints it.
TEST(Container, OfLxcIsKnownByItsPorts) {
  const auto ports =
      cli::lxc::ports_in("Name:           c1\nState:          RUNNING\nPID:            4711\n"
                         "IP:             250.0.28.9\nLink:           veth1001_aBcD\n TX bytes:      1.2 KiB\n"
                         " RX bytes:      2.3 KiB\n Total bytes:   3.5 KiB\nLink:           vethX\n",
                         "c1");
  ASSERT_TRUE(ports) << ports.error().message;
  EXPECT_EQ(*ports, (std::vector<std::string>{"veth1001_aBcD", "vethX"}));
  for (const char* text : {"Name:           c1\nState:          STOPPED\n", "", "State:\n", "State: RUNNING"}) {
    EXPECT_FALSE(cli::lxc::ports_in(text, "c1")) << text;
  }
}

} // namespace
} // namespace fan::test
