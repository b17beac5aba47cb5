// Table `inet fanctl` as objects, against the real kernel.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "core/ruleset.h"
#include "nft_world.h"

using namespace fan;
using namespace fan::test;
using testing::HasSubstr;

namespace {

class Table : public testing::Test {
protected:
  Netns host;
  Inside inside{host};
  nft::Firewall firewall;

  // As it is listed by one who knows nothing yet, which is what `firewall` has to say, too, whatever it remembers.
  ObservedSet seen() {
    auto observed = nft::Firewall().observe();
    EXPECT_TRUE(observed.ok()) << observed.error().message << observed.error().kernel_text;
    const auto remembered = firewall.observe();
    EXPECT_TRUE(remembered.ok()) << remembered.error().message;
    EXPECT_TRUE(*remembered == *observed);
    return *observed;
  }
  std::string version() {
    const ObservedSet all = seen();
    const auto found = all.find("ruleset");
    return found == all.end() ? "none" : std::get_if<Ruleset>(&found->second.object)->version;
  }
  Result<void> apply(const std::vector<Change>& transaction) { return firewall.apply(transaction); }
  void load() {
    const Result<void> done = apply(loading(sample_fan()));
    ASSERT_TRUE(done.ok()) << done.error().message << "\n" << done.error().kernel_text;
  }
  // Runs nft as a person would.
  std::string nft(const std::vector<std::string>& words) {
    Argv argv{"nft"};
    argv.insert(argv.end(), words.begin(), words.end());
    return host.must(argv);
  }
  void nft_file(const std::string& text) {
    RunOptions options;
    options.input = text;
    host.must({"nft", "-f", "-"}, options);
  }
  std::string handle_of(const std::string& rule) {
    const std::string listing = nft({"-a", "list", "table", "inet", "fanctl"});
    const std::size_t at = listing.find("# handle ", listing.find(rule)) + 9;
    return listing.substr(at, listing.find('\n', at) - at);
  }
  Change repair() { return {Ruleset{version()}, Ruleset{ruleset_version()}, "altered by hand"}; }
};

const std::string a_rule = "iifname @bridges accept";

} // namespace

// A packet between the rules and the elements of a set would be refused (core/ruleset.h, FirewallScript).
TEST_F(Table, IsMadeOfFullSetsBeforeItHasRules) {
  RunOptions here;
  here.netns = &host;
  Background monitor({"nft", "monitor"}, here);
  EXPECT_TRUE(eventually([&] { // it listens
    nft({"add", "table", "ip", "sign"});
    nft({"delete", "table", "ip", "sign"});
    return monitor.output().find("sign") != std::string::npos;
  }));
  load();
  EXPECT_TRUE(monitor.wait_for("add rule inet fanctl srcnat"));
  const std::string seen = monitor.output();
  const std::size_t element = seen.rfind("add element inet fanctl");
  const std::size_t rule = seen.find("add rule inet fanctl");
  ASSERT_LT(element, rule);
  EXPECT_NE(seen.substr(element, rule - element).find("new generation"), std::string::npos);
}

TEST_F(Table, NothingIsSeenWhereThereIsNoTable) {
  EXPECT_TRUE(seen().empty());
}

TEST_F(Table, WhatWasLoadedIsSeenWordByWord) {
  load();
  ObservedSet wanted;
  for (const SetElement& element : firewall_elements(sample_fan())) {
    wanted.emplace(key_of(element), Observed{element, true});
  }
  wanted.emplace("ruleset", Observed{Ruleset{ruleset_version()}, true});
  const ObservedSet got = seen();
  for (const auto& [key, observed] : wanted) {
    ASSERT_TRUE(got.contains(key)) << key;
    EXPECT_EQ(got.at(key).object, observed.object) << key;
    EXPECT_TRUE(got.at(key).ours) << key;
  }
  EXPECT_EQ(got.size(), wanted.size());
}

TEST_F(Table, EveryFormOfElementComesBackAsItWasGiven) {
  ASSERT_TRUE(apply({create(Ruleset{})}).ok());
  const std::vector<SetElement> elements = {{firewall::exposed, "250.0.28.5", {}},
                                            {firewall::exposed, "250.0.28.6", {}},
                                            {firewall::exposed, "250.0.28.128/25", {}},
                                            {firewall::slices, "100.64.0.0/24", {}},
                                            {firewall::slices, "100.64.1.0/24", {}},
                                            {firewall::slices, "33.240.16.32/28", {}},
                                            {firewall::overlays, "240.0.0.0/4", {}},
                                            {firewall::bridges, "\"br-lan.100\"", {}},
                                            {firewall::ports, "65535", {}},
                                            {firewall::underlays, "\"enp0s3@x\" . 10.0.0.1", {}},
                                            {firewall::protocols, "4", {}},
                                            {firewall::pinged, "\"fan-250-0-28\" . 250.0.28.1", {}},
                                            {firewall::served, "\"fan-250-0-28\" . 250.0.28.1 . 17 . 53", {}},
                                            {firewall::served, "\"fan-250-0-28\" . 255.255.255.255 . 17 . 67", {}},
                                            {firewall::no_metadata, "\"fan-250-0-28\"", {}},
                                            {firewall::gateways, "240.0.0.0/4", "240.16.32.49"},
                                            {firewall::gateways, "100.64.0.0/10", "100.66.128.1"}};
  std::vector<Change> transaction;
  for (const SetElement& element : elements) {
    transaction.push_back(create(element));
  }
  const Result<void> done = apply(transaction);
  ASSERT_TRUE(done.ok()) << done.error().kernel_text;
  const ObservedSet got = seen();
  for (const SetElement& element : elements) {
    ASSERT_TRUE(got.contains(key_of(element))) << key_of(element);
    EXPECT_EQ(got.at(key_of(element)).object, Object(element));
  }
  EXPECT_EQ(got.size(), elements.size() + 1);
}

TEST_F(Table, HundredsOfElementsComeBack) {
  ASSERT_TRUE(apply({create(Ruleset{})}).ok());
  std::vector<Change> transaction;
  for (unsigned n = 0; n < 500; ++n) {
    transaction.push_back(create(SetElement{firewall::bridges, fmt::format("\"fan-{}\"", n), {}}));
    transaction.push_back(create(SetElement{firewall::slices, fmt::format("250.{}.{}.0/24", n / 200, n % 200), {}}));
  }
  ASSERT_TRUE(apply(transaction).ok());
  EXPECT_EQ(seen().size(), 1001U);
}

TEST_F(Table, LoadingTheSameTextByHandIsSeenAsThisVersion) {
  nft_file(ruleset_text());
  EXPECT_EQ(version(), ruleset_version());
}

TEST_F(Table, CreatingWhatIsThereIsAnError) {
  load();
  const Result<void> again = apply({create(Ruleset{})});
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().kind, ErrorClass::host_state);
  EXPECT_FALSE(apply({create(SetElement{firewall::slices, "250.0.28.0/24", {}})}).ok());
}

TEST_F(Table, RemovingWhatIsGoneIsAnError) {
  EXPECT_FALSE(apply({remove(Ruleset{})}).ok());
  load();
  EXPECT_FALSE(apply({remove(SetElement{firewall::slices, "9.9.9.0/24", {}})}).ok());
}

TEST_F(Table, RemovalTakesTheElementsWithIt) {
  load();
  std::vector<Change> transaction;
  for (const SetElement& element : firewall_elements(sample_fan())) {
    transaction.push_back(remove(element));
  }
  transaction.push_back(remove(Ruleset{ruleset_version()}));
  ASSERT_TRUE(apply(transaction).ok());
  EXPECT_EQ(nft({"list", "ruleset"}), "");
}

TEST_F(Table, ChangedDataReplacesTheElement) {
  load();
  const SetElement before{firewall::gateways, "250.0.0.0/8", "250.0.28.1"};
  const SetElement after{firewall::gateways, "250.0.0.0/8", "250.0.29.1"};
  ASSERT_TRUE(apply({{before, after, "moved"}}).ok());
  EXPECT_EQ(seen().at(key_of(after)).object, Object(after));
}

// What `firewall` remembers of its own changes is compared by seen().
TEST_F(Table, ItsOwnChangesAreRememberedAndOthersAreSeen) {
  load();
  const SetElement first{"exposed", "250.0.28.9", ""};
  const SetElement second{"exposed", "250.0.28.10", ""};
  ASSERT_TRUE(apply({create(first), create(second)}).ok());
  EXPECT_EQ(seen().count(key_of(second)), 1U);
  ASSERT_TRUE(apply({remove(first)}).ok());
  EXPECT_EQ(seen().count(key_of(first)), 0U);
  // Between two changes of ours,
  ASSERT_TRUE(apply({create(first)}).ok());
  nft({"delete", "element", "inet", "fanctl", "exposed", "{ 250.0.28.10 }"});
  ASSERT_TRUE(apply({remove(first)}).ok());
  EXPECT_EQ(seen().count(key_of(second)), 0U);
  // and after the last one.
  ASSERT_TRUE(apply({create(first)}).ok());
  nft({"add", "element", "inet", "fanctl", "exposed", "{ 250.0.28.10 }"});
  EXPECT_EQ(seen().count(key_of(second)), 1U);
  EXPECT_FALSE(apply({create(first)}).ok()) << "it is there already";
  EXPECT_EQ(seen().count(key_of(first)), 1U);
}

TEST_F(Table, AnIntervalGivesWayToOneThatOverlapsIt) {
  load();
  ASSERT_TRUE(apply({create(SetElement{firewall::exposed, "250.0.28.0/25", {}})}).ok());
  const Result<void> done = apply({create(SetElement{firewall::exposed, "250.0.28.0/24", {}}),
                                   remove(SetElement{firewall::exposed, "250.0.28.0/25", {}})});
  ASSERT_TRUE(done.ok()) << done.error().kernel_text;
  EXPECT_TRUE(seen().contains("set exposed 250.0.28.0/24"));
  EXPECT_FALSE(seen().contains("set exposed 250.0.28.0/25"));
}

TEST_F(Table, ATransactionThatFailsDoesNothing) {
  load();
  const ObservedSet before = seen();
  const Result<void> done = apply({create(SetElement{firewall::bridges, "\"fan-1\"", {}}),
                                   create(SetElement{firewall::overlays, "250.1.0.0/16", {}})}); // overlaps 250.0.0.0/8
  ASSERT_FALSE(done.ok());
  EXPECT_THAT(done.error().kernel_text, HasSubstr("interval overlaps with an existing one"));
  EXPECT_THAT(done.error().message, HasSubstr("load the firewall: nftables: "));
  EXPECT_EQ(seen().size(), before.size());
}

TEST_F(Table, AFailingFirstLoadLeavesNoTable) {
  EXPECT_FALSE(apply({create(Ruleset{}), create(SetElement{firewall::overlays, "250.0.0.0/8", {}}),
                      create(SetElement{firewall::overlays, "250.1.0.0/16", {}})})
                   .ok());
  EXPECT_EQ(nft({"list", "ruleset"}), "");
}

TEST_F(Table, DeviceNamesCannotSmuggleRulesIn) {
  load();
  for (const char* name : {"e\"}; delete table inet fanctl; #", "eth*", "a\\b", "a\nb", "a b", "x;y", "{", ""}) {
    const Result<void> done = apply({create(SetElement{firewall::bridges, device_element(name), {}})});
    ASSERT_FALSE(done.ok()) << name;
    EXPECT_EQ(done.error().kind, ErrorClass::host_state) << name;
  }
  EXPECT_FALSE(apply({create(SetElement{"nope", "1", {}})}).ok());
  EXPECT_EQ(version(), ruleset_version());
}

TEST_F(Table, ADeletedRuleShows) {
  load();
  nft({"delete", "rule", "inet", "fanctl", "into_slice", "handle", handle_of(a_rule)});
  EXPECT_EQ(version(), "altered " + ruleset_version());
}

TEST_F(Table, AnAlteredRuleShows) {
  load();
  nft({"replace", "rule", "inet", "fanctl", "into_slice", "handle", handle_of(a_rule), "iifname", "!=", "@bridges",
       "accept"});
  EXPECT_EQ(version(), "altered " + ruleset_version());
}

TEST_F(Table, AnAddedRuleShows) {
  load();
  nft({"insert", "rule", "inet", "fanctl", "prerouting", "accept"});
  EXPECT_EQ(version(), "altered " + ruleset_version());
}

TEST_F(Table, AMovedRuleAFlushedChainAnAddedChainAPolicyAndASleepingTableShow) {
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"flush", "chain", "inet", "fanctl", "input"},
                                             {"add", "chain", "inet", "fanctl", "mine"},
                                             {"add", "set", "inet", "fanctl", "mine", "{ type mark; }"},
                                             {"chain", "inet", "fanctl", "forward", "{ policy drop; }"},
                                             {"add", "table", "inet", "fanctl", "{ flags dormant; }"}}) {
    load();
    nft(words);
    EXPECT_EQ(version(), "altered " + ruleset_version()) << testing::PrintToString(words);
    ASSERT_TRUE(apply({remove(Ruleset{version()})}).ok());
  }
}

TEST_F(Table, TrafficAndElementsAreNoAlteration) {
  load();
  nft({"add", "element", "inet", "fanctl", "exposed", "{ 250.0.28.9 comment \"by hand, } and ,\" }"});
  EXPECT_EQ(version(), ruleset_version());
  EXPECT_TRUE(seen().contains("set exposed 250.0.28.9"));
}

TEST_F(Table, RepairKeepsEveryElement) {
  load();
  const ObservedSet before = seen();
  nft({"flush", "chain", "inet", "fanctl", "forward"});
  const Result<void> done = apply({repair()});
  ASSERT_TRUE(done.ok()) << done.error().message;
  const ObservedSet after = seen();
  EXPECT_EQ(version(), ruleset_version());
  EXPECT_EQ(after.size(), before.size());
  for (const auto& [key, observed] : before) {
    EXPECT_TRUE(after.contains(key)) << key;
  }
}

TEST_F(Table, EveryAlterationIsRepaired) {
  const std::vector<std::vector<std::string>> alterations = {{"flush", "chain", "inet", "fanctl", "input"},
                                                             {"add", "rule", "inet", "fanctl", "forward", "accept"},
                                                             {"add", "chain", "inet", "fanctl", "mine"},
                                                             {"add", "set", "inet", "fanctl", "mine", "{ type mark; }"},
                                                             {"chain", "inet", "fanctl", "forward", "{ policy drop; }"},
                                                             {"add", "table", "inet", "fanctl", "{ flags dormant; }"},
                                                             {"flush", "table", "inet", "fanctl"}};
  load();
  const std::size_t elements = seen().size();
  for (const std::vector<std::string>& words : alterations) {
    nft(words);
    EXPECT_NE(version(), ruleset_version());
    ASSERT_TRUE(apply({repair()}).ok());
    EXPECT_EQ(version(), ruleset_version()) << testing::PrintToString(words);
    EXPECT_EQ(seen().size(), elements);
  }
}

// As rules are: no other table comes into being, whose hooks would be there beside the old ones for a moment.
TEST_F(Table, APolicyIsPutRightInTheTableThatIsThere) {
  load();
  const auto handle = [this] { // "table inet fanctl { # handle 3"
    const std::string text = nft({"-a", "list", "table", "inet", "fanctl"});
    return text.substr(0, text.find('\n'));
  };
  const std::string before = handle();
  EXPECT_NE(before.find("handle"), std::string::npos) << before;
  nft({"chain", "inet", "fanctl", "forward", "{ policy drop; }"});
  ASSERT_TRUE(apply({repair()}).ok());
  EXPECT_EQ(version(), ruleset_version());
  EXPECT_EQ(handle(), before);
  nft({"add", "chain", "inet", "fanctl", "mine"}); // what cannot be put right there
  ASSERT_TRUE(apply({repair()}).ok());
  EXPECT_NE(handle(), before);
}

TEST_F(Table, RepairTakesTheElementsOfItsTransactionIntoAccount) {
  load();
  nft({"flush", "chain", "inet", "fanctl", "forward"});
  const SetElement old_gateway{firewall::gateways, "250.0.0.0/8", "250.0.28.1"};
  const SetElement new_gateway{firewall::gateways, "250.0.0.0/8", "250.0.28.9"};
  ASSERT_TRUE(apply({repair(),
                     {old_gateway, new_gateway, "moved"},
                     remove(SetElement{firewall::nat_slices, "250.0.28.0/24", {}}),
                     create(SetElement{firewall::exposed, "250.0.28.0/24", {}})})
                  .ok());
  const ObservedSet after = seen();
  EXPECT_EQ(after.at("set gateways 250.0.0.0/8").object, Object(new_gateway));
  EXPECT_FALSE(after.contains("set nat_slices 250.0.28.0/24"));
  EXPECT_TRUE(after.contains("set exposed 250.0.28.0/24"));
  EXPECT_TRUE(after.contains("set slices 250.0.28.0/24"));
}

TEST_F(Table, AnotherVersionIsNamedAndReplaced) {
  nft_file("table inet fanctl {\n comment \"fanctl ruleset 0123456789abcdef\"\n"
           " set slices { type ipv4_addr; flags interval; elements = { 250.0.28.0/24 }\n }\n"
           " set forgotten { type mark; elements = { 1 }\n }\n}\n");
  EXPECT_EQ(version(), "0123456789abcdef");
  const Result<void> done = apply({repair()});
  ASSERT_TRUE(done.ok()) << done.error().message << done.error().kernel_text;
  EXPECT_EQ(version(), ruleset_version());
  EXPECT_TRUE(seen().contains("set slices 250.0.28.0/24"));
}

TEST_F(Table, AForeignTableOfOurNameIsNotOurs) {
  nft({"add", "table", "inet", "fanctl"});
  const ObservedSet all = seen();
  ASSERT_TRUE(all.contains("ruleset"));
  EXPECT_FALSE(all.at("ruleset").ours);
  nft({"delete", "table", "inet", "fanctl"});
  nft_file("table inet fanctl {\n comment \"my own fanctl ruleset\"\n}\n");
  EXPECT_FALSE(seen().at("ruleset").ours);
}

TEST_F(Table, OtherTablesAreLeftAlone) {
  const std::string other =
      "table ip fanctl {\n}\ntable inet other {\n\tchain forward {\n\t\ttype filter hook forward priority "
      "filter; policy drop;\n\t}\n}\n";
  nft_file(other);
  load();
  ASSERT_TRUE(apply({remove(Ruleset{ruleset_version()})}).ok());
  EXPECT_EQ(nft({"list", "ruleset"}), other);
}

TEST_F(Table, WithoutPrivilegeTheErrorSaysSo) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    (void)!setresuid(65534, 65534, 65534);
    const Result<void> done = nft::Firewall().apply(std::vector<Change>{create(Ruleset{})});
    const char answer =
        !done && done.error().kind == ErrorClass::privilege && done.error().sys_errno == EPERM ? 'y' : 'n';
    (void)!write(ends[1], &answer, 1);
    _exit(0);
  }
  char answer = 0;
  ASSERT_EQ(read(ends[0], &answer, 1), 1);
  waitpid(child, nullptr, 0);
  EXPECT_EQ(answer, 'y');
}

TEST(RulesetText, HoldsTheNumbersOfTheProgramsAndDevicesAndDeclaresEverySet) {
  for (const std::string& rule :
       {fmt::format("\tmeta mark {:#010x} meta mark set 0x00000000 notrack accept\n", tunnel_mark),
        fmt::format("\tmeta mark {:#010x} iifgroup {} meta iifkind != \"bridge\" goto checked\n", checked_mark,
                    link_group),
        fmt::format("\tiifgroup {0} oifgroup {0} accept\n", link_group)}) {
    EXPECT_NE(ruleset_rules().find(rule), std::string_view::npos) << rule;
  }
  const std::vector<SetElement> elements = firewall_elements(sample_fan());
  for (const SetElement& element : elements) {
    EXPECT_TRUE(ruleset_declares(element.set)) << element.set;
  }
  EXPECT_EQ(ruleset_version_in(ruleset_comment(ruleset_version())), ruleset_version());
  EXPECT_EQ(ruleset_version_in("fanctl ruleset 0123"), "");
  EXPECT_EQ(ruleset_version_in("something else"), "");
}

TEST(FirewallElements, AnUnderlayInsideAnotherIsLeftToTheLargerOne) {
  Fan inner = sample_fan();
  Fan outer = sample_fan();
  outer.mapping = *Mapping::make(*Prefix::parse("251.0.0.0/8"), *Prefix::parse("172.16.0.0/12"));
  outer.bridge = "fan-251";
  int nets = 0;
  for (const SetElement& element : firewall_elements(std::vector<Fan>{inner, outer})) {
    if (element.set == firewall::underlay_nets) {
      EXPECT_EQ(element.element, "172.16.0.0/12");
      ++nets;
    }
  }
  EXPECT_EQ(nets, 1);
}
