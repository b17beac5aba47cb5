// A host with a fan for the tests of `fanctl doctor`: what one check is about is broken, exactly that is found, the
// printed line is run as it is, and it is found no more.
#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "fanctl/output/json.h"
#include "support/topology.h"

namespace fan::test {

class Doctor : public ::testing::Test {
protected:
  // Of private addresses: on a healthy host there is not even a note.
  static std::vector<std::string> line(const std::vector<std::string>& words = {}) {
    std::vector<std::string> all{"up", "10.0.0.0/8", "eth0/16", "type", "vxlan"};
    all.insert(all.end(), words.begin(), words.end());
    return all;
  }

  void up(const std::vector<std::string>& words = {}) const {
    host.fanctl_must(line(words));
    expect_healthy();
  }

  // `within`: whatever else the doctor's process is to see.
  [[nodiscard]] cli::Json diagnosis(const RunOptions& within = {}) const {
    const Outcome ran = host.fanctl({"doctor", "--json"}, within);
    return cli::Json::parse(ran.out, nullptr, false);
  }

  [[nodiscard]] std::string found(const RunOptions& within = {}) const {
    std::string all;
    const cli::Json seen = diagnosis(within);
    for (const cli::Json& finding : seen["findings"]) {
      all += (all.empty() ? "" : " ") + finding["id"].get<std::string>();
    }
    return all;
  }

  void expect_healthy(const RunOptions& within = {}) const {
    const Outcome ran = host.fanctl({"doctor"}, within);
    EXPECT_EQ(ran.status, 0);
    EXPECT_EQ(ran.out + ran.err, "");
    EXPECT_EQ(found(within), "");
  }

  // Exactly one finding, of this check, about `subject`. Gives it.
  [[nodiscard]] cli::Json only(const std::string& id, const std::string& subject, const RunOptions& within = {}) const {
    const cli::Json seen = diagnosis(within);
    EXPECT_EQ(seen["findings"].size(), 1U) << seen.dump(1);
    if (seen["findings"].empty()) {
      return cli::Json{{"severity", ""}, {"fix", nullptr}, {"evidence", cli::Json::array()}, {"what", ""}};
    }
    cli::Json finding = seen["findings"][0];
    EXPECT_EQ(finding["id"], id) << finding.dump(1);
    EXPECT_EQ(finding["subject"].is_null() ? "" : finding["subject"].get<std::string>(), subject);
    const std::string severity = finding["severity"];
    EXPECT_EQ(host.fanctl({"doctor"}, within).status, severity == "problem" ? 14 : severity == "warning" ? 13 : 0);
    return finding;
  }

  // As pasted into a root shell of this host.
  void paste(const cli::Json& finding, RunOptions within = {}) const {
    ASSERT_TRUE(finding["fix"].is_string()) << finding.dump(1);
    const std::string folder = std::filesystem::path(fanctl_path()).parent_path();
    within.env.push_back("PATH=" + folder + ":/usr/sbin:/usr/bin:/sbin:/bin");
    host.must({"sh", "-c", finding["fix"].get<std::string>()}, within);
  }

  void expect_cured(const std::string& id, const std::string& subject) const {
    paste(only(id, subject));
    expect_healthy();
  }

  const std::string bridge = "fan-10-0-27";
  const std::string tunnel = "fanvx8472";
  Underlay underlay{NoForgers{}};
  Host& host = underlay.host("172.30.0.27/16");
};

} // namespace fan::test
