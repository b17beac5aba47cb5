// fanctl metrics over the real kernel: the text, the file, and the connection.
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fan_pair.h"
#include "support/prometheus.h"

namespace fan::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class RealMetrics : public OverEach {};
FAN_OVER_EACH(RealMetrics);

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST_P(RealMetrics, CountWhatPasses) {
  FanPair fans(type());
  fans.up();
  const Container a = fans.container_a();
  const Container b = fans.container_b();
  ASSERT_TRUE(pings(a, at_b));
  const Metrics metrics = parse_metrics(fans.b.fanctl_must({"metrics"}));
  EXPECT_EQ(metrics.complaints, std::vector<std::string>{});
  EXPECT_GE(metrics.value("fanctl_packets_total", {{"reason", "in-accepted"}}), 3);
  EXPECT_GE(metrics.value("fanctl_packets_total", {{"reason", "out-sent"}}), 3);
  EXPECT_EQ(metrics.value("fanctl_fan_degraded"), 0);
  EXPECT_GT(metrics.value("fanctl_fan_objects_expected"), 20);
  EXPECT_EQ(metrics.value("fanctl_fan_objects_expected"), metrics.value("fanctl_fan_objects_found"));
  EXPECT_EQ(metrics.value("fanctl_fan_info", {{"slice", "250.0.28.0/24"}, {"encapsulation", type()}}), 1);
  EXPECT_EQ(metrics.value("fanctl_bridge_ports"), 1);
  const std::map<std::string, std::string> tunnel{{"kind", type()}};
  EXPECT_EQ(metrics.value("fanctl_device_up", tunnel), 1);
  EXPECT_GE(metrics.value("fanctl_device_receive_packets_total", tunnel), 3);
  EXPECT_GE(metrics.value("fanctl_device_transmit_bytes_total", tunnel), 3 * 84);
  EXPECT_GE(metrics.value("fanctl_device_receive_packets_total", {{"kind", "bridge"}}), 3);
  for (const char* part : {"counters", "devices", "fans", "objects", "refused"}) {
    EXPECT_EQ(metrics.value("fanctl_scrape_success", {{"part", part}}), 1) << part;
  }
}

// A folder of its own under /tmp, gone with the object.
struct Folder {
  Folder() { EXPECT_NE(mkdtemp(path.data()), nullptr); }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string path = "/tmp/fanctl-test-XXXXXX";
};

TEST(MetricsFile, IsWholeAndReadable) {
  Underlay underlay{NoForgers{}};
  const Host& host = underlay.host("172.30.0.27/16");
  const Folder folder;
  const std::string file = folder.path + "/fanctl.prom";
  EXPECT_EQ(host.fanctl_must({"metrics", "--file", file}), "");
  EXPECT_EQ(parse_metrics(text_of(file)).complaints, std::vector<std::string>{});
  struct stat facts {};
  ASSERT_EQ(stat(file.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777U, 0644U);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path), {}), 1) << "nothing else is left";
}

// In somebody else's folder a link must not lead to what is ours.
TEST(MetricsFile, NoLinkIsFollowed) {
  Underlay underlay{NoForgers{}};
  const Host& host = underlay.host("172.30.0.27/16");
  const Folder folder;
  std::ofstream(folder.path + "/precious") << "mine\n";
  std::filesystem::create_symlink("precious", folder.path + "/fanctl.prom");
  host.fanctl_must({"metrics", "--file", folder.path + "/fanctl.prom"});
  EXPECT_EQ(text_of(folder.path + "/precious"), "mine\n");
  EXPECT_FALSE(std::filesystem::is_symlink(folder.path + "/fanctl.prom"));
}

TEST(MetricsFile, ThatCannotBeWrittenIsAnError) {
  Underlay underlay{NoForgers{}};
  const Host& host = underlay.host("172.30.0.27/16");
  const Folder folder;
  for (const std::string& bad : {folder.path + "/none/fanctl.prom", folder.path + "/", folder.path}) {
    const Outcome ran = host.fanctl({"metrics", "--file", bad});
    EXPECT_EQ(ran.status, 3) << bad;
    EXPECT_THAT(ran.err, HasSubstr("cannot be written")) << bad;
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path));
}

// Nor is a file put in the place of a device, which every process of the host may have a use for.
TEST(MetricsFile, NothingButAFileIsReplaced) {
  Underlay underlay{NoForgers{}};
  const Host& host = underlay.host("172.30.0.27/16");
  const Folder folder;
  ASSERT_EQ(mknod((folder.path + "/null").c_str(), S_IFCHR | 0666, makedev(1, 3)), 0);
  ASSERT_EQ(mkfifo((folder.path + "/pipe").c_str(), 0666), 0);
  std::filesystem::create_symlink("null", folder.path + "/to-null");
  std::filesystem::create_symlink("/proc/self/fd/1", folder.path + "/to-output");
  for (const char* name : {"null", "pipe", "to-null", "to-output"}) {
    const std::string path = std::string(folder.path).append("/").append(name);
    const auto before = std::filesystem::symlink_status(path).type();
    const Outcome ran = host.fanctl({"metrics", "--file", path});
    EXPECT_EQ(ran.status, 3) << name;
    EXPECT_THAT(ran.err, HasSubstr(path + " is there, and is not a regular file")) << name;
    EXPECT_EQ(std::filesystem::symlink_status(path).type(), before) << name;
  }
  std::filesystem::create_symlink("gone", folder.path + "/to-nowhere");
  host.fanctl_must({"metrics", "--file", folder.path + "/to-nowhere"});
  EXPECT_TRUE(std::filesystem::is_regular_file(folder.path + "/to-nowhere"));
}

Outcome asked(const Host& host, const std::string& request) {
  RunOptions options;
  options.input = request;
  return host.fanctl({"metrics", "--http"}, options);
}

TEST(MetricsHttp, AnswersOneRequest) {
  Underlay underlay{NoForgers{}};
  const Host& host = underlay.host("172.30.0.27/16");
  const std::string answer = asked(host, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").out;
  EXPECT_THAT(answer, StartsWith("HTTP/1.0 200 OK\r\n"));
  EXPECT_EQ(parse_metrics(answer.substr(answer.find("\r\n\r\n") + 4)).complaints, std::vector<std::string>{});
  EXPECT_THAT(asked(host, "BREW /pot HTTP/1.1\r\n\r\n").out, StartsWith("HTTP/1.0 405 "));
  EXPECT_THAT(asked(host, "GET /metrics HTTP/1.1\r\n").out, StartsWith("HTTP/1.0 408 ")) << "the peer stopped half way";
  EXPECT_THAT(asked(host, std::string(100000, 'x')).out, StartsWith("HTTP/1.0 431 "));
  const Outcome silent = asked(host, "");
  EXPECT_EQ(silent.out, "") << "somebody looked whether the port is open";
  EXPECT_EQ(silent.status, 0);
}

} // namespace
} // namespace fan::test
