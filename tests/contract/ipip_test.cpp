// The ipip tunnel device. Many kernels are built without ipip: then what can be tested is what is said about that.
#include <cerrno>

#include <gmock/gmock.h>

#include "contract/kernel_test.h"

namespace fan::test {
namespace {

using testing::HasSubstr;

class Ipip : public KernelTest {
protected:
  const Tunnel tunnel{"fanip", Encapsulation::ipip, 0, Mac{}, 1480, "noqueue"};

  std::optional<Observed> seen() {
    const auto all = provider().observe({{"fanip"}, {}, {}, {sample_overlay}});
    EXPECT_TRUE(all);
    const auto at = all->find("tunnel fanip");
    return at == all->end() ? std::nullopt : std::optional(at->second);
  }
  bool kernel_has_ipip() {
    const auto made = create(tunnel);
    EXPECT_TRUE(made || made.error().sys_errno == EOPNOTSUPP) << made.error().message;
    return made.ok();
  }
};

#define NEEDS_IPIP()                                                                                                   \
  if (!kernel_has_ipip())                                                                                              \
  GTEST_SKIP() << "no-ipip: this kernel was built without it, or its module cannot be loaded"

TEST_F(Ipip, IsMadeOrItsAbsenceExplained) {
  const auto made = create(tunnel);
  if (made) {
    EXPECT_TRUE(seen()->object == Object(tunnel));
    return;
  }
  EXPECT_EQ(made.error().sys_errno, EOPNOTSUPP);
  EXPECT_EQ(made.error().kind, ErrorClass::kernel);
  EXPECT_EQ(made.error().kernel_text, "Unknown device type");
  EXPECT_THAT(made.error().message, HasSubstr("this kernel has no ipip: module `ipip` is missing"));
  EXPECT_THAT(made.error().hint, HasSubstr("modprobe ipip"));
  EXPECT_THAT(made.error().hint, HasSubstr("linux-modules-extra"));
  EXPECT_THAT(made.error().hint, HasSubstr("--type vxlan"));
}

TEST_F(Ipip, IsSeenAsItWasMade) {
  NEEDS_IPIP();
  const auto found = seen();
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->object == Object(tunnel));
  EXPECT_TRUE(found->ours);
  const Facts now = facts();
  EXPECT_TRUE(now.link("fanip")->external);
  EXPECT_EQ(now.link("fanip")->local, Address());
}

TEST_F(Ipip, CannotBeMadeTwiceUnderAnyName) {
  NEEDS_IPIP();
  EXPECT_EQ(error_of(create(tunnel)).sys_errno, EEXIST);
  Tunnel second = tunnel;
  second.name = "fanip2";
  const Error error = error_of(create(second));
  EXPECT_EQ(error.sys_errno, EEXIST);
  EXPECT_THAT(error.hint, HasSubstr("--type vxlan"));
}

TEST_F(Ipip, ChangesItsMtuInPlace) {
  NEEDS_IPIP();
  Tunnel smaller = tunnel;
  smaller.mtu = 1400;
  EXPECT_TRUE(apply(tunnel, smaller));
  EXPECT_TRUE(seen()->object == Object(smaller));
}

TEST_F(Ipip, CarriesTheRouteWithoutANeighbour) {
  NEEDS_IPIP();
  make({LinkUp{"fanip"}, sample_bridge(), sample_address()});
  Route route = sample_route();
  route.device = "fanip";
  make({route});
  EXPECT_TRUE(is_so(route));
  EXPECT_TRUE(seen()->object == Object(tunnel)); // noqueue, too
  EXPECT_THAT(must({"ip", "route", "get", "250.0.29.7"}), HasSubstr("dev fanip"));
}

TEST_F(Ipip, IsGoneOnceRemoved) {
  NEEDS_IPIP();
  EXPECT_TRUE(remove(tunnel));
  EXPECT_FALSE(seen());
  EXPECT_EQ(error_of(remove(tunnel)).sys_errno, ENODEV);
}

TEST_F(Ipip, OfOthersIsDescribedAndLeftAlone) {
  NEEDS_IPIP();
  ip({"link add theirs type ipip local 172.30.0.28 remote 172.30.0.29"});
  const Facts now = facts();
  EXPECT_EQ(now.link("theirs")->kind, "ipip");
  EXPECT_FALSE(now.link("theirs")->external);
  EXPECT_EQ(now.link("theirs")->local, Address(0xac1e001cU));
  EXPECT_FALSE(remove(Tunnel{"theirs", Encapsulation::ipip, 0, Mac{}, 1480, "noqueue"}));
}

} // namespace
} // namespace fan::test
