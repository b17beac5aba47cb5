#include "core/fnv.h"

#include <gtest/gtest.h>

namespace fan {
namespace {

// draft-eastlake-fnv, appendix C.
TEST(Fnv, IsThatOfTheDraft) {
  EXPECT_EQ(fnv1a_32(""), 0x811c9dc5U);
  EXPECT_EQ(fnv1a_32("a"), 0xe40c292cU);
  EXPECT_EQ(fnv1a_32("foobar"), 0xbf9cf968U);
  EXPECT_EQ(fnv1a_64(""), 0xcbf29ce484222325U);
  EXPECT_EQ(fnv1a_64("a"), 0xaf63dc4c8601ec8cU);
  EXPECT_EQ(fnv1a_64("foobar"), 0x85944171f73967e8U);
}

TEST(Fnv, TakesBytesAboveAsciiWithoutTheirSign) {
  EXPECT_EQ(fnv1a_32("\xff"), (0x811c9dc5U ^ 0xffU) * 0x1000193U);
}

} // namespace
} // namespace fan
