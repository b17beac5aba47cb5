#include "fanctl/arguments.h"

#include <algorithm>
#include <array>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "core/errors.h"
#include "core/flags.h"

namespace fan::cli {

namespace {

constexpr std::array all_word_options{
    WordOption{"type", "ipip|vxlan", "encapsulation: vxlan with -u/-o, ipip with bare words"},
    WordOption{"vni", "N", "VXLAN network identifier (default: overlay >> 8, exclusive or 1)"},
    WordOption{"port", "N", "UDP port of vxlan (default 8472)"},
    WordOption{"mtu", "BYTES", "MTU of the fan bridge (default: what the underlay leaves)"},
    WordOption{"no-nat", nullptr, "do not translate what leaves the overlay"},
    WordOption{"host-reserve", "N", "the host holds the first N addresses of its slice (default 1)"},
    WordOption{"bridge", "NAME", "name of the fan bridge (default: fan- and the slice)"},
    WordOption{"dhcp", nullptr, "serve addresses on the bridge with dnsmasq"},
    WordOption{"lease-time", "TIME", "how long an address is lent by --dhcp: 90m, 12h, 7d, infinite (default 1h)"},
    WordOption{"domain", "DOMAIN", "names for the whole overlay in this domain, with --dhcp: ip-250-0-27-5.DOMAIN"},
    WordOption{"pool", "NAME=FIRST-LAST",
               "host numbers of the slice for a purpose: dhcp=2-99, docker=128-191; may be repeated"},
    WordOption{"expose", "PREFIX|all", "let outside hosts open connections to this part of the slice; may be repeated"},
    WordOption{"ttl-security", "HOPS", "refuse tunnel packets from further away (RFC 5082)"},
    WordOption{"accept", "LIST", "receive these encapsulations too, e.g. ipip,vxlan"},
    WordOption{"reach", nullptr, "speak to the fan without a bridge of one's own in it"},
    WordOption{"strict", nullptr, "refuse tunnels inside the tunnel for every endpoint"},
    WordOption{"no-isolate", nullptr, "let endpoints speak to those of other fans that are not isolated either"},
    WordOption{"host-access", "dhcp|all|none", "what endpoints may ask of this host (default all)"},
    WordOption{"block-metadata", nullptr, "keep endpoints from 169.254.169.254, where clouds keep a host's secrets"},
    WordOption{"snooping", nullptr, "send multicast and IPv6 neighbour discovery only to ports that listen"},
    WordOption{"proxy-arp", nullptr, "register endpoints as they appear, and answer who-has for them"},
    WordOption{"secure", nullptr, "let each port that has an endpoint send as its endpoints only"},
    WordOption{"shortcut", nullptr,
               "endpoints of two hosts speak past this host's own forwarding, unseen by other firewalls"},
};

// Words that a value follows: the value is no word itself.
bool takes_value(const std::string& word) {
  return std::any_of(all_word_options.begin(), all_word_options.end(),
                     [&](const WordOption& o) { return word == o.name && o.argument != nullptr; });
}

bool is_among(const std::vector<std::string>& words, const std::string& wanted) {
  for (std::size_t i = 0; i < words.size(); i += takes_value(words[i]) ? 2 : 1) {
    if (words[i] == wanted) {
      return true;
    }
  }
  return false;
}

Result<std::string> only_one(const std::vector<std::string>& values, const std::string& option) {
  if (values.empty()) {
    return usage_error(option + " is missing", "name both networks: -o OVERLAY -u UNDERLAY");
  }
  if (values.size() > 1) {
    return usage_error(option + " is given " + std::to_string(values.size()) + " times", "give it once");
  }
  return values.front();
}

Error twice(const std::string& name) {
  return usage_error(fmt::format("'{}' is given as a word and as --{}", name, name), "give it once");
}

// Appends the options as words. `bare`: the words that came without dashes, apart from overlay and underlay.
Result<void> append_options(const FanArguments& given, const std::vector<std::string>& bare,
                            std::vector<std::string>& words) {
  for (const WordOption& option : all_word_options) {
    const auto values = given.options.find(option.name);
    const auto flag = given.flags.find(option.name);
    const bool has_values = values != given.options.end() && !values->second.empty();
    const bool has_flag = flag != given.flags.end() && flag->second > 0;
    if ((has_values || has_flag) && is_among(bare, option.name) && !find_flag(option.name)->repeats) {
      return twice(option.name);
    }
    if (has_flag) { // twice is for the words to refuse
      words.insert(words.end(), std::min<std::size_t>(flag->second, 2), option.name);
    }
    for (std::size_t i = 0; has_values && i < values->second.size(); ++i) {
      words.insert(words.end(), {option.name, values->second[i]});
    }
  }
  return {};
}

bool is_declared(const WordOption& option, FanOptions which) {
  const std::string_view name = option.name;
  const bool header = name == "type" || name == "vni" || name == "port" || name == "host-reserve" || name == "pool";
  return which == FanOptions::all || (which == FanOptions::header && header);
}

} // namespace

std::span<const WordOption> word_options() {
  return all_word_options;
}

bool FanArguments::has_options() const {
  return std::any_of(options.begin(), options.end(), [](const auto& o) { return !o.second.empty(); }) ||
         std::any_of(flags.begin(), flags.end(), [](const auto& f) { return f.second > 0; });
}

bool FanArguments::empty() const {
  return words.empty() && overlay.empty() && underlay.empty() && !has_options();
}

void declare_fan(CLI::App& app, FanArguments& into, FanOptions which) {
  app.add_option("words", into.words)->group("");
  app.add_option("-o,--overlay", into.overlay, "the overlay network, e.g. 250.0.0.0/8")
      ->type_name("OVERLAY")
      ->allow_extra_args(false);
  app.add_option("-u,--underlay", into.underlay,
                 "the hosts' network: DEVICE, ADDRESS or NETWORK, with /LENGTH (default /16)")
      ->type_name("UNDERLAY")
      ->allow_extra_args(false);
  for (const WordOption& option : all_word_options) {
    if (!is_declared(option, which)) {
      continue;
    }
    const std::string name = std::string("--") + option.name;
    if (option.argument == nullptr) {
      app.add_flag(name, into.flags[option.name], option.help);
    } else {
      app.add_option(name, into.options[option.name], option.help)->type_name(option.argument)->allow_extra_args(false);
    }
  }
}

Result<std::vector<std::string>> words_of_fan(const FanArguments& given) {
  const bool by_option = !given.overlay.empty() || !given.underlay.empty();
  if (!by_option && given.words.size() < 2 && given.has_options()) { // else a word would be taken for the underlay
    return usage_error("options of a fan go with its two networks, OVERLAY UNDERLAY",
                       "name both, as in 250.0.0.0/8 eth0/16; a fan of the configuration has its options in its file");
  }
  std::vector<std::string> words;
  std::vector<std::string> bare = given.words;
  if (by_option) {
    Result<std::string> overlay = only_one(given.overlay, "--overlay");
    Result<std::string> underlay = only_one(given.underlay, "--underlay");
    if (!overlay || !underlay) {
      return std::move(overlay ? underlay : overlay).error();
    }
    words = {*overlay, *underlay};
  } else {
    bare.erase(bare.begin(), bare.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(2, bare.size())));
  }
  words.insert(words.end(), given.words.begin(), given.words.end());
  if (Result<void> appended = append_options(given, bare, words); !appended) {
    return std::move(appended).error();
  }
  const auto type = given.options.find("type");
  const bool typed = is_among(bare, "type") || (type != given.options.end() && !type->second.empty());
  if (by_option && !typed) {
    words.insert(words.end(), {"type", "vxlan"});
  }
  return words;
}

} // namespace fan::cli
