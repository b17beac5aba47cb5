// What fanctl asks of the engine. One pipeline with several ends: records + request → fans → derive → diff → plan →
// apply or render.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/fan.h"
#include "core/fan_spec.h"
#include "core/object.h"
#include "core/result.h"
#include "engine/provider.h"

namespace fan {

struct RequestOptions {
  bool dry_run = false;                  // work the plan out, carry nothing out
  bool force = false;                    // down: also while ports are attached
  std::vector<Fan> instead_of;           // up: recorded fans that go down in the same plan
  std::function<bool(const Fan&)> keeps; // up: the recorded fans that it may not change; class host_state, if it would
  bool notes_parts = true;               // up: note the other fans that are known in part; false: the caller does
};

// What a request did, or would do.
struct Outcome {
  std::vector<Fan> fans;          // the fans that were asked for
  std::vector<Change> plan;       // in the order of application; empty: everything was so already
  std::vector<Error> failures;    // of several fans those that were left as they are, and why
  std::vector<std::string> notes; // what a person should know: a choice among candidates, a firewall in the way, ...
};

// Which fans `down` means. Exactly one of the three is set.
struct Selector {
  std::optional<FanSpec> spec;     // overlay and underlay, as FanName::pair (engine/fan_selection.h)
  std::optional<std::string> name; // as FanName::word
  enum class All { none, configured, every } all = All::none; // configured: `down -a` (flag auto); every: `down -e`
};

// Brings up what `spec` asks for, and repairs whatever belongs to any recorded fan. `spec.off`: nothing is done.
// Validates everything before the first write; when a change fails, undoes those before it; when undoing fails too, the
// error is of class partial and names both. After the last change the kernel is read again and must show what was asked
// for.
Result<Outcome> up(Provider& provider, const FanSpec& spec, const RequestOptions& options);

// Takes fans down and leaves what was there before them. Nothing selected by `spec` or `name`: error, class not_found.
// Ports attached: error naming them, class in_use, unless options.force. `All`: an empty selection is a success;
// leftovers of ours that belong to no record (a process was killed) are removed too.
Result<Outcome> down(Provider& provider, const Selector& which, const RequestOptions& options);

// These fans, each of which has an outcome: one that is in use stays, which is a failure. All that can go does, or
// nothing.
Result<std::vector<Outcome>> down(Provider& provider, std::span<const Fan> fans, const RequestOptions& options);

// One object that is not as it should be.
struct Drift {
  std::string key;      // key_of()
  std::string kind;     // kind_of()
  std::string expected; // rendered state; "" when it should not be there
  std::string found;    // rendered state; "" when it is missing
};

// What holds for one that was asked about.
struct SenderStatus {
  std::string who; // the word that was asked
  Sender sender;
  bool sends = false;    // its broadcasts are copied
  bool receives = false; // those of others are copied to it
};

// Whose broadcasts a bridge copies, and to whom.
struct BroadcastStatus {
  std::string bridge;
  bool quiet = false;          // only those of `allowed`
  std::vector<Sender> allowed; //
  bool selective = false;      // only to `receivers`
  std::vector<std::string> receivers;
  std::vector<SenderStatus> asked;
};

// What was said of the ports of a fan's bridge.
struct PortStatus {
  std::size_t endpoints = 0; // registered, of this fan
  std::vector<std::string> secured;
  BroadcastStatus broadcast;
};

struct FanStatus {
  Fan fan;
  std::vector<std::string> ports; // devices attached to the bridge
  std::vector<Drift>
      drift; // empty: as it should be. Shared objects (tunnel, ruleset) are reported with every fan that uses them
  std::size_t objects = 0; // how many it should consist of, shared ones included; 0 while the Status is not complete
  std::optional<PortStatus> said; // nothing: no bridge of its own (reach), or the Status is not complete
};

// The recorded fans, ordered by slice. Where this process may not see all objects `complete` is false, drift is not
// known, and `unseen` says what and why. Without CAP_SYS_ADMIN that is the record map: the bridges' aliases are used.
struct Status {
  std::vector<FanStatus> fans;
  bool complete = true;
  std::optional<Error> unseen; // why; set when and only when not complete
  // Fans that are there and cannot be read, one each: until each is, nothing can be changed. Then `complete` is false.
  std::vector<Error> unreadable;
};
Result<Status> status(Provider& provider);
// The fans alone, in the same order.
std::vector<Fan> fans_of(const Status& status);

} // namespace fan
