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

class Diagnosed : public ::testing::Test {
protected:
  // Where the fan is.
  [[nodiscard]] virtual const Netns& at() const = 0;

  // Of private addresses: on a healthy host there is not even a note.
  static std::vector<std::string> line(const std::vector<std::string>& words = {}) {
    std::vector<std::string> all{"up", "10.0.0.0/8", "eth0/16", "type", "vxlan"};
    all.insert(all.end(), words.begin(), words.end());
    return all;
  }

  void up(const std::vector<std::string>& words = {}) const {
    must_fanctl(line(words));
    expect_healthy();
  }

  void must_fanctl(std::vector<std::string> words) const {
    words.insert(words.begin(), fanctl_path());
    at().must(words);
  }

  // The doctor, to whom the systemd, NetworkManager and Docker of the machine that runs the tests are not there.
  [[nodiscard]] Outcome doctor(std::vector<std::string> words, RunOptions within) const {
    for (const char* directory : {"/run/systemd", "/run/NetworkManager"}) {
      if (std::filesystem::is_directory(directory)) {
        within.binds.emplace_back("/proc/self/fdinfo", directory); // nothing but numbers in it
      }
    }
    for (const char* program : {"/usr/sbin/dockerd", "/usr/bin/dockerd", "/usr/local/sbin/dockerd"}) {
      if (std::filesystem::exists(program)) {
        within.binds.emplace_back("/dev/null", program);
      }
    }
    words.insert(words.begin(), {fanctl_path(), "doctor"});
    return at().run(words, within);
  }

  // `within`: whatever else the doctor's process is to see. Its exit status is what its findings come to.
  [[nodiscard]] cli::Json diagnosis(const RunOptions& within = {}) const {
    const Outcome ran = doctor({"--json"}, within);
    cli::Json seen = cli::Json::parse(ran.out, nullptr, false);
    if (seen.is_discarded() || !seen.contains("findings")) {
      ADD_FAILURE() << ran.out << ran.err;
      return cli::Json{{"findings", cli::Json::array()}, {"not_looked_at", cli::Json::array()}};
    }
    int status = 0;
    for (const cli::Json& finding : seen["findings"]) {
      status = std::max(status, finding["severity"] == "problem" ? 14 : finding["severity"] == "warning" ? 13 : 0);
    }
    EXPECT_EQ(ran.status, status) << ran.out;
    return seen;
  }

  // Not even a note.
  void expect_healthy(const RunOptions& within = {}) const {
    const cli::Json seen = diagnosis(within);
    EXPECT_EQ(seen["findings"], cli::Json::array()) << seen["findings"].dump(1);
  }

  // Exactly one finding, of this check, about `subject`. Gives it.
  [[nodiscard]] cli::Json only(const std::string& id, const std::string& subject, const RunOptions& within = {}) const {
    const cli::Json seen = diagnosis(within);
    EXPECT_EQ(seen["findings"].size(), 1U) << seen["findings"].dump(1);
    if (seen["findings"].empty()) {
      return cli::Json{{"severity", ""}, {"fix", nullptr}, {"evidence", cli::Json::array()}, {"instead", ""}};
    }
    cli::Json finding = seen["findings"][0];
    EXPECT_EQ(finding["id"], id) << finding.dump(1);
    EXPECT_EQ(finding["subject"].is_null() ? "" : finding["subject"].get<std::string>(), subject);
    return finding;
  }

  // As pasted into a root shell of this host.
  void paste(const cli::Json& finding, RunOptions within = {}) const {
    ASSERT_TRUE(finding["fix"].is_string()) << finding.dump(1);
    const std::string folder = std::filesystem::path(fanctl_path()).parent_path();
    within.env.push_back("PATH=" + folder + ":/usr/sbin:/usr/bin:/sbin:/bin");
    at().must({"sh", "-c", finding["fix"].get<std::string>()}, within);
  }

  void expect_cured(const std::string& id, const std::string& subject) const {
    paste(only(id, subject));
    expect_healthy();
  }

  const std::string bridge = "fan-10-0-27";
  const std::string tunnel = "fanvx8472";
};

// One in a network namespace.
class Doctor : public Diagnosed {
protected:
  [[nodiscard]] const Netns& at() const override { return host; }

  Underlay underlay{NoForgers{}};
  Host& host = underlay.host("172.30.0.27/16");
};

} // namespace fan::test
