// Files of endpoints: what they say, and where they are wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fanctl/endpoint_file.h"
#include "fanctl/output/endpoints.h"
#include "fanctl/output/json.h"

namespace fan::test {
namespace {

constexpr const char* good = R"({"port": "veth1", "address": "250.0.28.2", "mac": "02:00:00:00:00:01"})";

TEST(EndpointFile, IsOneObjectALine) {
  const auto all =
      cli::parse_endpoints("f", std::string("# comment\n\n  ") + good + "\r\n" +
                                    R"({"mac":"02:00:00:00:00:02","address":"250.0.28.3","port":"veth2",)"
                                    R"("secure":true,"allow":["10.1.0.0/16","10.2.0.1","2001:db8::/48"]})");
  ASSERT_TRUE(all) << all.error().message;
  ASSERT_EQ(all->size(), 2U);
  EXPECT_EQ((*all)[0].endpoint.port, "veth1");
  EXPECT_FALSE((*all)[0].secure);
  EXPECT_EQ((*all)[0].place->line, 3);
  EXPECT_TRUE((*all)[1].secure);
  EXPECT_EQ((*all)[1].allow[1].str(), "10.2.0.1/32");
  EXPECT_EQ((*all)[1].allow[2].str(), "2001:db8::/48");
}

// What is listed can be kept, and put back.
TEST(EndpointFile, TakesTheObjectsOfTheList) {
  const auto registered = [](const char* address, const char* port, const char* mac) {
    return Registration{*Address::parse(address), port, *Mac::parse(mac)};
  };
  EndpointStatus plain{.endpoint = registered("250.0.28.2", "veth1", "02:00:00:00:00:01"), .bridge = "fan-250"};
  plain.attached = true;
  EndpointStatus secured{.endpoint = registered("250.0.28.3", "veth2", "02:00:00:00:00:02"), .bridge = "fan-250"};
  secured.secured = true;
  secured.allow = {*AnyPrefix::parse("10.1.0.0/16"), *AnyPrefix::parse("2001:db8::/48")};
  EndpointStatus routed{.endpoint = registered("250.0.28.4", "veth3", "02:00:00:00:00:03"), .bridge = "fan-250"};
  routed.routed = true;
  const std::vector<EndpointStatus> listed{plain, secured, routed};
  std::string file; // as jq -c '.endpoints[]' writes it
  const cli::Json document = cli::Json::parse(cli::endpoint_document(listed));
  for (const cli::Json& one : document["endpoints"]) {
    file += one.dump() + "\n";
  }
  const auto read = cli::parse_endpoints("f", file);
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->size(), listed.size());
  for (std::size_t n = 0; n < listed.size(); ++n) {
    EXPECT_EQ((*read)[n].endpoint, listed[n].endpoint);
    EXPECT_EQ((*read)[n].secure, listed[n].secured);
    EXPECT_EQ((*read)[n].routed, listed[n].routed);
    EXPECT_EQ((*read)[n].allow, listed[n].allow);
  }
}

struct Wrong {
  const char* line;
  int column;
  const char* says;
};

TEST(EndpointFile, SaysWhereItIsWrong) {
  for (const Wrong& wrong : std::vector<Wrong>{
           {R"({"port": "veth1", "address": "250.0.28.300", "mac": "02:00:00:00:00:01"})", 19, "250.0.28.300"},
           {R"({"port": "veth1", "address": "250.0.28.2", "mac": "02:00"})", 44, "02:00"},
           {R"({"port": "a/b", "address": "250.0.28.2", "mac": "02:00:00:00:00:01"})", 2, "a/b"},
           {R"({"port": 7, "address": "250.0.28.2", "mac": "02:00:00:00:00:01"})", 2, "is no text"},
           {R"({"port": "veth1", "address": "250.0.28.2"})", 1, "\"mac\" is missing"},
           {R"({"prot": "veth1"})", 2, "unknown key 'prot'"},
           {R"(["veth1"])", 1, "no JSON object"},
           {R"({"port": )", 10, "no JSON"},
           {R"({"port": 1e999})", 1, "too large"},
           {R"({"port": "v", "address": "250.0.28.2", "mac": "02:00:00:00:00:01", "secure": 1})", 68,
            "neither true nor false"},
           {R"({"port": "v", "address": "250.0.28.2", "mac": "02:00:00:00:00:01", "secure": true, "allow": ["x"]})", 84,
            "x"},
           {R"({"port": "v", "address": "250.0.28.2", "mac": "02:00:00:00:00:01", "allow": ["10.0.0.0/8"]})", 68,
            "not secured"},
       }) {
    const auto read = cli::parse_endpoints("f", std::string(good) + "\n" + wrong.line + "\n" + good);
    ASSERT_FALSE(read) << wrong.line;
    EXPECT_EQ(read.error().kind, ErrorClass::usage);
    ASSERT_TRUE(read.error().place) << wrong.line;
    EXPECT_EQ(read.error().place->line, 2);
    EXPECT_EQ(read.error().place->column, wrong.column) << wrong.line;
    EXPECT_THAT(read.error().message, testing::HasSubstr(wrong.says));
  }
}

} // namespace
} // namespace fan::test
