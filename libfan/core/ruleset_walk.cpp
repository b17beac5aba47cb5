#include "core/ruleset_walk.h"

#include <algorithm>
#include <map>
#include <sstream>
#include <string_view>

#include "core/ruleset.h"

namespace fan {
namespace {

using Words = std::vector<std::string>;

struct ChainText {
  std::string hook; // "" for one that is only jumped to
  int priority = 0;
  std::vector<Words> rules;
};

Words words_of(const std::string& line) {
  std::istringstream text(line);
  Words words;
  for (std::string word; text >> word;) {
    words.push_back(word);
  }
  return words;
}

std::map<std::string, ChainText> read_chains() {
  std::map<std::string, ChainText> chains;
  ChainText* chain = nullptr;
  std::istringstream lines{std::string(ruleset_rules())};
  for (std::string line; std::getline(lines, line);) {
    Words words = words_of(line);
    if (words.empty() || words.front().starts_with("#")) {
      continue;
    }
    if (words.front() == "chain") {
      chain = &chains[words.at(1)];
    } else if (words.front() == "}") {
      chain = nullptr;
    } else if (chain != nullptr && words.front() == "type") {
      chain->hook = words.at(3);
      chain->priority = std::stoi(words.at(5));
    } else if (chain != nullptr) {
      chain->rules.push_back(std::move(words));
    }
  }
  return chains;
}

const std::map<std::string, ChainText>& chains() {
  static const std::map<std::string, ChainText> read = read_chains();
  return read;
}

const char* name_of(firewall::Hook hook) {
  switch (hook) {
  case firewall::Hook::prerouting:
    return "prerouting";
  case firewall::Hook::input:
    return "input";
  case firewall::Hook::forward:
    return "forward";
  case firewall::Hook::output:
    return "output";
  case firewall::Hook::postrouting:
    return "postrouting";
  }
  return "";
}

bool prefix_holds(std::string_view element, Address address) {
  const std::string text(element);
  const auto prefix = Prefix::parse(text.find('/') == std::string::npos ? text + "/32" : text);
  return prefix && prefix->contains(address);
}

std::string quote(const std::string& device) {
  return '"' + device + '"';
}

// One packet at one hook.
class Walk {
public:
  Walk(const RulesetPacket& packet, const std::vector<SetElement>& elements) : in_(packet), elements_(elements) {
    end_.mark = packet.mark;
  }

  RulesetEnd enter(const char* hook) {
    std::map<int, const ChainText*> in_order;
    for (const auto& [name, chain] : chains()) {
      if (chain.hook == hook) {
        in_order.emplace(chain.priority, &chain);
      }
    }
    for (const auto& [priority, chain] : in_order) {
      if (!end_.drops && end_.not_understood.empty()) {
        follow(*chain, 0);
      }
    }
    return std::move(end_);
  }

private:
  enum class Next { rule, leave, end }; // the next rule, out of this chain, out of the table

  Next follow(const ChainText& chain, unsigned depth) {
    for (const Words& rule : chain.rules) {
      at_ = 0;
      rule_ = &rule;
      const Next next = apply(depth);
      if (next == Next::end) {
        return next;
      }
      if (next == Next::leave) {
        break;
      }
    }
    return depth == 0 ? Next::end : Next::rule;
  }

  // Statement by statement, until a condition does not hold.
  Next apply(unsigned depth) {
    while (at_ < rule_->size()) {
      const std::string word = take();
      if (word == "accept" || word == "drop") {
        end_.drops = word == "drop";
        return Next::end;
      }
      if (word == "return") {
        return Next::leave;
      }
      if (word == "jump" || word == "goto") {
        return go(take(), word == "goto", depth);
      }
      if (word == "snat" || word == "masquerade") {
        return translate(word);
      }
      if (!step(word)) {
        return end_.not_understood.empty() ? Next::rule : Next::end;
      }
    }
    return Next::rule;
  }

  Next go(const std::string& name, bool for_good, unsigned depth) {
    const auto chain = chains().find(name);
    if (chain == chains().end() || depth > 16) {
      (void)not_understood();
      return Next::end;
    }
    const Next next = follow(chain->second, depth + 1);
    return next == Next::end ? next : for_good ? Next::leave : Next::rule;
  }

  // "masquerade", "snat ip to ip saddr", and "snat ip to ip saddr map @gateways" or by the destination
  Next translate(const std::string& word) {
    if (word == "masquerade") {
      end_.masqueraded = true;
      return Next::end;
    }
    at_ = std::min(at_ + 3, rule_->size()); // ip to ip
    const Address by = take() == "saddr" ? in_.packet.source : in_.packet.destination;
    if (peek() != "map") {
      end_.source = by;
      return Next::end;
    }
    for (const SetElement& element : elements_) {
      if (element.set == "gateways" && prefix_holds(element.element, by)) {
        const auto gateway = Address::parse(element.data);
        end_.source = gateway ? std::optional(*gateway) : std::nullopt;
      }
    }
    return Next::end;
  }

  // True: go on with the rule. False: a condition does not hold, or is not understood.
  bool step(const std::string& word) {
    if (word == "notrack") {
      return true;
    }
    if (word == "counter") {
      (void)take(); // name
      const std::string quoted = take();
      end_.counter = quoted.substr(1, quoted.size() - 2);
      return true;
    }
    if (word == "meta") {
      return meta(take());
    }
    if (word == "ip") {
      return address(take());
    }
    if (word == "ip6" || word == "icmpv6") {
      return false; // the packet is of IPv4
    }
    if (word == "icmp") { // of ICMP only echo requests are followed
      (void)take();       // type
      return in_.packet.protocol == protocol_icmp && compare("echo-request");
    }
    if (word == "udp") {
      const std::string field = take();
      if (field == "checksum") { // of a fan's packets, 0
        return in_.packet.protocol == protocol_udp && compare("0");
      }
      const std::uint16_t port = field == "dport" ? in_.packet.destination_port : in_.packet.source_port;
      return in_.packet.protocol == protocol_udp && compare(std::to_string(port));
    }
    return device(word);
  }

  bool meta(const std::string& key) {
    if (key == "l4proto") {
      return compare(std::to_string(in_.packet.protocol));
    }
    if (key == "iifkind") { // of our devices: those of routed ports are told by their group before
      return compare(quote(is_bridge() ? "bridge" : ""));
    }
    if (key != "mark") {
      return not_understood();
    }
    const bool sets = peek() == "set";
    if (sets) {
      (void)take();
    }
    const auto value = static_cast<std::uint32_t>(std::stoul(take(), nullptr, 16));
    if (sets) {
      end_.mark = value;
    }
    return sets || end_.mark == value;
  }

  [[nodiscard]] bool is_bridge() const {
    return std::any_of(elements_.begin(), elements_.end(), [&](const SetElement& element) {
      return element.set == "bridges" && element.element == quote(in_.in_device);
    });
  }

  bool address(const std::string& field) {
    const Address value = field == "saddr" ? in_.packet.source : in_.packet.destination;
    const bool negated = negates();
    const std::string wanted = take();
    if (!wanted.starts_with("@")) {
      return prefix_holds(wanted, value) != negated;
    }
    const bool holds = std::any_of(elements_.begin(), elements_.end(), [&](const SetElement& element) {
      return element.set == wanted.substr(1) && prefix_holds(element.element, value);
    });
    return holds != negated;
  }

  bool device(const std::string& word) {
    if (word == "iifgroup" || word == "oifgroup") {
      const bool ours = word == "iifgroup" ? in_.in_ours : in_.out_ours;
      return compare(std::to_string(ours ? link_group : 0));
    }
    if (word == "iif" || word == "oifname" || word == "iifname") {
      const std::string& name = word == "oifname" ? in_.out_device : in_.in_device;
      return word == "iifname" && peek() == "." ? device_and_address() : compare(quote(name));
    }
    if (word == "ct") {
      return take() == "state" ? state() : in_.translated && take() == "dnat";
    }
    return word == "fib" ? fib() : not_understood();
  }

  // "established,related"
  bool state() {
    const bool negated = negates();
    return (take().find(in_.state) != std::string::npos) != negated;
  }

  // iifname . ip saddr @bridge_slices, and iifname . ip daddr . meta l4proto . th dport @served
  bool device_and_address() {
    at_ += 2;
    const Address value = take() == "saddr" ? in_.packet.source : in_.packet.destination;
    std::string service;
    if (peek() == ".") {
      at_ = std::min(at_ + 6, rule_->size());
      service = " . " + std::to_string(in_.packet.protocol) + " . " + std::to_string(in_.packet.destination_port);
    }
    const bool negated = negates();
    const std::string set = take().substr(1);
    const std::string start = quote(in_.in_device) + " . ";
    const bool holds = std::any_of(elements_.begin(), elements_.end(), [&](const SetElement& element) {
      const std::string_view key = element.element;
      return element.set == set && key.starts_with(start) && key.ends_with(service) &&
             prefix_holds(key.substr(start.size(), key.size() - start.size() - service.size()), value);
    });
    return holds != negated;
  }

  // "fib saddr type local", "fib saddr . iif oif exists" or "missing"
  bool fib() {
    (void)take();
    if (take() == "type") {
      return take() == "local" && in_.source_is_local;
    }
    at_ = std::min(at_ + 3, rule_->size());
    return (take() == "exists") == in_.route_back;
  }

  // A value against what stands next: a number, a quoted name that may end in *, or a set.
  bool compare(const std::string& value) {
    const bool negated = negates();
    const std::string wanted = take();
    if (wanted.starts_with("@")) {
      const bool holds = std::any_of(elements_.begin(), elements_.end(), [&](const SetElement& element) {
        return element.set == wanted.substr(1) && element.element == value;
      });
      return holds != negated;
    }
    if (wanted.ends_with("*\"")) {
      return value.starts_with(wanted.substr(0, wanted.size() - 2)) != negated;
    }
    return (value == wanted) != negated;
  }

  bool negates() {
    const bool negated = peek() == "!=";
    at_ += negated ? 1 : 0;
    return negated;
  }

  bool not_understood() {
    for (const std::string& word : *rule_) {
      end_.not_understood += (end_.not_understood.empty() ? "" : " ") + word;
    }
    return false;
  }

  [[nodiscard]] std::string peek() const { return at_ < rule_->size() ? rule_->at(at_) : std::string(); }
  std::string take() { return at_ < rule_->size() ? rule_->at(at_++) : std::string(2, ' '); }

  const RulesetPacket& in_;
  const std::vector<SetElement>& elements_;
  const Words* rule_ = nullptr;
  std::size_t at_ = 0;
  RulesetEnd end_;
};

} // namespace

RulesetEnd walk_ruleset(firewall::Hook hook, const RulesetPacket& packet, const std::vector<SetElement>& elements) {
  return Walk(packet, elements).enter(name_of(hook));
}

} // namespace fan
