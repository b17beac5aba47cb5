// What show and explain say about the real kernel.
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fan_pair.h"
#include "schema.h"

namespace fan::test {
namespace {

using testing::HasSubstr;

class Show : public OverEach {};
FAN_OVER_EACH(Show);

cli::Json schema() {
  std::ifstream file(std::string(SOURCE_DIR) + "/docs/schema/fanctl-1.json");
  return cli::Json::parse(file);
}

// The document, which must be a `definition` of the schema with nothing that the schema does not name.
cli::Json document(const std::string& definition, const std::string& text) {
  const cli::Json root = schema();
  const cli::Json parsed = cli::Json::parse(text, nullptr, false);
  EXPECT_FALSE(parsed.is_discarded()) << text;
  EXPECT_EQ(complaints(root, root["$defs"][definition], parsed, "", true), std::vector<std::string>{}) << text;
  return parsed;
}

RunOptions nobody() {
  RunOptions options;
  options.uid = 65534;
  return options;
}

const std::string header = "Bridge           Overlay              Underlay             Flags\n";

TEST_P(Show, IsTheTableOf2015ToTheByte) {
  FanPair fans(type());
  const bool is_ipip = GetParam() == Encapsulation::ipip;
  const std::vector<std::string> line =
      is_ipip ? std::vector<std::string>{"up", "250.0.0.0/8", "eth0/16", "dhcp"} : fans.line("up", {"dhcp"});
  EXPECT_EQ(fans.b.fanctl_must({"show"}), header);
  EXPECT_EQ(fans.b.fanctl_must(line), "");
  const std::string table = header + "fan-250-0-28     250.0.0.0/8          172.30.0.28/16       dhcp host-reserve 1" +
                            (is_ipip ? "\n" : " type vxlan\n");
  const Outcome shown = fans.b.fanctl({"show"});
  EXPECT_EQ(shown.out, table);
  EXPECT_EQ(shown.err, "");
  EXPECT_EQ(fans.b.fanctl({"show"}, nobody()).out, table) << "without root";
  fans.b.fanctl_must({"down", "250.0.0.0/8", "eth0/16"});
  EXPECT_EQ(fans.b.fanctl_must({"show"}), header);
}

TEST_P(Show, JsonIsAsItsSchemaSays) {
  FanPair fans(type());
  const cli::Json up = document("report", fans.a.fanctl_must(fans.line("up", {"dhcp", "--json"})));
  EXPECT_EQ(up["fans"][0]["bridge"], "fan-250-0-27");
  EXPECT_FALSE(up["changes"].empty());
  const Container c = fans.container_a();
  const cli::Json shown = document("show", fans.a.fanctl_must({"show", "--stats", "--refused", "--json"}));
  EXPECT_EQ(shown["complete"], true);
  const cli::Json& fan = shown["fans"][0];
  EXPECT_EQ(fan["slice"], "250.0.27.0/24");
  EXPECT_EQ(fan["gateway"], "250.0.27.1");
  EXPECT_EQ(fan["host"], "172.30.0.27");
  EXPECT_EQ(fan["device"], "eth0");
  EXPECT_EQ(fan["type"], type());
  EXPECT_EQ(fan["mtu"], 1500 - overhead_of(GetParam()));
  EXPECT_EQ(fan["state"], "ok");
  EXPECT_EQ(fan["ports"], cli::Json::array({c.port()}));
  EXPECT_GT(shown["stats"].size(), 20U);
  const cli::Json failure = document("failure", fans.a.fanctl({"up", "250", "nosuch", "--json"}).out);
  EXPECT_EQ(failure["error"]["class"], "host-state");
  const cli::Json down = document("report", fans.a.fanctl_must({"down", "fan-250-0-27", "--force", "--json"}));
  EXPECT_EQ(down["command"], "down");
}

TEST_P(Show, AChangeByHandIsNamedWithExpectedAndFound) {
  FanPair fans(type());
  fans.a.fanctl_must(fans.line("up"));
  EXPECT_EQ(fans.a.fanctl({"show", "--check"}).status, 0);
  fans.a.must({"ip", "link", "set", "fan-250-0-27", "mtu", "1300"});
  fans.a.must({"ip", "route", "del", "250.0.0.0/8"});
  const Outcome checked = fans.a.fanctl({"show", "--check", "-v"});
  EXPECT_EQ(checked.status, 8);
  EXPECT_THAT(checked.out, HasSubstr(" degraded\n"));
  EXPECT_THAT(checked.out, HasSubstr("mtu 1300"));
  EXPECT_THAT(checked.out, HasSubstr("missing"));
  EXPECT_THAT(checked.err, HasSubstr("fanctl up 250.0.0.0/8 eth0/16")) << "the line that repairs it";
  const cli::Json shown = document("show", fans.a.fanctl_must({"show", "--json"}));
  EXPECT_EQ(shown["fans"][0]["state"], "degraded");
  ASSERT_EQ(shown["fans"][0]["drift"].size(), 2U);
  for (const cli::Json& drift : shown["fans"][0]["drift"]) {
    if (drift["key"] == "bridge fan-250-0-27") {
      EXPECT_THAT(drift["expected"].get<std::string>(),
                  HasSubstr("mtu " + std::to_string(1500 - overhead_of(GetParam()))));
      EXPECT_THAT(drift["found"].get<std::string>(), HasSubstr("mtu 1300"));
    } else {
      EXPECT_EQ(drift["key"], "route 250.0.0.0/8");
      EXPECT_TRUE(drift["found"].is_null());
    }
  }
}

TEST_P(Show, WithoutRoot) {
  FanPair fans(type());
  fans.a.fanctl_must(fans.line("up", {"host-reserve", "3"}));
  const cli::Json shown = document("show", fans.a.fanctl({"show", "--json"}, nobody()).out);
  EXPECT_EQ(shown["complete"], false);
  EXPECT_EQ(shown["fans"][0]["state"], "unknown");
  EXPECT_EQ(shown["fans"][0]["host_reserve"], 3);
  const Outcome check = fans.a.fanctl({"show", "--check"}, nobody());
  EXPECT_EQ(check.status, 4);
  EXPECT_THAT(check.err, HasSubstr("sudo fanctl show --check"));
  EXPECT_EQ(fans.a.fanctl({"show", "--stats"}, nobody()).status, 4);
  EXPECT_EQ(fans.a.fanctl({"show", "--refused"}, nobody()).status, 4);
}

// That is inherited: from a supervisor, say.
TEST_P(Show, WhereChildrenAreIgnored) {
  FanPair fans(type());
  fans.a.fanctl_must(fans.line("up"));
  const Outcome shown = fans.a.run({"env", "--ignore-signal=CHLD", fanctl_path(), "show", "--check"});
  EXPECT_EQ(shown.status, 0) << shown.err;
  EXPECT_EQ(shown.err, "");
}

TEST_P(Show, ExplainWithoutRootSaysWhoOwnsAnAddress) {
  FanPair fans(type());
  const std::vector<std::string> by_hand{"explain",       "250.0.28.15", "-o",   "250",   "-u",
                                         "172.30.0.0/16", "--type",      type(), "--json"};
  const cli::Json alone = document("explain", fans.b.fanctl(by_hand, nobody()).out);
  EXPECT_EQ(alone["explanations"][0]["host"], "172.30.0.28");
  EXPECT_EQ(alone["explanations"][0]["role"], "pool");
  fans.a.fanctl_must(fans.line("up"));
  const cli::Json known =
      document("explain", fans.a.fanctl({"explain", "250.0.28.15", "--json"}, nobody()).out)["explanations"][0];
  EXPECT_EQ(known["host"], "172.30.0.28");
  EXPECT_EQ(known["slice"], "250.0.28.0/24");
  EXPECT_EQ(known["own"], false);
  EXPECT_EQ(known["outer"]["source"], "172.30.0.27");
  EXPECT_EQ(known["outer"]["destination"], "172.30.0.28");
  EXPECT_EQ(known["outer"]["protocol"], GetParam() == Encapsulation::ipip ? 4 : 17);
  const cli::Json host =
      document("explain", fans.a.fanctl({"explain", "172.30.0.27", "--json"}, nobody()).out)["explanations"][0];
  EXPECT_EQ(host["role"], "host");
  EXPECT_EQ(host["slice"], "250.0.27.0/24");
  EXPECT_EQ(host["own"], true);
}

} // namespace
} // namespace fan::test
