// What the commands print, as text and as JSON, over a host in memory; and the JSON against its schema.
#include <cstdio>
#include <fstream>

#include <gtest/gtest.h>

#include "golden.h"
#include "schema.h"

namespace fan::test {
namespace {

cli::Json schema() {
  return cli::Json::parse(read_text(std::string(SOURCE_DIR) + "/docs/schema/fanctl-1.json"));
}

// `definition`: the kind of document it must be.
void expect_document(const std::string& definition, const std::string& text) {
  const cli::Json root = schema();
  const cli::Json document = cli::Json::parse(text);
  EXPECT_EQ(complaints(root, root, document, "", false), std::vector<std::string>{});
  EXPECT_EQ(complaints(root, root["$defs"][definition], document, "", true), std::vector<std::string>{}) << text;
}

void add_traffic(MemoryWorld& world) {
  world.counts = {{"in-accepted", "received and let through", false, 1234567, 1700000000},
                  {"in-vni", "VNI of no fan here", true, 3, 150},
                  {"in-ttl", "outer TTL too low: from too far away", true, 0, 0},
                  {"out-sent", "sent into the tunnel", false, 987, 65432}};
  world.peers = {{"in-vni", Address(0xac1e001bU), Address(0xfa001b02U), Address(0xfa001c02U), 3, 61000},
                 {"out-not-ipv4", Address(), Address(), Address(), 1, 5}};
}

TEST(Show, WithoutFansIsTheHeader) {
  MemoryWorld world;
  const Ran ran = run(world, {"show"});
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.out, "Bridge           Overlay              Underlay             Flags\n");
  EXPECT_EQ(ran.err, "");
}

TEST(Show, IsThe2015TableToTheByte) {
  MemoryWorld world;
  ASSERT_EQ(run(world, {"up", "250.0.0.0/8", "eth0/16", "dhcp"}).status, 0);
  EXPECT_EQ(run(world, {"show"}).out,
            "Bridge           Overlay              Underlay             Flags\n"
            "fan-250-0-28     250.0.0.0/8          172.30.0.28/16       dhcp host-reserve 1\n");
}

// There is no bridge that it could be called after, and nothing to attach a port to.
TEST(Show, AFanThatIsOnlyReachedIsCalledByItsOverlay) {
  MemoryWorld world;
  ASSERT_EQ(run(world, {"up", "250.0.0.0/8", "eth0/16", "reach"}).status, 0);
  const std::string shown = run(world, {"show", "-v"}).out;
  EXPECT_NE(shown.find("\n250.0.0.0/8\n    slice     250.0.28.0/24 gateway 250.0.28.1\n"), std::string::npos) << shown;
  EXPECT_EQ(shown.find("fan-250"), std::string::npos) << shown;
  EXPECT_EQ(shown.find("ports"), std::string::npos) << shown;
  expect_document("show", run(world, {"show", "--json"}).out);
}

TEST(Show, EveryFlagInItsPlace) {
  MemoryWorld world;
  ASSERT_EQ(run(world, {"up",
                        "-o",
                        "250",
                        "-u",
                        "eth0",
                        "--strict",
                        "--host-access",
                        "dhcp",
                        "--block-metadata",
                        "--secure",
                        "--snooping",
                        "--proxy-arp",
                        "--shortcut",
                        "--accept",
                        "ipip,vxlan",
                        "--ttl-security",
                        "3",
                        "--expose",
                        "250.0.28.8/29",
                        "--expose",
                        "250.0.28.1/32",
                        "--no-nat",
                        "--mtu",
                        "1400",
                        "--port",
                        "4789",
                        "--vni",
                        "7",
                        "bridge",
                        "lan0",
                        "host-reserve",
                        "4",
                        "auto",
                        "dhcp"})
                .status,
            0);
  expect_golden("show-flags.txt", run(world, {"show"}).out);
  expect_golden("show-flags-verbose.txt", run(world, {"show", "-v"}).out);
}

TEST(Show, ADegradedFanIsMarkedAndDescribed) {
  MemoryWorld world;
  ASSERT_EQ(run(world, {"up", "-o", "250", "-u", "eth0"}).status, 0);
  EXPECT_EQ(run(world, {"show", "--check"}).status, 0);
  world.host.delete_by_hand("route 250.0.0.0/8");
  const Ran ran = run(world, {"show", "-v", "--check"});
  EXPECT_EQ(ran.status, 8);
  expect_golden("show-degraded.txt", ran.out);
  expect_golden("show-degraded-err.txt", ran.err);
  EXPECT_EQ(run(world, {"show"}).status, 0);
  const std::string json = run(world, {"show", "--json"}).out;
  expect_document("show", json);
  EXPECT_EQ(cli::Json::parse(json)["fans"][0]["state"], "degraded");
}

TEST(Show, OneFanByBridgeOverlayOrSlice) {
  MemoryWorld world;
  ASSERT_EQ(run(world, {"up", "250", "eth0"}).status, 0);
  ASSERT_EQ(run(world, {"up", "251", "eth0"}).status, 0);
  const std::string all = run(world, {"show"}).out;
  for (const char* name : {"fan-251-0-28", "251", "251.0.0.0/8", "251.0.28.0/24"}) {
    const std::string one = run(world, {"show", name}).out;
    EXPECT_NE(one.find("fan-251-0-28"), std::string::npos) << name;
    EXPECT_EQ(one.find("fan-250-0-28"), std::string::npos) << name;
    EXPECT_LT(one.size(), all.size());
  }
}

TEST(Show, TrafficAsTextAndJson) {
  MemoryWorld world;
  add_traffic(world);
  expect_golden("show-stats.txt", run(world, {"show", "--stats"}).out);
  expect_golden("show-stats-verbose.txt", run(world, {"show", "--stats", "-v"}).out);
  expect_golden("show-refused.txt", run(world, {"show", "--refused"}).out);
  const std::string json = run(world, {"show", "--stats", "--refused", "--json"}).out;
  expect_document("show", json);
  expect_golden("show-stats.json", json);
}

TEST(Up, SaysNothingUnlessAsked) {
  MemoryWorld world;
  const Ran first = run(world, {"up", "250", "eth0"});
  EXPECT_EQ(first.status, 0);
  EXPECT_EQ(first.out, "");
  const Ran again = run(world, {"up", "250", "eth0", "-v"});
  EXPECT_EQ(again.status, 0);
  EXPECT_NE(again.out.find("nothing to do"), std::string::npos);
}

TEST(Up, DryRunChangesNothingAndJsonHasThePlan) {
  MemoryWorld world;
  const Ran text = run(world, {"up", "-o", "250", "-u", "eth0", "--dhcp", "--dry-run"});
  EXPECT_EQ(text.status, 0);
  EXPECT_EQ(world.host.transactions, 0U);
  EXPECT_NE(text.out.find("ip link add"), std::string::npos) << text.out;
  const std::string json = run(world, {"up", "-o", "250", "-u", "eth0", "--dhcp", "--dry-run", "--json"}).out;
  expect_document("report", json);
  const cli::Json document = cli::Json::parse(json);
  EXPECT_EQ(document["dry_run"], true);
  EXPECT_FALSE(document["changes"].empty());
  EXPECT_FALSE(document["commands"].empty());
  EXPECT_EQ(world.host.transactions, 0U);
}

TEST(Up, JsonOfAFan) {
  MemoryWorld world;
  const std::string json = run(world, {"up", "250.0.0.0/8", "eth0/16", "dhcp", "expose", "all", "--json"}).out;
  expect_document("report", json);
  const cli::Json document = cli::Json::parse(json);
  expect_golden("fan.json", cli::text_of(document["fans"]));
  for (const cli::Json& change : document["changes"]) {
    EXPECT_TRUE(change["after"].is_object() && !change["after"].empty()) << change;
  }
}

TEST(Up, OffSucceedsAndDoesNothing) {
  MemoryWorld world;
  EXPECT_EQ(run(world, {"up", "250", "nosuch0", "off"}).status, 0);
  EXPECT_EQ(world.host.transactions, 0U);
}

class Configuration : public testing::Test {
protected:
  std::string write(const std::string& text) {
    path_ = testing::TempDir() + "fanctl-golden-" + std::to_string(getpid());
    std::ofstream(path_) << text;
    return path_;
  }
  void TearDown() override { (void)std::remove(path_.c_str()); }

private:
  std::string path_;
};

TEST_F(Configuration, ABrokenLineDoesNotDisturbTheOthers) {
  MemoryWorld world;
  const std::string path = write("# fan 250\n250.0.0.0/8 eth0/16\n251.0.0.0/8 eth0/16 dhpc\n252.0.0.0/8 "
                                 "eth7/16\n253.0.0.0/8 eth0/16 off\n254 eth0\n");
  const Ran ran = run(world, {"up", "-a", "--config", path});
  EXPECT_EQ(ran.status, 7);
  EXPECT_NE(ran.err.find(path + ":3:21: "), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find(path + ":4: up 252.0.0.0/8 eth7/16: "), std::string::npos) << ran.err;
  const std::string shown = run(world, {"show"}).out;
  EXPECT_NE(shown.find("fan-250-0-28     250.0.0.0/8          172.30.0.28/16       host-reserve 1 auto\n"),
            std::string::npos)
      << shown;
  EXPECT_NE(shown.find("fan-254-0-28"), std::string::npos);
  EXPECT_EQ(shown.find("253"), std::string::npos);
}

// Each would change the fan back at the next run.
TEST_F(Configuration, ALineThatMeansAnEarlierFanIsAnErrorAndChangesNothing) {
  for (const std::string& second : {std::string("250 eth0 type vxlan"), std::string("250 172.30.0.28 type vxlan"),
                                    std::string("251 eth0 bridge one")}) {
    SCOPED_TRACE(second);
    MemoryWorld world;
    const std::string path = write("# fan 250\n250.0.0.0/8 eth0/16 bridge one dhcp\n" + second + "\n254 eth0\n");
    for (int round = 0; round < 2; ++round) {
      const Ran ran = run(world, {"up", "-a", "--config", path});
      EXPECT_EQ(ran.status, 7);
      EXPECT_NE(ran.err.find(path + ":3: "), std::string::npos) << ran.err;
      const std::string shown = run(world, {"show"}).out;
      EXPECT_NE(shown.find(" dhcp host-reserve 1 auto bridge one\n"), std::string::npos) << shown;
      EXPECT_NE(shown.find("fan-254-0-28"), std::string::npos) << shown;
    }
    const std::size_t done = world.host.transactions;
    EXPECT_EQ(run(world, {"up", "-a", "--config", path, "--dry-run"}).status, 7);
    EXPECT_EQ(world.host.transactions, done);
  }
}

TEST_F(Configuration, ALineThatMeansAnEarlierFanIsToldWhereThatIs) {
  MemoryWorld world;
  const std::string path = write("250.0.0.0/8 eth0/16\n250 eth0 type vxlan\n");
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"up", "-a", "--config", path}, {"apply", path}}) {
    const Ran ran = run(world, words);
    EXPECT_EQ(ran.status, 7) << words.front();
    EXPECT_NE(ran.err.find(path + ":2: 250 eth0: this fan is in " + path + ", line 1, already\n"), std::string::npos)
        << ran.err;
    EXPECT_NE(ran.err.find("keep it in one of the two places only"), std::string::npos) << ran.err;
  }
}

TEST_F(Configuration, JsonHasEveryErrorWithItsPlace) {
  MemoryWorld world;
  const std::string path = write("251.0.0.0/8 eth0/16 dhpc\n250.0.0.0/8 eth0/16\n");
  const Ran ran = run(world, {"up", "-a", "--config", path, "--json"});
  EXPECT_EQ(ran.status, 7);
  expect_document("report", ran.out);
  const cli::Json document = cli::Json::parse(ran.out);
  EXPECT_EQ(document["errors"][0]["line"], 1);
  EXPECT_EQ(document["errors"][0]["column"], 21);
  EXPECT_EQ(document["fans"].size(), 1U);
}

TEST_F(Configuration, DownTakesWhatCameFromIt) {
  MemoryWorld world;
  const std::string path = write("250.0.0.0/8 eth0/16\n");
  ASSERT_EQ(run(world, {"up", "-a", "--config", path}).status, 0);
  ASSERT_EQ(run(world, {"up", "251", "eth0"}).status, 0);
  EXPECT_EQ(run(world, {"down", "-a"}).status, 0);
  const std::string shown = run(world, {"show"}).out;
  EXPECT_EQ(shown.find("fan-250"), std::string::npos);
  EXPECT_NE(shown.find("fan-251"), std::string::npos);
  EXPECT_EQ(run(world, {"down", "-e"}).status, 0);
  EXPECT_TRUE(world.host.objects.empty() || run(world, {"show"}).out.find("fan-") == std::string::npos);
}

TEST(Down, EveryFormTakesTheFanDown) {
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"down", "250", "eth0"},
                                             {"down", "250.0.0.0/8", "eth0/16"},
                                             {"down", "-u", "eth0/16", "-o", "250"},
                                             {"down", "fan-250-0-28"},
                                             {"down", "-e"}}) {
    MemoryWorld world;
    ASSERT_EQ(run(world, {"up", "250.0.0.0/8", "eth0/16"}).status, 0);
    std::vector<std::string> with_json = words;
    with_json.emplace_back("--json");
    const Ran ran = run(world, with_json);
    EXPECT_EQ(ran.status, 0) << ran.out;
    expect_document("report", ran.out);
    EXPECT_EQ(run(world, {"show"}).out.find("fan-"), std::string::npos) << words[1];
  }
}

TEST(Explain, EveryRole) {
  MemoryWorld world;
  std::string text;
  for (const char* address : {"250.0.28.0", "250.0.28.1", "250.0.28.3", "250.0.28.15", "250.0.28.255", "250.0.0.7",
                              "172.30.0.28", "172.30.255.255", "8.8.8.8"}) {
    const std::vector<std::string> words{"explain", address, "-o", "250", "-u", "172.30.0.0/16", "--host-reserve", "4"};
    text += run(world, words).out;
    std::vector<std::string> with_json = words;
    with_json.emplace_back("--json");
    expect_document("explain", run(world, with_json).out);
  }
  expect_golden("explain.txt", text);
}

TEST(Explain, AsAHostWouldAndByIpip) {
  MemoryWorld world;
  expect_golden("explain-host.txt", run(world, {"explain", "250.0.28.15", "250", "172.30.0.27/16"}).out);
  expect_golden("explain-host.json",
                run(world, {"explain", "250.0.28.15", "-o", "250", "-u", "172.30.0.27/16", "--json"}).out);
}

TEST(Explain, TakesTheFansOfThisHost) {
  MemoryWorld world;
  ASSERT_EQ(run(world, {"up", "-o", "250", "-u", "eth0"}).status, 0);
  expect_golden("explain-fans.txt",
                run(world, {"explain", "250.0.27.2"}).out + run(world, {"explain", "250.0.28.2"}).out);
}

TEST(Schema, ErrorsFitIt) {
  MemoryWorld world;
  expect_document("failure", run(world, {"up", "250/33", "eth0", "--json"}).out);
  expect_document("failure", run(world, {"frobnicate", "--json"}).out);
}

TEST(Schema, TheValidatorComplains) {
  const cli::Json root = schema();
  cli::Json document = cli::Json::parse(R"({"schema": 1, "command": "show", "complete": true, "fans": []})");
  EXPECT_TRUE(complaints(root, root["$defs"]["show"], document, "", true).empty());
  document["complete"] = "yes";
  EXPECT_FALSE(complaints(root, root["$defs"]["show"], document, "", true).empty());
  document["complete"] = true;
  document["more"] = 1;
  EXPECT_FALSE(complaints(root, root["$defs"]["show"], document, "", true).empty());
  EXPECT_TRUE(complaints(root, root["$defs"]["show"], document, "", false).empty());
  document.erase("fans");
  EXPECT_FALSE(complaints(root, root, document, "", false).empty());
}

} // namespace
} // namespace fan::test
