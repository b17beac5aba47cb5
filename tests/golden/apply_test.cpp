// fanctl apply over a host in memory: what is wrong with a command line, the JSON, and what a dry run leaves alone.
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "core/errors.h"
#include "fanctl/output/json.h"
#include "golden.h"
#include "schema.h"

namespace fan::test {
namespace {

class ApplyInMemory : public ::testing::Test {
protected:
  ApplyInMemory() {
    char name[] = "/tmp/fan-apply-XXXXXX";
    EXPECT_NE(mkdtemp(name), nullptr);
    folder = name;
  }
  ~ApplyInMemory() override { std::filesystem::remove_all(folder); }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder + "/" + name) << text;
    chmod((folder + "/" + name).c_str(), 0644);
  }
  Ran apply(const std::vector<std::string>& more = {}) {
    std::vector<std::string> words{"apply", "--dir", folder};
    words.insert(words.end(), more.begin(), more.end());
    return run(world, words);
  }

  MemoryWorld world;
  std::string folder;
};

constexpr const char* one = "version: 1\nfans:\n  one: {overlay: 250, underlay: eth0/16}\n";

TEST_F(ApplyInMemory, UsageErrors) {
  const struct {
    std::vector<std::string> words;
    const char* says;
  } table[] = {
      {{"apply", "--dri", "x"}, "unknown option '--dri'"},
      {{"apply", "--dir"}, "--dir wants a value"},
      {{"apply", "--dir", "a", "--dir", "b"}, "--dir is given more than once"},
      {{"apply", "--dir", "a", "f.yaml"}, "files are named, and --dir too"},
      {{"apply", ""}, "is empty"},
      {{"apply", "--force"}, "unknown option '--force'"},
  };
  for (const auto& row : table) {
    const Ran ran = run(world, row.words);
    EXPECT_EQ(ran.status, 2) << row.says;
    EXPECT_EQ(ran.out, "");
    EXPECT_NE(ran.err.find(row.says), std::string::npos) << ran.err;
  }
  EXPECT_EQ(world.host.transactions, 0U);
}

TEST_F(ApplyInMemory, NothingConfiguredIsASuccess) {
  const Ran ran = apply();
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(ran.out + ran.err, "");
}

TEST_F(ApplyInMemory, TellsInJson) {
  const cli::Json schema = cli::Json::parse(read_text(std::string(SOURCE_DIR) + "/docs/schema/fanctl-1.json"));
  write("a.yaml", one);
  write("b.yaml", "version: 1\nfans: {two: {overlay: 241}}\n");
  for (const char* dry : {"--dry-run", "--check", "--wait=1"}) {
    const Ran ran = apply({"--json", dry});
    EXPECT_EQ(ran.status, 7) << dry;
    EXPECT_EQ(ran.err, "");
    const cli::Json document = cli::Json::parse(ran.out);
    EXPECT_TRUE(complaints(schema, schema["$defs"]["report"], document, "", true).empty()) << ran.out;
    EXPECT_EQ(document["command"], "apply");
    EXPECT_FALSE(document["changes"].empty());
    EXPECT_EQ(document["fans"][0]["origin"], folder + "/a.yaml");
    EXPECT_EQ(document["errors"][0]["message"], "underlay is missing");
    EXPECT_EQ(document["errors"][0]["line"], 2);
  }
}

TEST_F(ApplyInMemory, CheckAndDryRunTouchNothing) {
  write("a.yaml", one);
  EXPECT_EQ(apply({"--check"}).status, 9);
  EXPECT_EQ(apply({"--check"}).out, "one: would change\n");
  EXPECT_EQ(apply({"--dry-run"}).status, 0);
  EXPECT_EQ(apply({"--dry-run", "--check"}).status, 9);
  EXPECT_EQ(world.host.transactions, 0U);
  EXPECT_EQ(apply({"--exit-code"}).status, 9);
  EXPECT_EQ(apply({"--exit-code"}).status, 0);
  EXPECT_EQ(apply({"--check"}).status, 0);
  const std::size_t done = world.host.transactions;
  EXPECT_EQ(apply().out, "");
  EXPECT_EQ(world.host.transactions, done);
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

// The fans share a tunnel device, a table, and the programs' maps.
TEST_F(ApplyInMemory, TheDryRunOfSeveralFansIsOneScript) {
  write("a.yaml", one);
  write("b.yaml", "version: 1\nfans:\n  two: {overlay: 241, underlay: eth0/16}\n");
  const std::string script = apply({"--dry-run"}).out;
  EXPECT_EQ(script.rfind("# one\nip link add ", 0), 0U) << script;
  for (const char* once : {"# one\n", "\n# two\nip link add two ", "ip link add fan", "create table inet fanctl ",
                           "# programs and maps: begin\n", "# programs and maps: end\n"}) {
    EXPECT_EQ(count_of(script, once), 1U) << once << script;
  }
  EXPECT_EQ(world.host.transactions, 0U);
  EXPECT_EQ(apply().out, "one: changed\ntwo: changed\n");
  EXPECT_EQ(apply({"--dry-run"}).out, "");
}

// A change that fails is undone, and the other fans come up.
TEST_F(ApplyInMemory, AFanThatFailsDoesNotDisturbTheOthers) {
  write("a.yaml", one);
  write("b.yaml", "version: 1\nfans:\n  two: {overlay: 241, underlay: eth9/16}\n");
  write("c.yaml", "version: 1\nfans:\n  three: {overlay: 242, underlay: eth0/16}\n");
  const Ran ran = apply();
  EXPECT_EQ(ran.status, 7);
  EXPECT_EQ(ran.out, "one: changed\nthree: changed\n");
  EXPECT_NE(ran.err.find("b.yaml:3:3: two: device 'eth9' does not exist"), std::string::npos) << ran.err;
}

// A fan that gets another name goes down and comes up in one plan: when a change fails, the old one is as before.
TEST_F(ApplyInMemory, AFailedReplacementLeavesTheOldFan) {
  write("a.yaml", one);
  ASSERT_EQ(apply().status, 0);
  const ObservedSet before = world.host.objects;
  write("a.yaml", "version: 1\nfans:\n  two: {overlay: 250, underlay: eth0/16}\n");
  bool last = false;
  for (std::size_t k = 0; !last; ++k) {
    std::size_t n = 0;
    world.host.fail = [&](std::span<const Change>) -> std::optional<Error> {
      return n++ == k ? std::optional<Error>(make_error(ErrorClass::kernel, "injected")) : std::nullopt;
    };
    const Ran ran = apply();
    last = ran.status == 0;
    if (!last) {
      EXPECT_EQ(ran.status, 7) << k;
      EXPECT_NE(ran.err.find("a.yaml:3:3: two: "), std::string::npos) << ran.err;
      ASSERT_EQ(world.host.objects.size(), before.size()) << "after a failure of change " << k;
      for (const auto& [key, found] : before) {
        EXPECT_EQ(world.host.objects.at(key).object, found.object) << key;
      }
    } else {
      EXPECT_GT(k, 5U);
    }
  }
  EXPECT_NE(run(world, {"show"}).out.find("bridge two"), std::string::npos);
}

// Two entries that come to the same slice on this host: the first has it, at this run and the next.
TEST_F(ApplyInMemory, TwoEntriesForOneSliceDoNotTakeTurns) {
  write("a.yaml", "version: 1\nmappings:\n  - {overlay: 250, underlay: eth0/16}\n");
  write("b.yaml", "version: 1\nmappings:\n  - {overlay: 250, underlay: 172.30.0.28/16}\n");
  Ran ran = apply();
  EXPECT_EQ(ran.status, 7);
  EXPECT_EQ(ran.out, "250 eth0/16: changed\n");
  EXPECT_NE(ran.err.find("comes from " + folder + "/a.yaml"), std::string::npos) << ran.err;
  const std::size_t done = world.host.transactions;
  ran = apply();
  EXPECT_EQ(ran.status, 7);
  EXPECT_EQ(world.host.transactions, done);
}

// The record that a fan lost its origin from is enough to take it down, but not while a file is broken.
TEST_F(ApplyInMemory, AFanOfNoKnownFileGoesDownOnlyWhenEveryFileIsGood) {
  ASSERT_EQ(run(world, {"up", "250", "eth0/16", "auto", "type", "vxlan"}).status, 0);
  write("b.yaml", "version: 7\n");
  EXPECT_EQ(apply().out, "");
  write("b.yaml", "version: 1\n");
  EXPECT_EQ(apply().out, "fan-250-0-28: removed\n");
}

} // namespace
} // namespace fan::test
