// What this host's libnftables prints of our rules, and what becomes of a fan's firewall where that is something else
// than the rules as they are written.
#include <fstream>
#include <string>
#include <thread>

#include <dlfcn.h>

#include <linux/capability.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <nftables/libnftables.h>

#include "core/ruleset.h"
#include "linux/nft/context.h"
#include "linux/nft/generation.h"
#include "linux/nft/listing.h"
#include "linux/nft/printed_rules.h"
#include "nft_world.h"

using namespace fan;
using namespace fan::test;

namespace {

bool other_words = false; // what libnftables prints is in those of a version that nobody has seen

std::string replaced(std::string text, const std::string& word, const std::string& other) {
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + other.size())) {
    text.replace(at, word.size(), other);
  }
  return text;
}
std::string in_other_words(const std::string& text) {
  return replaced(text, " counter name ", " counter called ");
}

class PrintedRules : public testing::Test {
protected:
  Netns host;
  Inside inside{host};

  // As one sees it who knows nothing yet.
  static Result<std::string> version() {
    const auto seen = nft::Firewall().observe();
    if (!seen) {
      return seen.error();
    }
    const auto found = seen->find("ruleset");
    return found == seen->end() ? "none" : std::get<Ruleset>(found->second.object).version;
  }
  static std::string seen_version() {
    const Result<std::string> seen = version();
    return seen ? *seen : seen.error().message + seen.error().kernel_text;
  }
};

class PrintedOtherwise : public PrintedRules {
protected:
  PrintedOtherwise() { other_words = true; }
  ~PrintedOtherwise() override { other_words = false; }
};

std::string listed(NftTable table) {
  auto context = nft::Context::open();
  EXPECT_TRUE(context.ok());
  const Result<std::string> loaded = context->run(ruleset_text(table));
  EXPECT_TRUE(loaded.ok()) << loaded.error().message;
  const Result<std::string> text = context->run("list table " + table_words(table));
  EXPECT_TRUE(text.ok()) << text.error().message;
  const Result<nft::Listing> listing = nft::parse_listing(*text);
  EXPECT_TRUE(listing.ok()) << listing.error().message;
  return listing->rules;
}

} // namespace

// In place of the library's own, also in the process that it runs in.
extern "C" const char* nft_ctx_get_output_buffer(nft_ctx* context) {
  static const auto real = reinterpret_cast<const char* (*)(nft_ctx*)>(dlsym(RTLD_NEXT, "nft_ctx_get_output_buffer"));
  const char* text = real(context);
  static std::string told;
  if (!other_words || text == nullptr) {
    return text;
  }
  told = in_other_words(text);
  return told.c_str();
}

namespace {

bool write_file(const char* path, const char* text) {
  std::ofstream file(path);
  file << text;
  return static_cast<bool>(file.flush());
}

// Of the calling thread.
void give_up_sys_admin() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {};
  ASSERT_EQ(syscall(SYS_capget, &header, sets), 0);
  sets[0].effective &= ~(1U << CAP_SYS_ADMIN);
  ASSERT_EQ(syscall(SYS_capset, &header, sets), 0);
}

} // namespace

TEST_F(PrintedRules, AreThoseThatNftListsOfThem) {
  nft::PrintedRules printed;
  for (const NftTable table : {NftTable::inet, NftTable::bridge}) {
    const Result<std::string> rules = printed.of(table);
    ASSERT_TRUE(rules.ok()) << rules.error().message;
    EXPECT_EQ(*rules, listed(table));
    EXPECT_NE(rules->find("type filter hook prerouting"), std::string::npos);
  }
}

TEST_F(PrintedRules, AreFoundOutWithoutAChangeOfThisRuleset) {
  const auto before = nft::generation();
  ASSERT_TRUE(before.has_value());
  nft::PrintedRules printed;
  EXPECT_TRUE(printed.of(NftTable::inet).ok());
  EXPECT_TRUE(printed.of(NftTable::bridge).ok());
  EXPECT_EQ(nft::generation(), before);
  EXPECT_EQ(host.must({"nft", "list", "ruleset"}), "");
}

TEST_F(PrintedRules, TakeTheRightToMakeANamespace) {
  std::thread([] {
    give_up_sys_admin();
    nft::PrintedRules printed;
    const Result<std::string> rules = printed.of(NftTable::inet);
    ASSERT_FALSE(rules.ok());
    EXPECT_EQ(rules.error().kind, ErrorClass::privilege);
    EXPECT_NE(rules.error().message.find("see how nftables prints the rules of inet fanctl"), std::string::npos)
        << rules.error().message;
    EXPECT_NE(rules.error().message.find("make a network namespace: Operation not permitted"), std::string::npos)
        << rules.error().message;
  }).join();
}

// As seen of 1.0.9 (Ubuntu 24.04), 1.1.3 (Debian 13), 1.1.6 (Ubuntu 26.04) and 1.1.7.
TEST_F(PrintedRules, OfKnownVersionsAreReadAsThoseThatAreWritten) {
  for (const NftTable table : {NftTable::inet, NftTable::bridge}) {
    const std::string written(ruleset_rules(table));
    std::string later = replaced(written, "icmp code frag-needed", "icmp code 4");
    later = replaced(later, "iifname . @th,64,128 @", "iifname . icmpv6 taddr @"); // not where a set is declared
    later = replaced(later, "iifname . @th,64,128 !=", "iifname . icmpv6 taddr !=");
    EXPECT_NE(later, written);
    EXPECT_EQ(nft::comparable(later), nft::comparable(written));
    later = replaced(replaced(later, "iif oif exists", "iif check exists"), "iif oif missing", "iif check missing");
    EXPECT_EQ(nft::comparable(later), nft::comparable(written));
  }
}

TEST_F(PrintedOtherwise, ATableThatWasMadeIsAsItWasMade) {
  ASSERT_NE(listed(NftTable::bridge), nft::comparable(ruleset_rules(NftTable::bridge))) << "the words are others";
  host.must({"nft", "flush", "ruleset"});
  nft::Firewall firewall;
  ASSERT_TRUE(firewall.apply(loading(sample_fan())).ok());
  EXPECT_EQ(seen_version(), ruleset_version());
}

TEST_F(PrintedOtherwise, ARuleByHandIsSeenAndPutRightInTheTableThatIsThere) {
  nft::Firewall firewall;
  ASSERT_TRUE(firewall.apply(loading(sample_fan())).ok());
  host.must({"nft", "add", "rule", "inet", "fanctl", "forward", "accept"});
  host.must({"nft", "add", "element", "inet", "fanctl", "exposed", "{ 250.0.28.77 }"});
  const std::string altered = "altered " + ruleset_version();
  EXPECT_EQ(seen_version(), altered);
  const std::string handle = host.must({"nft", "-a", "list", "tables"});
  ASSERT_TRUE(
      firewall.apply(std::vector{Change{Ruleset{altered}, Ruleset{ruleset_version()}, "altered by hand"}}).ok());
  EXPECT_EQ(seen_version(), ruleset_version());
  EXPECT_EQ(host.must({"nft", "-a", "list", "tables"}), handle) << "the same table";
  EXPECT_NE(host.must({"nft", "list", "set", "inet", "fanctl", "exposed"}).find("250.0.28.77"), std::string::npos);
}

// Ends as the test, in a user namespace of its own, which may have no more network namespaces than the one it is in.
TEST_F(PrintedOtherwise, WhereNoNamespaceCanBeMadeTheyAreTakenForAltered) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const bool apart = unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 && write_file("/proc/self/setgroups", "deny") &&
                       write_file("/proc/self/uid_map", "0 0 1") && write_file("/proc/self/gid_map", "0 0 1") &&
                       write_file("/proc/sys/user/max_net_namespaces", "0");
    nft::Firewall firewall;
    _exit(!apart                                             ? 1
          : !firewall.apply(loading(sample_fan())).ok()      ? 2
          : seen_version() != "altered " + ruleset_version() ? 3
                                                             : 0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(PrintedOtherwise, WhoMayNotFindOutIsToldSo) {
  nft::Firewall firewall;
  ASSERT_TRUE(firewall.apply(loading(sample_fan())).ok());
  std::thread([] {
    give_up_sys_admin();
    const Result<std::string> seen = version();
    ASSERT_FALSE(seen.ok()) << *seen;
    EXPECT_EQ(seen.error().kind, ErrorClass::privilege);
  }).join();
}
