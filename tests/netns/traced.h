// What `fanctl trace` says, as a document, and two hosts to ask for it.
#pragma once

#include <deque>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fan_pair.h"
#include "fanctl/output/json.h"
#include "linux/bpf/our_filters.h"
#include "schema.h"
#include "support/capture.h"

namespace fan::test {

// The document, which has to be as the schema says.
[[nodiscard]] inline cli::Json traced(const Host& host, std::vector<std::string> words, int status) {
  words.insert(words.begin(), "trace");
  words.emplace_back("--json");
  const Outcome outcome = host.fanctl(words);
  EXPECT_EQ(outcome.status, status) << describe(words, outcome);
  std::ifstream file(std::string(SOURCE_DIR) + "/docs/schema/fanctl-1.json");
  const cli::Json root = cli::Json::parse(file);
  cli::Json document = cli::Json::parse(outcome.out, nullptr, false);
  EXPECT_EQ(complaints(root, root["$defs"]["trace"], document, "", true), std::vector<std::string>{}) << outcome.out;
  return document;
}

// The text of the first hop of this step at this device; "" where there is none.
[[nodiscard]] inline std::string hop_text(const cli::Json& trace, const std::string& step, const std::string& device) {
  for (const cli::Json& hop : trace["hops"]) {
    if (hop["step"] == step && hop["device"] == device) {
      return hop["text"];
    }
  }
  return "";
}

// Whether an echo request comes, where it should as soon as one does. `here` has to ask for everybody's MAC address
// anew.
[[nodiscard]] inline bool comes(const Netns& here, Address source, const Netns& there, Address destination,
                                bool should) {
  const Capture got(there, "eth0", [&](const Frame& f) {
    return !f.outgoing && f.source() == source && f.destination() == destination && f.protocol() == protocol_icmp;
  });
  here.ip({"neigh flush all"});
  for (int n = should ? 20 : 1; n > 0 && got.count() == 0; --n) {
    (void)here.run({"ping", "-n", "-q", "-c", "1", "-W", "1", destination.str()});
  }
  return got.count() != 0;
}

// Two hosts with two containers and one, and nobody who forges: packets are counted.
class TracedPair : public OverEach {
protected:
  void SetUp() override {
    OverEach::SetUp();
    if (IsSkipped()) {
      return;
    }
    for (Host* host : {&a, &b}) {
      host->fanctl_must({"up", "250.0.0.0/8", "eth0/16", "type", type()});
    }
    at_home.emplace_back(container(a, "250.0.27.2/24", "250.0.27.1"));
    at_home.emplace_back(container(a, "250.0.27.3/24", "250.0.27.1"));
    far_away.emplace_back(container(b, "250.0.28.2/24", "250.0.28.1"));
    ASSERT_TRUE(pings(at_home.front(), at_b));
    ASSERT_TRUE(pings(a, *Address::parse("250.0.27.3")));
    ASSERT_TRUE(pings(at_home.front(), Underlay::outside()));
  }

  static Container container(const Host& host, const std::string& cidr, const char* gateway) {
    Container c(host, host.address.v4() == 0xac1e001bU ? "fan-250-0-27" : "fan-250-0-28");
    c.address(cidr, *Address::parse(gateway));
    return c;
  }

  void expect_way(const std::string& from, const std::string& to, const std::string& verdict,
                  const std::string& summary) const {
    const cli::Json trace = traced(a, {from, to}, 0);
    EXPECT_EQ(trace["verdict"], verdict) << trace.dump(1);
    EXPECT_THAT(trace["summary"].get<std::string>(), testing::HasSubstr(summary)) << trace.dump(1);
    for (const cli::Json& hop : trace["hops"]) {
      EXPECT_EQ(hop["verdict"], "ok") << hop.dump();
    }
  }
  void expect_refused(const std::vector<std::string>& words, const std::string& reason) const {
    const cli::Json trace = traced(a, words, 15);
    EXPECT_EQ(trace["verdict"], "refused");
    EXPECT_EQ(trace["reason"], reason) << trace.dump(1);
  }
  static cli::Json outer_of(const cli::Json& trace) {
    for (const cli::Json& hop : trace["hops"]) {
      if (!hop["outer"].is_null()) {
        return hop["outer"];
      }
    }
    return {};
  }
  // With the maps that a's programs use, for rows that nobody but a test would write.
  void alter_rows(const std::function<void(const bpf::MapSet&)>& alter) const {
    const Inside inside(a);
    Result<bpf::Filters> filters = bpf::Filters::open();
    ASSERT_TRUE(filters.ok());
    const auto found = bpf::find_ours(*filters, bpf::every_device());
    ASSERT_TRUE(found.ok());
    ASSERT_FALSE(found->empty());
    alter(*found->front().maps);
  }
  [[nodiscard]] std::string tunnel() const { return type() == "ipip" ? "fanip" : "fanvx8472"; }

  Underlay underlay{NoForgers{}};
  Host& a = underlay.host("172.30.0.27/16");
  Host& b = underlay.host("172.30.0.28/16");
  std::deque<Container> at_home;
  std::deque<Container> far_away;
};

} // namespace fan::test
