// The four ways of not being allowed are told apart.
#include <cerrno>

#include <gtest/gtest.h>

#include "fanctl/privilege.h"

namespace fan::test {
namespace {

constexpr std::uint64_t everything = ~std::uint64_t{0};
constexpr std::uint64_t net_admin = std::uint64_t{1} << 12U;
constexpr std::uint64_t sys_admin = std::uint64_t{1} << 21U;

cli::ProcessFacts root() {
  cli::ProcessFacts facts;
  facts.effective_capabilities = everything;
  facts.lockdown = "none";
  return facts;
}

std::string refusal(const cli::ProcessFacts& facts) {
  const Result<void> judged = cli::judge_privilege(facts);
  if (judged) {
    return "";
  }
  EXPECT_EQ(judged.error().kind, ErrorClass::privilege);
  EXPECT_NE(judged.error().hint, "");
  return judged.error().message;
}

TEST(Privilege, RootMay) {
  EXPECT_EQ(refusal(root()), "");
}

TEST(Privilege, NamesTheMissingCapability) {
  cli::ProcessFacts facts = root();
  facts.bpf_errno = EPERM;
  facts.effective_capabilities = 0;
  EXPECT_EQ(refusal(facts), "this process lacks CAP_NET_ADMIN and CAP_SYS_ADMIN");
  facts.effective_capabilities = net_admin;
  EXPECT_EQ(refusal(facts), "this process lacks CAP_SYS_ADMIN");
  facts.effective_capabilities = sys_admin;
  EXPECT_EQ(refusal(facts), "this process lacks CAP_NET_ADMIN");
}

TEST(Privilege, UserNamespaceWithAllItsCapabilities) {
  cli::ProcessFacts facts = root();
  facts.initial_user_namespace = false;
  facts.bpf_errno = EPERM;
  EXPECT_NE(refusal(facts).find("user namespace"), std::string::npos);
  facts.bpf_errno = 0;
  facts.owns_network_namespace = false;
  EXPECT_NE(refusal(facts).find("network namespace belongs to another user namespace"), std::string::npos);
}

TEST(Privilege, Seccomp) {
  cli::ProcessFacts facts = root();
  facts.bpf_errno = EPERM;
  facts.seccomp_mode = 2;
  EXPECT_NE(refusal(facts).find("seccomp"), std::string::npos);
}

TEST(Privilege, Lockdown) {
  cli::ProcessFacts facts = root();
  facts.bpf_errno = EPERM;
  facts.lockdown = "confidentiality";
  EXPECT_NE(refusal(facts).find("locked down (confidentiality)"), std::string::npos);
  facts.lockdown = "none";
  EXPECT_EQ(refusal(facts).find("locked down"), std::string::npos);
}

TEST(Privilege, KernelWithoutBpf) {
  cli::ProcessFacts facts = root();
  facts.bpf_errno = ENOSYS;
  EXPECT_NE(refusal(facts).find("not built in"), std::string::npos);
}

} // namespace
} // namespace fan::test
