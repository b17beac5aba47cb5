// Fixture of the tests that are about the kernel alone: a kernel world of the test's own, and short words for what they
// do.
#pragma once

#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "contract/kernel_world.h"
#include "contract/samples.h"

namespace fan::test {

class KernelTest : public testing::Test {
protected:
  KernelProvider& provider() { return provider_; }
  void ip(const std::vector<std::string>& lines) { world_.netns().ip(lines); }
  std::string must(const Argv& argv) { return world_.netns().must(argv); }
  const Netns& netns() { return world_.netns(); }

  Result<void> apply(std::optional<Object> before, std::optional<Object> after) {
    const Change change{std::move(before), std::move(after), "test"};
    return provider_.apply({&change, 1});
  }
  Result<void> create(const Object& object) { return apply(std::nullopt, object); }
  Result<void> remove(const Object& object) { return apply(object, std::nullopt); }
  void make(const std::vector<Object>& objects) {
    for (const Object& object : objects) {
      const auto made = create(object);
      ASSERT_TRUE(made) << key_of(object) << ": " << made.error().message;
    }
  }
  // The whole of a fan's network objects but its route.
  void make_fan() {
    make({sample_tunnel(), sample_bridge(), sample_address(), LinkUp{sample_bridge_name}, LinkUp{sample_tunnel_name}});
  }

  std::optional<Observed> find(const std::string& key) {
    const auto seen = provider_.observe({{sample_bridge_name, sample_tunnel_name}, {}, {}, {sample_overlay}});
    EXPECT_TRUE(seen) << seen.error().message;
    const auto at = seen->find(key);
    return at == seen->end() ? std::nullopt : std::optional(at->second);
  }
  bool is_so(const Object& object) {
    const auto found = find(key_of(object));
    return found && found->object == object;
  }
  Facts facts() {
    auto facts = provider_.facts();
    EXPECT_TRUE(facts) << facts.error().message;
    return *facts;
  }

private:
  KernelWorld world_;
  KernelProvider& provider_ = static_cast<KernelProvider&>(world_.provider());
};

// The error of what must fail; a test failure when it did not.
template <class T>
Error error_of(const Result<T>& result) {
  EXPECT_FALSE(result);
  return result ? Error() : result.error();
}

} // namespace fan::test
