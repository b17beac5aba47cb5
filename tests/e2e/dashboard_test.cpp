// The dashboard over a real Prometheus that scrapes a host with fans: every panel's expression is answered, with data.
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cctype>
#include <fstream>
#include <regex>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "netns/config_folder.h"
#include "netns/fan_pair.h"
#include "support/packet.h"
#include "support/raw_sender.h"

namespace fan::test {
namespace {

using nlohmann::json;

constexpr std::uint16_t port = 9090;

std::string encoded(const std::string& text) {
  std::string out;
  for (const unsigned char c : text) {
    out += std::isalnum(c) != 0 ? std::string(1, static_cast<char>(c)) : fmt::format("%{:02X}", c);
  }
  return out;
}

// The body of what the Prometheus in this namespace answers; "" when it does not, or answers that it is not ready yet.
std::string get(const Netns& in, const std::string& path) {
  const Inside here(in);
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const std::string request = "GET " + path + " HTTP/1.0\r\nHost: localhost\r\n\r\n";
  std::string answer;
  if (connect(descriptor, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0 &&
      send(descriptor, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size())) {
    char part[4096];
    for (ssize_t got = 0; (got = recv(descriptor, part, sizeof part, 0)) > 0;) {
      answer.append(part, static_cast<std::size_t>(got));
    }
  }
  close(descriptor);
  const std::size_t body = answer.find("\r\n\r\n");
  const bool not_ready = answer.find(" 503 ") < answer.find("\r\n");
  return body == std::string::npos || not_ready ? "" : answer.substr(body + 4);
}

struct Panel {
  std::string title;
  std::string expression;
};

// As Grafana asks: with the dashboard's variables in place.
std::string filled_in(std::string expression) {
  expression = std::regex_replace(expression, std::regex("\\$__rate_interval"), "30s");
  return std::regex_replace(expression, std::regex("\\$instance"), ".*");
}

std::vector<Panel> panels() {
  std::ifstream file(SOURCE_DIR "/dashboards/fanctl.json");
  std::vector<Panel> found;
  for (const json& panel : json::parse(file)["panels"]) {
    for (const json& target : panel.value("targets", json::array())) {
      found.push_back({panel["title"], filled_in(target["expr"])});
    }
  }
  return found;
}

class Dashboard : public ::testing::Test {
protected:
  Dashboard() : host(fans.a) {
    fans.up({"dhcp"});
    container.emplace(fans.container_a());
    folder.write("prometheus.yml", "global: {scrape_interval: 1s}\nscrape_configs:\n"
                                   "- job_name: fanctl\n  static_configs:\n  - targets: ['127.0.0.1:19250']\n");
    // As fanctl-metrics.socket does.
    metrics.emplace(Argv{"systemd-socket-activate", "--listen=127.0.0.1:19250", "--inetd", "--accept", fanctl_path(),
                         "metrics", "--http"},
                    RunOptions{.netns = &host});
    server.emplace(Argv{HOOKS_ROOTS "/prometheus/usr/bin/prometheus", "--config.file=" + folder.file("prometheus.yml"),
                        "--storage.tsdb.path=" + folder.file("data"),
                        fmt::format("--web.listen-address=127.0.0.1:{}", port)},
                   RunOptions{.netns = &host});
  }

  // What a query comes to; an error of Prometheus' is a failure of the test.
  json ask(const std::string& expression) const {
    const std::string text = get(host, "/api/v1/query?query=" + encoded(expression));
    const json answer = json::parse(text, nullptr, false);
    if (!answer.is_object() || answer["status"] != "success") {
      ADD_FAILURE() << expression << ": " << text << "\n" << server->output();
      return json::array();
    }
    return answer["data"]["result"];
  }
  [[nodiscard]] bool has_data(const std::string& expression) const {
    return eventually([&] { return !ask(expression).empty() || HasFailure(); }, std::chrono::seconds(60));
  }

  FanPair fans{"vxlan"};
  Host& host;
  std::optional<Container> container;
  ConfigFolder folder;
  std::optional<Background> metrics;
  std::optional<Background> server;
};

TEST_F(Dashboard, EveryPanelIsAnsweredWithData) {
  ASSERT_TRUE(eventually([&] { return !get(host, "/-/ready").empty(); }, std::chrono::seconds(60))) << server->output();
  ASSERT_TRUE(has_data("up == 1")) << metrics->output() << server->output();
  // Something is wrong with the fan, somebody is refused, and something passes.
  host.ip({"route del 250.0.0.0/8"});
  RawSender refused = RawSender::packets(fans.b);
  refused.start({ipv4({fans.b.address, host.address, protocol_udp, 255}, udp(50000, 8472, Bytes(60, 1)))}, 20);
  std::optional<Background> pinging;
  pinging.emplace(Argv{"ping", "-i", "0.2", "250.0.27.1"}, RunOptions{.netns = &*container});
  for (const Panel& panel : panels()) {
    SCOPED_TRACE(panel.title + ": " + panel.expression);
    (void)ask(panel.expression);
    // A panel of errors is empty where there are none; what it is about has to be there.
    const bool of_errors = panel.expression.ends_with(" > 0") && panel.expression.find("device_") != std::string::npos;
    EXPECT_TRUE(has_data(of_errors ? panel.expression.substr(0, panel.expression.size() - 4) : panel.expression));
  }
  const json instances = json::parse(get(host, "/api/v1/label/instance/values?match[]=fanctl_build_info"));
  EXPECT_EQ(instances["data"], json::array({"127.0.0.1:19250"})) << "what the dashboard's list of hosts asks";
}

// Prometheus' own judgement of names, types and helps.
TEST_F(Dashboard, TheMetricsAreAsPrometheusWantsThem) {
  RunOptions options;
  options.input = host.fanctl_must({"metrics"});
  const Outcome checked = run({HOOKS_ROOTS "/prometheus/usr/bin/promtool", "check", "metrics"}, options);
  EXPECT_TRUE(checked.ok()) << checked.out << checked.err;
  EXPECT_EQ(checked.out + checked.err, "");
}

} // namespace
} // namespace fan::test
