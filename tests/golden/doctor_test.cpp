// What `doctor` prints, as text and as JSON, over a host in memory; its statuses; and its table in docs/doctor.md.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "doctor/check.h"
#include "golden.h"
#include "schema.h"

namespace fan::test {
namespace {

cli::Json diagnosis(MemoryWorld& world) {
  const cli::Json root = cli::Json::parse(read_text(std::string(SOURCE_DIR) + "/docs/schema/fanctl-1.json"));
  const Ran ran = run(world, {"doctor", "--json"});
  cli::Json document = cli::Json::parse(ran.out);
  EXPECT_EQ(complaints(root, root["$defs"]["doctor"], document, "", true), std::vector<std::string>{}) << ran.out;
  return document;
}

TEST(Doctor, PrintsNothingWhereAllIsWell) {
  MemoryWorld world;
  Ran ran = run(world, {"doctor"});
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.out + ran.err, "");
  ASSERT_EQ(run(world, {"up", "10", "eth0"}).status, 0);
  ran = run(world, {"doctor"});
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.out + ran.err, "");
}

TEST(Doctor, VerboseListsWhatWasLookedAtAndANoteIsNoFault) {
  MemoryWorld world;
  ASSERT_EQ(run(world, {"up", "250", "eth0"}).status, 0);
  EXPECT_EQ(run(world, {"doctor"}).out, "");
  const Ran ran = run(world, {"doctor", "-v"});
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.out.rfind("note reserved-space fan-250-0-28: ", 0), 0U) << ran.out;
  for (const doctor::Check& check : doctor::checks()) {
    EXPECT_NE(ran.out.find(fmt::format("\nlooked at: {}: ", check.id)), std::string::npos) << check.id;
  }
}

TEST(Doctor, AProblemHasItsStatusItsEvidenceAndTheLineThatHelps) {
  MemoryWorld world;
  ASSERT_EQ(run(world, {"up", "250", "eth0"}).status, 0);
  world.host.delete_by_hand("route 250.0.0.0/8");
  const Ran ran = run(world, {"doctor"});
  EXPECT_EQ(ran.status, 14);
  expect_golden("doctor-drift.txt", ran.out);
  const cli::Json document = diagnosis(world);
  EXPECT_EQ(document["findings"].size(), 2U);
  EXPECT_EQ(document["findings"][0]["id"], "drift");
  EXPECT_EQ(document["findings"][0]["fix"], "fanctl up 250 eth0 host-reserve 1");
}

TEST(Doctor, WhatCannotBeLookedAtIsSaid) {
  MemoryWorld world;
  ASSERT_EQ(run(world, {"up", "250", "eth0"}).status, 0);
  world.host.base.records_known = false;
  EXPECT_EQ(run(world, {"doctor"}).out, "");
  EXPECT_NE(run(world, {"doctor", "-v"}).out.find("not looked at: drift: "), std::string::npos);
  EXPECT_EQ(diagnosis(world)["not_looked_at"][0]["check"], "drift");
}

TEST(Doctor, OneFanAloneIsLookedAt) {
  MemoryWorld world;
  ASSERT_EQ(run(world, {"up", "250", "eth0"}).status, 0);
  ASSERT_EQ(run(world, {"up", "251", "eth0"}).status, 0);
  world.host.delete_by_hand("route 250.0.0.0/8");
  EXPECT_EQ(run(world, {"doctor", "251"}).status, 0);
  EXPECT_EQ(run(world, {"doctor", "250"}).status, 14);
  EXPECT_EQ(run(world, {"doctor", "252"}).status, 10);
  EXPECT_EQ(run(world, {"doctor", "--check"}).status, 2);
}

// A name is never a command.
TEST(Doctor, ADeviceOfAnyNameIsOneWordOfTheFix) {
  MemoryWorld world;
  ASSERT_EQ(run(world, {"up", "10", "eth0"}).status, 0);
  LinkFact port;
  port.ifindex = 77;
  port.name = "x;$(reboot)'";
  port.kind = "veth";
  port.mtu = 1280;
  port.master = world.host.facts()->link("fan-10-0-28")->ifindex + 1; // a device more moves the bridge's number
  world.host.base.links.push_back(port);
  const cli::Json findings = diagnosis(world)["findings"];
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0]["id"], "mtu");
  EXPECT_EQ(findings[0]["fix"], "ip link set dev 'x;$(reboot)'\\''' mtu 1480");
}

TEST(Doctor, TheManualHasARowForEveryCheckInTheirOrder) {
  std::string rows = "| check | looks at |\n|---|---|\n";
  for (const doctor::Check& check : doctor::checks()) {
    rows += fmt::format("| `{}` | {} |\n", check.id, check.looks_at);
  }
  EXPECT_NE(read_text(std::string(SOURCE_DIR) + "/docs/doctor.md").find(rows), std::string::npos) << rows;
}

} // namespace
} // namespace fan::test
