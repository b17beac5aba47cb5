// fanctl endpoint: which endpoint is behind which port of a fan's bridge.
#include <CLI/CLI.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/errors.h"
#include "core/suggest.h"
#include "fanctl/change.h"
#include "fanctl/configuration.h"
#include "fanctl/endpoint_file.h"
#include "fanctl/endpoint_watch.h"
#include "fanctl/fan_name.h"
#include "fanctl/output/endpoints.h"

namespace fan::cli {

namespace {

struct EndpointArguments {
  ChangeArguments change;
  std::vector<std::string> words; // add, del, list or apply; then FAN; then FILE
  std::vector<std::string> port;
  std::vector<std::string> address;
  std::vector<std::string> mac;
  std::vector<std::string> allow;
  bool secure = false;
  bool routed = false;

  [[nodiscard]] const std::string& verb() const { return words.front(); }
};

void declare(CLI::App& app, EndpointArguments& into) {
  app.add_option("words", into.words)->group("");
  app.add_option("--port", into.port, "the device that is a port of the fan's bridge")
      ->type_name("DEVICE")
      ->allow_extra_args(false);
  app.add_option("--address", into.address, "the endpoint's address in the slice")
      ->type_name("ADDRESS")
      ->allow_extra_args(false);
  app.add_option("--mac", into.mac, "its MAC address")->type_name("MAC")->allow_extra_args(false);
  app.add_flag("--secure", into.secure, "the port sends as its endpoints or not at all");
  app.add_flag("--routed", into.routed,
               "the port is of no bridge, and gets a route: for more than a bridge's 1,023 ports");
  app.add_option("--allow", into.allow, "with --secure: and from this network, of IPv4 or IPv6; may be repeated")
      ->type_name("PREFIX")
      ->allow_extra_args(false);
  declare_change(app, into.change);
}

Result<void> check_once(const EndpointArguments& given) {
  for (const auto& [name, values] :
       {std::pair{"--port", &given.port}, std::pair{"--address", &given.address}, std::pair{"--mac", &given.mac}}) {
    if (values->size() > 1) {
      return usage_error(std::string(name) + " is given more than once", "give it once");
    }
  }
  return {};
}

Result<void> check_words(const EndpointArguments& given) {
  const std::vector<std::string> verbs{"add", "del", "list", "apply", "watch"};
  const std::string verb = given.words.empty() ? "" : given.words.front();
  if (std::find(verbs.begin(), verbs.end(), verb) == verbs.end()) {
    const auto near = nearest(verb, verbs);
    return usage_error(verb.empty() ? "says not what to do" : "cannot " + fan::quoted(verb),
                       near ? "did you mean '" + *near + "'?" : "add, del, list, apply or watch");
  }
  const bool any = !given.port.empty() || !given.address.empty() || !given.mac.empty();
  if (verb == "add" && (given.port.empty() || given.address.empty() || given.mac.empty())) {
    return usage_error("an endpoint is a port, an address and a MAC address",
                       "fanctl endpoint add --port veth1 --address 250.0.28.2 --mac 02:00:00:00:00:01");
  }
  if (verb == "del" && !any) {
    return usage_error("says not which", "give --address, --port or --mac; all of a port: --port");
  }
  if ((verb == "list" || verb == "apply" || verb == "watch") && any) {
    return usage_error("takes no --port, --address or --mac", "fanctl help endpoint");
  }
  if (verb == "watch" && (given.change.dry_run || given.change.common.json || !given.change.wait.empty())) {
    return usage_error("takes no option", "fanctl endpoint watch, or with the name of a fan");
  }
  if (verb == "apply" && given.words.size() < 2) {
    return usage_error("says not which file", "fanctl endpoint apply FILE, or - for standard input");
  }
  if (verb != "add" && (given.secure || given.routed || !given.allow.empty())) {
    return usage_error("--secure, --allow and --routed go with add", "in a file they are keys: \"secure\": true");
  }
  return {};
}

Result<void> parse(Words arguments, EndpointArguments& into) {
  CLI::App app;
  declare(app, into);
  if (Result<void> parsed = parse_arguments(app, arguments); !parsed || into.change.common.help) {
    return parsed;
  }
  if (Result<void> good = check_words(into); !good) {
    return good;
  }
  return check_once(into);
}

// The fan that is named before `last` words.
Result<std::optional<FanName>> name_of(const EndpointArguments& given, std::size_t last) {
  FanArguments named;
  named.words.assign(given.words.begin() + 1, given.words.end() - static_cast<std::ptrdiff_t>(last));
  if (named.words.empty()) {
    return std::optional<FanName>();
  }
  Result<FanName> name = fan_name_of(named);
  return name ? Result(std::optional(std::move(name).value())) : std::move(name).error();
}

Result<std::vector<EndpointRequest>> wanted_by(const EndpointArguments& given) {
  if (given.verb() == "add") {
    auto one = endpoint_of(given.port.front(), given.address.front(), given.mac.front(), given.secure, given.allow,
                           given.routed);
    return one ? Result(std::vector{std::move(one).value()}) : std::move(one).error();
  }
  const std::string& file = given.words.back();
  auto text = read_whole(file);
  if (!text) {
    return std::move(text).error();
  }
  if (text->size() > largest_endpoint_file) {
    return host_error(file + " is larger than 1 MiB", "name fewer endpoints");
  }
  return parse_endpoints(file == "-" ? "standard input" : file, *text);
}

template <class T>
Result<std::optional<T>> only(const std::vector<std::string>& values) {
  if (values.empty()) {
    return std::optional<T>();
  }
  auto parsed = T::parse(values.front());
  return parsed ? Result(std::optional<T>(*parsed)) : std::move(parsed).error();
}

Result<EndpointSelector> selector_of(const EndpointArguments& given) {
  auto address = only<Address>(given.address);
  auto mac = only<Mac>(given.mac);
  if (!address || !mac) {
    return address ? std::move(mac).error() : std::move(address).error();
  }
  return EndpointSelector{*address, given.port.empty() ? std::nullopt : std::optional(given.port.front()), *mac};
}

Result<Outcome> change(const EndpointArguments& given, World& world) {
  const bool exactly = given.verb() == "apply";
  Result<std::optional<FanName>> name = name_of(given, exactly ? 1 : 0);
  if (!name) {
    return std::move(name).error();
  }
  const RequestOptions options{.dry_run = given.change.dry_run};
  if (given.verb() == "del") {
    Result<EndpointSelector> which = selector_of(given);
    if (!which) {
      return std::move(which).error();
    }
    Result<Provider*> provider = ready(given.change, world);
    return provider ? remove_endpoints(**provider, *name, *which, options) : std::move(provider).error();
  }
  Result<std::vector<EndpointRequest>> wanted = wanted_by(given);
  if (!wanted) {
    return std::move(wanted).error();
  }
  Result<Provider*> provider = ready(given.change, world);
  return provider ? add_endpoints(**provider, *name, *wanted, exactly, options) : std::move(provider).error();
}

Result<std::string> list(const EndpointArguments& given, World& world) {
  Result<std::optional<FanName>> name = name_of(given, 0);
  if (!name) {
    return std::move(name).error();
  }
  Result<Provider*> provider = world.provider();
  if (!provider) {
    return std::move(provider).error();
  }
  Result<std::vector<EndpointStatus>> all = list_endpoints(**provider, *name);
  if (!all) {
    return std::move(all).error();
  }
  return given.change.common.json ? endpoint_document(*all) : endpoint_table(*all);
}

ExitStatus run_list(const EndpointArguments& given, World& world, Console& console) {
  Result<std::string> text = list(given, world);
  if (!text) {
    return fail(console, given.change.common.json, std::move(text).error().within("endpoint list"));
  }
  console.out += *text;
  return ExitStatus::success;
}

ExitStatus run_watch(const EndpointArguments& given, World& world, Console& console) {
  Result<std::optional<FanName>> name = name_of(given, 0);
  const Result<void> ended = name ? watch_endpoints(world, *name) : Result<void>(name.error());
  return ended ? ExitStatus::success : fail(console, false, Error(ended.error()).within("endpoint watch"));
}

} // namespace

std::string help_endpoint() {
  CLI::App app;
  EndpointArguments unused;
  declare(app, unused);
  return "usage: fanctl endpoint add [FAN] --port DEVICE --address ADDRESS --mac MAC "
         "[--secure [--allow PREFIX]...|--routed]\n"
         "       fanctl endpoint del [FAN] [--port DEVICE] [--address ADDRESS] [--mac MAC]\n"
         "       fanctl endpoint apply [FAN] FILE|-\n"
         "       fanctl endpoint list [FAN]\n"
         "       fanctl endpoint watch [FAN]\n\n"
         "Says which endpoint is behind which port of a fan's bridge. The bridge then answers for it when somebody "
         "asks who has\n"
         "its address, and no request is copied to the other ports.\n\n"
         "add    registers one; what was said of its address before is replaced\n"
         "del    removes those that have all of what is given\n"
         "apply  makes the endpoints exactly those of FILE, one JSON object a line, all or nothing:\n"
         "       {\"port\": \"veth1\", \"address\": \"250.0.28.2\", \"mac\": \"02:00:00:00:00:01\", \"secure\": true, "
         "\"allow\": []}\n"
         "watch  registers those of fans with proxy-arp as they appear, and removes them when they go, for as long as "
         "it runs;\n"
         "       a FAN that is not up is waited for\n\n"
         "options:\n" +
         options_text(app) +
         "\nExample: fanctl endpoint add --port veth1 --address 250.0.28.2 --mac 02:00:00:00:00:01\n";
}

ExitStatus run_endpoint(Words arguments, World& world, Console& console) {
  EndpointArguments given;
  if (Result<void> parsed = parse(arguments, given); !parsed) {
    return fail(console, wants_json(arguments), std::move(parsed).error().within("endpoint"));
  }
  if (given.change.common.help) {
    console.out += help_endpoint();
    return ExitStatus::success;
  }
  if (given.verb() == "list") {
    return run_list(given, world, console);
  }
  if (given.verb() == "watch") {
    return run_watch(given, world, console);
  }
  const std::string title = "endpoint " + given.verb();
  Result<Outcome> outcome = change(given, world);
  if (!outcome) {
    return fail(console, given.change.common.json, std::move(outcome).error().within(title));
  }
  Report report{"endpoint", given.change.dry_run, {}, {}};
  report.parts.push_back({title, std::move(outcome).value()});
  return tell(report, given.change, world, console);
}

} // namespace fan::cli
