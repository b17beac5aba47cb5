// fanctl metrics: looks only, and says it for Prometheus: on standard output, in a file for node_exporter's textfile
// collector, or as the answer to one HTTP request.
#include <chrono>

#include <CLI/CLI.hpp>

#include "core/errors.h"
#include "fanctl/commands.h"
#include "fanctl/http/exchange.h"
#include "fanctl/output/error_text.h"
#include "fanctl/output/metrics_text.h"
#include "fanctl/privilege.h"
#include "fanctl/text_file.h"

namespace fan::cli {

namespace {

using Clock = std::chrono::steady_clock;

struct MetricsArguments {
  std::vector<std::string> file;
  bool http = false;
  bool help = false;
};

void declare(CLI::App& app, MetricsArguments& into) {
  app.set_help_flag();
  app.add_option("--file", into.file, "write them into this file, whole or not at all")
      ->type_name("FILE")
      ->allow_extra_args(false);
  app.add_flag("--http", into.http, "answer one HTTP request: standard input and output are the connection");
  app.add_flag("-h,--help", into.help, "this text");
}

// What could not be read is left out, and said.
template <class T>
std::optional<T> kept(Result<T> read, std::vector<Error>& errors) {
  if (read) {
    return std::move(read).value();
  }
  errors.push_back(std::move(read).error());
  return std::nullopt;
}

std::optional<Status> fans(World& world, std::vector<Error>& errors) {
  Result<Provider*> provider = world.provider();
  return kept(provider ? status(**provider) : Result<Status>(std::move(provider).error()), errors);
}

MetricsView look(World& world, std::vector<Error>& errors) {
  const Clock::time_point began = Clock::now();
  MetricsView view;
  view.status = fans(world, errors);
  view.counts = kept(world.counters(), errors);
  view.refused = kept(world.refused(), errors);
  view.devices = kept(world.device_traffic(), errors);
  view.seconds = std::chrono::duration<double>(Clock::now() - began).count();
  if (view.status && view.status->unseen) {
    errors.push_back(*view.status->unseen);
  }
  return view;
}

Result<void> check(const MetricsArguments& given) {
  if (given.http && !given.file.empty()) {
    return usage_error("--http and --file", "give either");
  }
  if (given.file.size() > 1) {
    return usage_error("--file is given more than once", "give it once");
  }
  return !given.file.empty() && given.file.front().empty() ? usage_error("the name of the file is empty")
                                                           : Result<void>();
}

// Privileges are for looking. Nothing of a request is read before they are gone.
Result<void> put(const MetricsArguments& given, const std::string& text, Console& console) {
  if (given.http) {
    Result<void> gone = give_up_privileges();
    return gone ? http::exchange(0, 1, text, {}) : gone;
  }
  if (!given.file.empty()) {
    return publish_text_file(given.file.front(), text);
  }
  console.out += text;
  return {};
}

} // namespace

std::string help_metrics() {
  CLI::App app;
  MetricsArguments unused;
  declare(app, unused);
  return "usage: fanctl metrics [--file FILE | --http]\n\n"
         "Prints what the fans of this host count, and whether they are as they should be, in Prometheus' text "
         "format. What cannot\n"
         "be read is left out, said on standard error, and fanctl_scrape_success is 0 for it.\n\n"
         "options:\n" +
         options_text(app) +
         "\nExample: fanctl metrics --file /var/lib/prometheus/node-exporter/fanctl.prom\n"
         "Needs CAP_NET_ADMIN and CAP_SYS_ADMIN to say everything. The units fanctl-metrics.socket and "
         "fanctl-metrics-file.timer call it.\n";
}

ExitStatus run_metrics(Words arguments, World& world, Console& console) {
  MetricsArguments given;
  CLI::App app;
  declare(app, given);
  Result<void> parsed = parse_arguments(app, arguments);
  if (Result<void> good = parsed ? check(given) : std::move(parsed); !good) {
    return fail(console, wants_json(arguments), std::move(good).error().within("metrics"));
  }
  if (given.help) {
    console.out += help_metrics();
    return ExitStatus::success;
  }
  std::vector<Error> errors;
  const std::string text = metrics_text(look(world, errors));
  if (Result<void> done = put(given, text, console); !done) {
    return fail(console, false, std::move(done).error().within("metrics"));
  }
  for (const Error& error : errors) {
    console.err += error_text(error);
  }
  return errors.empty() ? ExitStatus::success : status_of(errors.front().kind);
}

} // namespace fan::cli
