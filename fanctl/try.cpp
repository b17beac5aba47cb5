// fanctl try: apply, and back again unless somebody confirms in time.
#include <array>
#include <csignal>

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "core/errors.h"
#include "core/number.h"
#include "fanctl/applying.h"
#include "fanctl/change.h"
#include "fanctl/interruption.h"
#include "fanctl/output/error_text.h"
#include "fanctl/trial.h"

namespace fan::cli {

namespace {

constexpr std::uint32_t longest_trial = 24 * 3600; // seconds

struct TryArguments {
  ChangeArguments change;
  FileArguments files;
  std::vector<std::string> timeout;
  bool confirm = false;
};

void declare(CLI::App& app, TryArguments& into) {
  declare_files(app, into.files, true);
  app.add_option("--timeout", into.timeout, "revert after this long without a confirmation (default 60)")
      ->type_name("SECONDS")
      ->allow_extra_args(false);
  app.add_flag("--confirm", into.confirm, "confirm the trial that is under way, from elsewhere");
  declare_wait(app, into.change);
  declare_common(app, into.change.common);
}

Result<void> parse(Words arguments, TryArguments& into) {
  CLI::App app;
  declare(app, into);
  if (Result<void> parsed = parse_arguments(app, arguments); !parsed) {
    return parsed;
  }
  if (into.timeout.size() > 1) {
    return usage_error("--timeout is given more than once", "give it once");
  }
  if (into.confirm && !(into.files.files.empty() && into.files.directory.empty() && into.timeout.empty())) {
    return usage_error("--confirm goes alone", "it confirms the trial that is under way");
  }
  into.change.all = true;
  return check_files(into.files);
}

Result<std::chrono::seconds> timeout_of(const TryArguments& given) {
  if (given.timeout.empty()) {
    return std::chrono::seconds(60);
  }
  Result<std::uint32_t> seconds = number_between(given.timeout.front(), 1, longest_trial);
  return seconds ? Result<std::chrono::seconds>(std::chrono::seconds(*seconds))
                 : std::move(seconds).error().within("--timeout");
}

// The signals that end a trial come as a descriptor, from before the first change until the end of the process.
int catch_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) {
    sigaddset(&signals, number);
  }
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  return signalfd(-1, &signals, SFD_CLOEXEC);
}

// SIGUSR1 and Enter keep, other signals and the end of input on a terminal revert; nothing: the keeper has decided.
std::optional<Verdict> decision(int signals, int keeper) {
  const bool terminal = isatty(0) == 1;
  for (;;) {
    std::array<pollfd, 3> all{{{signals, POLLIN, 0}, {keeper, POLLIN, 0}, {terminal ? 0 : -1, POLLIN, 0}}};
    if (poll(all.data(), all.size(), -1) < 0) {
      continue;
    }
    signalfd_siginfo signal{};
    if (all[0].revents != 0 && read(signals, &signal, sizeof signal) == sizeof signal) {
      return signal.ssi_signo == SIGUSR1 ? Verdict::kept : Verdict::reverted;
    }
    if (all[1].revents != 0) {
      return std::nullopt;
    }
    char key = 0;
    if (all[2].revents != 0) {
      return read(0, &key, 1) == 1 && key == '\n' ? Verdict::kept : Verdict::reverted;
    }
  }
}

void ask(const Applying& work, std::chrono::seconds timeout, bool json) {
  if (json) {
    return;
  }
  const char* how = isatty(0) == 1 ? "Press Enter to keep this" : "Run `fanctl try --confirm` to keep this";
  (void)write_all(1, fmt::format("{}{}; in {} seconds it is reverted.\n", work.summary, how, timeout.count()));
}

Result<Applying> change_host(Provider& provider, ReadConfiguration read, World& world) {
  Result<Applying> work = apply_read(std::move(read), provider, "try", false);
  world.unlock(); // the rest of the host goes on while a person thinks
  return work;
}

ExitStatus conclude(Trial& trial, bool successful, Console& console, bool json) {
  Result<Verdict> verdict = trial.verdict();
  if (!verdict) {
    return fail(console, json, std::move(verdict).error().within("try"));
  }
  const bool kept = *verdict == Verdict::kept;
  if (!json) {
    console.out += kept ? "kept\n" : "reverted\n";
  }
  return kept ? ExitStatus::success : successful ? ExitStatus::reverted : ExitStatus::partial;
}

ExitStatus try_it(const TryArguments& given, World& world, Console& console) {
  const bool json = given.change.common.json;
  const auto give_up = [&](Error error) { return fail(console, json, std::move(error).within("try")); };
  Result<std::chrono::seconds> timeout = timeout_of(given);
  if (!timeout) {
    return give_up(std::move(timeout).error());
  }
  if (Result<void> allowed = world.may_change(); !allowed) {
    return give_up(std::move(allowed).error());
  }
  Result<ReadConfiguration> read = read_configuration_files(given.files.source(), world.devices());
  if (!read) {
    return give_up(std::move(read).error());
  }
  // The turn comes first, then what the keeper remembers, and only then its time runs: what others do before is theirs.
  Result<Provider*> provider = ready(given.change, world);
  if (!provider) {
    return give_up(std::move(provider).error());
  }
  release_signals(); // from here on they come as decisions
  const int signals = catch_signals();
  Result<Trial> trial = Trial::begin(world, *timeout);
  if (!trial) {
    return give_up(std::move(trial).error());
  }
  Result<Applying> work = change_host(**provider, std::move(read).value(), world);
  if (!work) {
    return give_up(std::move(work).error());
  }
  const bool successful = work->report.errors.empty();
  (void)tell(work->report, given.change, world, console);
  if (!successful || work->summary.empty()) {
    successful ? trial->keep() : trial->revert();
    return successful ? ExitStatus::success : conclude(*trial, false, console, json);
  }
  ask(*work, *timeout, json);
  if (const std::optional<Verdict> decided = decision(signals, trial->descriptor())) {
    *decided == Verdict::kept ? trial->keep() : trial->revert();
  }
  return conclude(*trial, true, console, json);
}

} // namespace

std::string help_try() {
  CLI::App app;
  TryArguments unused;
  declare(app, unused);
  return "usage: fanctl try [FILE...] [--dir DIRECTORY] [--timeout SECONDS] [OPTIONS]\n"
         "       fanctl try --confirm\n\n"
         "Does what `fanctl apply` does, and takes it back unless it is confirmed in time: by Enter, by `fanctl try "
         "--confirm`\n"
         "in another terminal, or by the signal USR1. ^C takes it back at once, and so does the end of this command "
         "by any\n"
         "other means. When a fan cannot come up, all is taken back without asking.\n\n"
         "options:\n" +
         options_text(app) + "\nExample: fanctl try --timeout 30\n";
}

ExitStatus run_try(Words arguments, World& world, Console& console) {
  TryArguments given;
  if (Result<void> parsed = parse(arguments, given); !parsed) {
    return fail(console, wants_json(arguments), std::move(parsed).error().within("try"));
  }
  if (given.change.common.help) {
    console.out += help_try();
    return ExitStatus::success;
  }
  if (!given.confirm) {
    return try_it(given, world, console);
  }
  Result<void> told = confirm_trial(world.try_path());
  return told ? ExitStatus::success
              : fail(console, given.change.common.json, std::move(told).error().within("try --confirm"));
}

} // namespace fan::cli
