// fanctl docker: what becomes of daemon.json, which pools are warned of, and what is run. Over real Dockers: tests/e2e.
#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "core/errors.h"
#include "fanctl/docker/address_pools.h"
#include "fanctl/docker/daemon_json.h"
#include "fanctl/docker/forward_rule.h"
#include "fanctl/docker/record.h"
#include "fanctl/output/json.h"
#include "fanctl/text_file.h"
#include "golden.h"
#include "schema.h"

namespace fan::test {
namespace {

namespace docker = cli::docker;

Prefix prefix(const char* text) {
  return *Prefix::parse(text);
}

docker::Settings settings() {
  return {.bridge = "fan-250", .mtu = 1450, .slice = prefix("250.0.28.0/24"), .addresses = {}, .iptables = true};
}

struct MergeCase {
  std::string before;
  std::string after;
};

TEST(DockerFile, IsMergedAndTakenBack) {
  const std::vector<MergeCase> cases{
      {"", R"({"bridge":"fan-250","mtu":1450})"},
      {"{}", R"({"bridge":"fan-250","mtu":1450})"},
      {R"({"mtu":9,"debug":true})", R"({"mtu":1450,"debug":true,"bridge":"fan-250"})"},
      {R"({"bip":"172.17.0.1/16"})", R"({"bridge":"fan-250","mtu":1450})"},
      {R"({"fixed-cidr":"172.17.1.0/24"})", R"({"bridge":"fan-250","mtu":1450})"},
      {R"({"fixed-cidr":"250.0.28.64/26"})", R"({"fixed-cidr":"250.0.28.64/26","bridge":"fan-250","mtu":1450})"},
      {R"({"default-gateway":"250.0.28.1"})", R"({"default-gateway":"250.0.28.1","bridge":"fan-250","mtu":1450})"},
      {R"({"default-gateway":"10.0.0.1","a":{"b":[1,2]}})", R"({"a":{"b":[1,2]},"bridge":"fan-250","mtu":1450})"},
  };
  for (const MergeCase& one : cases) {
    SCOPED_TRACE(one.before);
    const auto merged = docker::merge(one.before, {}, settings());
    ASSERT_TRUE(merged.ok());
    EXPECT_EQ(cli::Json::parse(merged->text).dump(), one.after);
    const auto again = docker::merge(merged->text, merged->changes, settings());
    ASSERT_TRUE(again.ok());
    EXPECT_EQ(cli::Json::parse(again->text), cli::Json::parse(merged->text));
    const auto back = docker::restore(again->text, again->changes);
    ASSERT_TRUE(back.ok());
    EXPECT_TRUE(back->kept.empty());
    const bool was_empty = one.before.size() <= 2;
    EXPECT_EQ(back->text.empty(), was_empty);
    // nlohmann compares objects of this kind with their order, which a key that was set aside may lose.
    if (!was_empty) {
      EXPECT_EQ(nlohmann::json::parse(back->text), nlohmann::json::parse(one.before));
    }
  }
}

TEST(DockerFile, ABrokenOneHasAPlace) {
  const auto merged = docker::merge("{\n  \"mtu\": 1400,,\n}\n", {}, settings());
  ASSERT_FALSE(merged.ok());
  ASSERT_TRUE(merged.error().place.has_value());
  EXPECT_EQ(merged.error().place->line, 2);
  EXPECT_EQ(merged.error().place->column, 15);
  EXPECT_EQ(merged.error().place->excerpt, "  \"mtu\": 1400,,");
  EXPECT_FALSE(docker::merge("[1]", {}, settings()).ok());
  const auto nested = [](std::size_t depth) {
    return R"({"a [[[ \" [[[": )" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
  };
  EXPECT_TRUE(docker::merge(nested(64), {}, settings()).ok());
  for (const std::size_t depth : {std::size_t{65}, std::size_t{500000}}) {
    const auto deep = docker::merge(nested(depth), {}, settings());
    ASSERT_FALSE(deep.ok());
    EXPECT_EQ(deep.error().message, "has lists or objects more than 64 deep");
  }
  EXPECT_FALSE(docker::merge("\xff\xfe", {}, settings()).ok());
}

TEST(DockerRecord, ComesBack) {
  const docker::Record record{.bridge = "fan-250",
                              .overlay = prefix("250.0.0.0/8"),
                              .daemon_json = "/etc/docker/daemon.json",
                              .had_daemon_json = true,
                              .keys = {{"mtu", "1400", "1450"}, {"bridge", std::nullopt, "\"fan-250\""}},
                              .rule = true,
                              .added_rule = false};
  const auto read = docker::parse_record(docker::text_of(record));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(*read, record);
  for (const char* bad : {"", "{}", "[]", "{\"version\": 2}", "\xff"}) {
    const auto garbled = docker::parse_record(bad);
    ASSERT_FALSE(garbled.ok()) << bad;
    EXPECT_EQ(garbled.error().message.find("json"), std::string::npos) << "words of a library";
    EXPECT_NE(garbled.error().hint.find("move it away"), std::string::npos);
  }
}

TEST(DockerPools, AreBuiltInOrConfigured) {
  EXPECT_EQ(docker::address_pools("").size(), 7U);
  EXPECT_EQ(docker::address_pools("not json").size(), 7U);
  const std::vector<Prefix> given{prefix("10.201.0.0/16"), prefix("172.17.0.0/16")};
  EXPECT_EQ(docker::address_pools(R"({"bip": "172.17.0.1/16",
      "default-address-pools": [{"base": "10.201.0.0/16", "size": 24}, {"base": 7}, 3]})"),
            given);
}

TEST(DockerPools, MeetOverlayOrUnderlay) {
  const std::vector<Prefix> pools = docker::address_pools("");
  const Prefix overlay = prefix("250.0.0.0/8");
  EXPECT_EQ(docker::meeting(pools, overlay, prefix("10.3.0.0/16")), std::nullopt);
  EXPECT_NE(docker::meeting(pools, overlay, prefix("172.30.0.0/16")), std::nullopt);
  EXPECT_NE(docker::meeting(pools, prefix("172.0.0.0/8"), prefix("10.3.0.0/16")), std::nullopt);
  const auto moved = docker::meeting(pools, prefix("10.0.0.0/8"), prefix("192.168.0.0/16")); // 10/8 is no way out
  ASSERT_TRUE(moved.has_value());
  EXPECT_NE(moved->find(R"("base": "198.18.0.0/16")"), std::string::npos) << *moved;
}

TEST(DockerRule, IsLookedForBeforeItIsMade) {
  MemoryWorld world;
  EXPECT_TRUE(docker::ensure_rule(world, prefix("250.0.0.0/8")).ok());
  EXPECT_EQ(world.programs,
            std::vector<std::string>{"iptables -w 5 -C DOCKER-USER -s 250.0.0.0/8 -d 250.0.0.0/8 -j ACCEPT"});
}

Error status_one() {
  return make_error(ErrorClass::not_found, "iptables ended with status 1: Bad rule");
}
Error locked() {
  return make_error(ErrorClass::host_state, "iptables ended with status 4: Another app is currently holding the lock");
}

TEST(DockerRule, ThatIsNotThereIsMadeAndNotRemoved) {
  MemoryWorld world;
  world.failing_programs.emplace(" -C ", status_one());
  EXPECT_TRUE(docker::remove_rule(world, prefix("250.0.0.0/8")).ok());
  EXPECT_EQ(world.programs.size(), 1U);
  EXPECT_TRUE(docker::ensure_rule(world, prefix("250.0.0.0/8")).ok());
  EXPECT_EQ(world.programs.back(), "iptables -w 5 -I DOCKER-USER -s 250.0.0.0/8 -d 250.0.0.0/8 -j ACCEPT");
}

// "I cannot tell" is not "no": a rule that is there would stay for ever, and another's be taken for ours.
TEST(DockerRule, ThatNobodyCanLookForIsNeitherThereNorMissing) {
  MemoryWorld world;
  world.failing_programs.emplace(" -C ", locked());
  EXPECT_FALSE(docker::has_rule(world, prefix("250.0.0.0/8")).ok());
  EXPECT_FALSE(docker::ensure_rule(world, prefix("250.0.0.0/8")).ok());
  EXPECT_FALSE(docker::remove_rule(world, prefix("250.0.0.0/8")).ok());
  EXPECT_EQ(world.programs.size(), 3U) << "nothing but questions";
  ASSERT_EQ(run(world, {"up", "250", "eth0/16"}).status, 0);
  const Ran enabled = run(world, {"docker", "enable", "--dry-run"});
  EXPECT_EQ(enabled.status, 3);
  EXPECT_NE(enabled.err.find("holding the lock"), std::string::npos) << enabled.err;
}

TEST(DockerRule, ACommandThatFailsIsNoMissingFan) {
  MemoryWorld world;
  world.failing_programs.emplace(" -C ", status_one());
  world.failing_programs.emplace(" -I ", status_one());
  const Result<void> made = docker::ensure_rule(world, prefix("250.0.0.0/8"));
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().kind, ErrorClass::host_state);
}

TEST(DockerCommand, UsageErrors) {
  MemoryWorld world;
  for (const std::vector<std::string>& words : {std::vector<std::string>{"docker"},
                                                {"docker", "enabel"},
                                                {"docker", "enable", "a", "b"},
                                                {"docker", "disable", "a"},
                                                {"docker", "disable", "--file", "x"},
                                                {"docker", "rules", "--no-iptables"},
                                                {"docker", "enable", "--keep-rule"},
                                                {"docker", "enable", "--file", "x", "--file", "y"}}) {
    EXPECT_EQ(run(world, words).status, 2) << words.size();
  }
  EXPECT_TRUE(world.programs.empty());
}

TEST(DockerCommand, WithoutAFanSaysWhatToDo) {
  MemoryWorld world;
  const Ran ran = run(world, {"docker", "enable", "--dry-run"});
  EXPECT_EQ(ran.status, 10);
  EXPECT_NE(ran.err.find("no fan with a bridge is up"), std::string::npos) << ran.err;
}

TEST(DockerCommand, MakesNoFolderForAFileThatIsNamed) {
  MemoryWorld world;
  ASSERT_EQ(run(world, {"up", "250", "eth0/16"}).status, 0);
  const Ran ran = run(world, {"docker", "enable", "--file", "/nonexistent/x.json", "--dry-run"});
  EXPECT_EQ(ran.status, 3);
  EXPECT_NE(ran.err.find("/nonexistent/x.json: there is no folder /nonexistent"), std::string::npos) << ran.err;
  EXPECT_EQ(run(world, {"docker", "enable", "--file", "x.json", "--dry-run"}).status, 0);
}

// A dry run asks iptables as well, without having asked before whether it may.
TEST(DockerCommand, ADryRunThatMayNotAskIptablesSaysSo) {
  MemoryWorld world;
  ASSERT_EQ(run(world, {"up", "250", "eth0/16"}).status, 0);
  world.failing_programs.emplace(" -C ", make_error(ErrorClass::host_state, "iptables ended with status 4"));
  EXPECT_EQ(run(world, {"docker", "enable", "--dry-run"}).status, 3);
  world.refusal = make_error(ErrorClass::privilege, "this process lacks CAP_NET_ADMIN", "run it as root");
  const Ran ran = run(world, {"docker", "enable", "--dry-run"});
  EXPECT_EQ(ran.status, 4);
  EXPECT_NE(ran.err.find("this process lacks CAP_NET_ADMIN"), std::string::npos) << ran.err;
}

class LinkedFile : public ::testing::Test {
protected:
  LinkedFile() {
    char name[] = "/tmp/fan-link-XXXXXX";
    EXPECT_NE(mkdtemp(name), nullptr);
    folder = name;
    std::filesystem::create_directory(folder + "/there");
    std::filesystem::create_symlink("there/daemon.json", folder + "/link");
    std::filesystem::create_symlink(folder + "/link", folder + "/second");
    std::filesystem::create_symlink("nowhere/daemon.json", folder + "/lost");
  }
  ~LinkedFile() override { std::filesystem::remove_all(folder); }
  std::string folder;
};

// What it names is not there yet: it is made there, and removed there.
TEST_F(LinkedFile, ALinkToNoFileYetStaysALink) {
  const std::string target = folder + "/there/daemon.json";
  for (const std::string name : {"link", "second"}) {
    const std::string link = folder + "/" + name;
    EXPECT_EQ(cli::behind_links(link), target);
    ASSERT_TRUE(cli::replace_text_file(link, "{}\n"));
    EXPECT_TRUE(std::filesystem::is_symlink(link));
    EXPECT_TRUE(std::filesystem::is_regular_file(target));
    ASSERT_TRUE(cli::remove_text_file(link));
    EXPECT_TRUE(std::filesystem::is_symlink(link));
    EXPECT_FALSE(std::filesystem::exists(target));
  }
}

TEST_F(LinkedFile, NoFolderIsMadeBehindALink) {
  MemoryWorld world;
  ASSERT_EQ(run(world, {"up", "250", "eth0/16"}).status, 0);
  EXPECT_EQ(run(world, {"docker", "enable", "--dry-run", "--file", folder + "/link"}).status, 0);
  const Ran ran = run(world, {"docker", "enable", "--dry-run", "--file", folder + "/lost"});
  EXPECT_EQ(ran.status, 3);
  EXPECT_NE(ran.err.find("there is no folder " + folder + "/nowhere"), std::string::npos) << ran.err;
}

// One document, with the notes in it, and nothing beside it.
TEST(DockerCommand, IsOneDocumentWithJson) {
  MemoryWorld world;
  ASSERT_EQ(run(world, {"up", "250", "eth0/16", "dhcp"}).status, 0);
  const cli::Json schema = cli::Json::parse(read_text(std::string(SOURCE_DIR) + "/docs/schema/fanctl-1.json"));
  for (const char* action : {"enable", "disable", "rules"}) {
    const Ran ran = run(world, {"docker", action, "--dry-run", "--json"});
    EXPECT_EQ(ran.status, 0) << action;
    EXPECT_EQ(ran.err, "") << action;
    const cli::Json document = cli::Json::parse(ran.out, nullptr, false);
    EXPECT_EQ(complaints(schema, schema["$defs"]["docker"], document, "", true), std::vector<std::string>{}) << ran.out;
    EXPECT_EQ(document["action"], action);
  }
  const cli::Json enabled = cli::Json::parse(run(world, {"docker", "enable", "--dry-run", "--json"}).out);
  EXPECT_EQ(enabled["bridge"], "fan-250-0-28");
  ASSERT_EQ(enabled["notes"].size(), 1U) << "of two that hand out the same addresses";
}

TEST(DockerCommand, UpWarnsOfPools) {
  MemoryWorld world;
  EXPECT_EQ(run(world, {"up", "250", "eth0/16", "--dry-run"}).err.find("Docker"), std::string::npos);
  world.docker = "";
  EXPECT_NE(run(world, {"up", "250", "eth0/16", "--dry-run"}).err.find("172.28.0.0/14"), std::string::npos);
}

} // namespace
} // namespace fan::test
