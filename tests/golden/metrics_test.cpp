// What `fanctl metrics` prints, by a strict parser; what is answered to HTTP; and the dashboard, which may ask only for
// what is printed.
#include <regex>

#include <gtest/gtest.h>

#include "fanctl/http/request.h"
#include "fanctl/output/exposition.h"
#include "fanctl/output/json.h"
#include "golden.h"
#include "support/prometheus.h"

namespace fan::test {
namespace {

void fill(MemoryWorld& world) {
  ASSERT_EQ(run(world, {"up", "250", "eth0", "dhcp"}).status, 0);
  ASSERT_EQ(run(world, {"up", "251", "eth0", "type", "vxlan"}).status, 0);
  world.counts = {{"in-accepted", "received and let through", false, 1234567, 18446744073709551615U},
                  {"in-vni", "VNI of no fan here", true, 3, 150},
                  {"nft-forged", "overlay source on a device that it cannot come from", true, 2, 120}};
  world.peers = {{"in-vni", Address(0xac1e001bU), Address(), Address(), 3, 61000},
                 {"in-vni", Address(0xac1e001cU), Address(), Address(), 1, 5}};
  world.traffic = {{"fanvx8472", "vxlan", true, {1, 2, 3, 4}, {5, 6, 7, 8}},
                   {"fan-250-0-28", "bridge", false, {10, 20, 0, 0}, {30, 40, 0, 0}}};
}

std::string without_time(const std::string& text) {
  return std::regex_replace(text, std::regex("(fanctl_scrape_duration_seconds) [0-9.]+\n"), "$1 0.125\n");
}

TEST(Metrics, AreAsWritten) {
  MemoryWorld world;
  fill(world);
  const Ran ran = run(world, {"metrics"});
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.err, "");
  expect_golden("metrics.txt", without_time(ran.out));
  const Metrics metrics = parse_metrics(ran.out);
  EXPECT_EQ(metrics.complaints, std::vector<std::string>{});
  for (const auto& [name, type] : metrics.types) {
    EXPECT_TRUE(name.starts_with("fanctl_")) << name;
  }
  EXPECT_EQ(metrics.value("fanctl_fans"), 2);
  EXPECT_EQ(metrics.value("fanctl_packets_total", {{"reason", "in-vni"}, {"way", "in"}, {"verdict", "refused"}}), 3);
  EXPECT_EQ(metrics.value("fanctl_refused_peers", {{"reason", "in-vni"}}), 2);
  EXPECT_EQ(metrics.value("fanctl_dhcp_server_up", {{"bridge", "fan-250-0-28"}}), 1);
  EXPECT_EQ(metrics.value("fanctl_device_transmit_dropped_total", {{"device", "fanvx8472"}}), 8);
}

TEST(Metrics, SayWhatIsNotAsItShouldBe) {
  MemoryWorld world;
  fill(world);
  const Metrics before = parse_metrics(run(world, {"metrics"}).out);
  world.host.delete_by_hand("route 250.0.0.0/8");
  world.host.delete_by_hand("dhcp fan-250-0-28");
  const Metrics after = parse_metrics(run(world, {"metrics"}).out);
  EXPECT_EQ(after.complaints, std::vector<std::string>{});
  const std::map<std::string, std::string> fan{{"bridge", "fan-250-0-28"}};
  EXPECT_EQ(before.value("fanctl_fan_degraded", fan), 0);
  EXPECT_EQ(after.value("fanctl_fan_degraded", fan), 1);
  EXPECT_EQ(after.value("fanctl_fan_degraded", {{"bridge", "fan-251-0-28"}}), 0);
  EXPECT_EQ(after.value("fanctl_dhcp_server_up", fan), 0);
  EXPECT_EQ(after.value("fanctl_fan_objects_degraded", {{"bridge", "fan-250-0-28"}, {"kind", "route"}}), 1);
  EXPECT_EQ(before.value("fanctl_fan_objects_found", fan), before.value("fanctl_fan_objects_expected", fan));
  EXPECT_EQ(after.value("fanctl_fan_objects_found", fan), after.value("fanctl_fan_objects_expected", fan) - 2);
}

TEST(Metrics, WithoutFansAreMetricsToo) {
  MemoryWorld world;
  const Metrics metrics = parse_metrics(run(world, {"metrics"}).out);
  EXPECT_EQ(metrics.complaints, std::vector<std::string>{});
  EXPECT_EQ(metrics.value("fanctl_fans"), 0);
  EXPECT_EQ(metrics.count("fanctl_fan_info"), 0U);
}

TEST(Metrics, EitherFileOrHttp) {
  MemoryWorld world;
  const Ran ran = run(world, {"metrics", "--http", "--file", "/nowhere/x"});
  EXPECT_EQ(ran.status, 2);
  EXPECT_EQ(ran.out, "");
}

TEST(Metrics, OneFileThatHasAName) {
  MemoryWorld world;
  for (const std::vector<std::string>& wrong : std::vector<std::vector<std::string>>{
           {"metrics", "--file", ""}, {"metrics", "--file="}, {"metrics", "--file", "/nowhere/x", "--file", "y"}}) {
    const Ran ran = run(world, wrong);
    EXPECT_EQ(ran.status, 2);
    EXPECT_EQ(ran.out, "");
  }
}

TEST(Metrics, ValuesOfLabelsAreEscaped) {
  EXPECT_EQ(cli::label_value("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
  EXPECT_EQ(cli::label_value("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f");
  const std::string bad = "\xef\xbf\xbd";
  for (const char* bytes : {"\xff", "\xc3", "\x80", "\xc0\x80", "\xed\xa0\x80", "\xe0\x80\x80", "\xf4\x90\x80\x80"}) {
    std::string wanted;
    for (std::size_t i = 0; i < std::string(bytes).size(); ++i) {
      wanted += bad;
    }
    EXPECT_EQ(cli::label_value(bytes), wanted);
  }
  EXPECT_EQ(cli::label_value("\xf0\x9f\x8c\x80"), "\xf0\x9f\x8c\x80");
}

TEST(Metrics, TheParserOfThisTestComplains) {
  for (const char* wrong : {"x 1\n", "# HELP x y\n# TYPE x gauge\nx{a=\"\\t\"} 1\n", "# HELP x y\n# TYPE x gauge\nx 1",
                            "# HELP x y\n# TYPE x gauge\nx 1\nx 1\n", "# HELP x y\n# TYPE x counter\nx 1\n",
                            "# HELP x y\n# TYPE x gauge\nx{a=\"b\" 1\n", "# HELP x y\n# TYPE x gauge\nx one\n",
                            "# EOF\n", "# HELP x y\n# TYPE x gauge\n# HELP y z\n# TYPE y gauge\ny 1\nx 1\n"}) {
    EXPECT_FALSE(parse_metrics(wrong).complaints.empty()) << wrong;
  }
}

TEST(Http, OneAnswerForEachKindOfRequest) {
  const auto first_line = [](const std::string& request) {
    const std::string answer = cli::http::answer_to(request, "body\n");
    return answer.substr(0, answer.find('\r'));
  };
  const std::string ok = "HTTP/1.0 200 OK";
  EXPECT_EQ(first_line("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"), ok);
  EXPECT_EQ(first_line("GET /metrics?name=x HTTP/1.0\n\n"), ok);
  EXPECT_EQ(first_line("GET http://a:1/metrics HTTP/1.1\r\n\r\n"), ok);
  EXPECT_EQ(first_line("HEAD /metrics HTTP/1.1\r\n\r\n"), ok);
  for (const char* other : {"/", "/metrics/", "/../etc/shadow", "http://a", "*"}) {
    EXPECT_EQ(first_line("GET " + std::string(other) + " HTTP/1.1\r\n\r\n"), "HTTP/1.0 404 Not Found") << other;
  }
  EXPECT_EQ(first_line("POST /metrics HTTP/1.1\r\n\r\n"), "HTTP/1.0 405 Method Not Allowed");
  EXPECT_EQ(first_line("get /metrics HTTP/1.1\r\n\r\n"), "HTTP/1.0 405 Method Not Allowed");
  for (const char* bad : {"\r\n\r\n", "GET\r\n\r\n", "GET /metrics\r\n\r\n", "GET  /metrics HTTP/1.1\r\n\r\n",
                          "GET /metrics HTTP/1.1 \r\n\r\n", "G\x01T /metrics HTTP/1.1\r\n\r\n",
                          "GET /m\xc3\xa4 HTTP/1.1\r\n\r\n", "GET /metrics HTTQ/1.1\r\n\r\n"}) {
    EXPECT_EQ(first_line(bad), "HTTP/1.0 400 Bad Request") << bad;
  }
  EXPECT_EQ(first_line("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "HTTP/1.0 505 HTTP Version Not Supported");
  EXPECT_EQ(first_line("GET /metrics HTTP/1.1\r\n"), "HTTP/1.0 408 Request Timeout");
  EXPECT_EQ(first_line("GET /" + std::string(cli::http::largest_request, 'a')),
            "HTTP/1.0 431 Request Header Fields Too Large");
}

TEST(Http, TheAnswerIsWhole) {
  const std::string get = cli::http::answer_to("GET /metrics HTTP/1.1\r\n\r\n", "body\n");
  const std::string head = cli::http::answer_to("HEAD /metrics HTTP/1.1\r\n\r\n", "body\n");
  EXPECT_TRUE(get.ends_with("\r\n\r\nbody\n")) << get;
  EXPECT_NE(get.find("\r\nContent-Length: 5\r\n"), std::string::npos) << get;
  EXPECT_NE(get.find("\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"), std::string::npos);
  EXPECT_EQ(head + "body\n", get) << "the same header fields, without the body";
  EXPECT_NE(cli::http::answer_to("PUT / HTTP/1.0\r\n\r\n", "").find("\r\nAllow: GET, HEAD\r\n"), std::string::npos);
}

// --- the dashboard

using cli::Json;

std::vector<Json> panels_of(const Json& dashboard) {
  std::vector<Json> panels;
  for (const Json& panel : dashboard["panels"]) {
    panels.push_back(panel);
    for (const Json& inner : panel.value("panels", Json::array())) {
      panels.push_back(inner);
    }
  }
  return panels;
}

Json dashboard() {
  return Json::parse(read_text(std::string(SOURCE_DIR) + "/dashboards/fanctl.json"));
}

TEST(Dashboard, AsksOnlyForWhatIsPrinted) {
  MemoryWorld world;
  fill(world);
  world.host.delete_by_hand("route 250.0.0.0/8");
  const Metrics metrics = parse_metrics(run(world, {"metrics"}).out);
  std::set<std::string> asked;
  for (const Json& panel : panels_of(dashboard())) {
    for (const Json& target : panel.value("targets", Json::array())) {
      const std::set<std::string> names = metrics_in(target["expr"]);
      EXPECT_FALSE(names.empty()) << target;
      asked.insert(names.begin(), names.end());
    }
  }
  for (const std::string& name : asked) {
    EXPECT_TRUE(name == "up" || metrics.types.count(name) == 1) << name;
  }
  for (const auto& [name, type] : metrics.types) {
    EXPECT_TRUE(asked.count(name) == 1) << name << " is on no panel";
  }
}

TEST(Dashboard, IsOneThatGrafanaTakes) {
  const Json all = dashboard();
  EXPECT_TRUE(all["id"].is_null());
  EXPECT_FALSE(all["uid"].get<std::string>().empty());
  EXPECT_FALSE(all["title"].get<std::string>().empty());
  EXPECT_GE(all["schemaVersion"].get<int>(), 36);
  std::set<int> ids;
  std::set<std::pair<int, int>> cells;
  for (const Json& panel : panels_of(all)) {
    EXPECT_TRUE(ids.insert(panel["id"].get<int>()).second) << "an id twice: " << panel["id"];
    EXPECT_FALSE(panel["title"].get<std::string>().empty());
    EXPECT_FALSE(panel["type"].get<std::string>().empty());
    const Json& at = panel["gridPos"];
    EXPECT_LE(at["x"].get<int>() + at["w"].get<int>(), 24) << panel["title"];
    for (int x = at["x"]; x < at["x"].get<int>() + at["w"].get<int>(); ++x) {
      for (int y = at["y"]; y < at["y"].get<int>() + at["h"].get<int>(); ++y) {
        EXPECT_TRUE(cells.emplace(x, y).second) << panel["title"] << " lies over another panel";
      }
    }
    if (panel["type"] == "row") {
      continue;
    }
    EXPECT_EQ(panel["datasource"]["uid"], "${datasource}") << panel["title"];
    std::set<std::string> letters;
    for (const Json& target : panel["targets"]) {
      EXPECT_TRUE(letters.insert(target["refId"]).second) << panel["title"];
    }
  }
  std::set<std::string> variables;
  for (const Json& variable : all["templating"]["list"]) {
    variables.insert(variable["name"]);
  }
  EXPECT_EQ(variables, (std::set<std::string>{"datasource", "instance"}));
}

} // namespace
} // namespace fan::test
