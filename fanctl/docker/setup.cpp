#include "fanctl/docker/setup.h"

#include <filesystem>
#include <initializer_list>

#include <unistd.h>

#include "fanctl/docker/forward_rule.h"
#include "fanctl/text_file.h"

namespace fan::cli::docker {

namespace {

// Without a record its folder goes as well, where nothing else is in it.
Result<void> put_record(const std::optional<Record>& record) {
  if (record) {
    return replace_text_file(record_path, text_of(*record));
  }
  Result<void> removed = remove_text_file(record_path);
  if (removed) {
    (void)rmdir(std::filesystem::path(record_path).parent_path().c_str());
  }
  return removed;
}

// daemon.json as it was.
Result<void> put_text(const std::string& path, const std::optional<std::string>& text) {
  return text ? replace_text_file(path, *text) : remove_text_file(path);
}

// The first error is the one to tell, and what could not be undone with it.
Error undone(Error failed, std::initializer_list<Result<void>> undoing) {
  for (const Result<void>& undo : undoing) {
    if (!undo) {
      failed.kind = ErrorClass::partial;
      failed.message += "\n  undo failed: " + undo.error().message;
    }
  }
  return failed;
}

Result<std::vector<std::string>> take_back_keys(const Record& record, const std::optional<std::string>& text) {
  if (!text || record.keys.empty()) {
    return std::vector<std::string>{};
  }
  Result<Restored> restored = restore(*text, record.keys);
  if (!restored) {
    return in_file(record.daemon_json, std::move(restored).error());
  }
  const bool nothing_left = restored->text.empty() && !record.had_daemon_json;
  Result<void> written = nothing_left
                             ? remove_text_file(record.daemon_json)
                             : replace_text_file(record.daemon_json, restored->text.empty() ? "{}\n" : restored->text);
  return written ? Result(std::move(restored->kept)) : std::move(written).error();
}

// The record when daemon.json is taken back: nothing, unless a rule of ours stays. After a boot that one is not put
// back.
std::optional<Record> without_keys(const Record& record, bool keep_rule) {
  if (!keep_rule || !record.added_rule) {
    return std::nullopt;
  }
  Record left = record;
  left.keys.clear();
  left.rule = false;
  return left;
}

} // namespace

Error in_file(const std::string& path, Error error) {
  if (error.place) {
    error.place->file = path;
    return error;
  }
  return std::move(error).within(path);
}

Result<std::optional<Record>> recorded() {
  Result<std::optional<std::string>> text = read_text_file(record_path);
  if (!text) {
    return std::move(text).error();
  }
  if (!*text) {
    return std::optional<Record>();
  }
  Result<Record> record = parse_record(**text);
  if (!record) {
    return in_file(record_path, std::move(record).error());
  }
  return std::optional(std::move(record).value());
}

// The record first, so that all can be taken back whatever happens; iptables last, as of its chain and table not all
// can.
Result<void> set_up(World& world, const Record& wanted, const Texts& daemon_json,
                    const std::optional<Record>& earlier) {
  const bool had_rule = earlier && earlier->added_rule;
  Record record = wanted;
  record.added_rule = record.added_rule || (had_rule && earlier->overlay == record.overlay);
  if (Result<void> recording = put_record(record); !recording) {
    return recording;
  }
  if (Result<void> written = replace_text_file(record.daemon_json, daemon_json.after); !written) {
    return undone(std::move(written).error(), {put_record(earlier)});
  }
  Result<void> ruled = record.rule ? ensure_rule(world, record.overlay) : Result<void>();
  if (ruled && had_rule && earlier->overlay != record.overlay) {
    ruled = remove_rule(world, earlier->overlay);
    if (!ruled && record.rule && record.added_rule) {
      ruled = undone(std::move(ruled).error(), {remove_rule(world, record.overlay)});
    }
  }
  return ruled ? std::move(ruled)
               : Result<void>(undone(std::move(ruled).error(),
                                     {put_text(record.daemon_json, daemon_json.before), put_record(earlier)}));
}

Result<std::vector<std::string>> take_back(World& world, const Record& record, bool keep_rule) {
  Result<std::optional<std::string>> text = read_text_file(record.daemon_json);
  if (!text) {
    return std::move(text).error();
  }
  Result<std::vector<std::string>> kept = take_back_keys(record, *text);
  if (!kept) {
    return kept;
  }
  const bool remove = record.added_rule && !keep_rule;
  if (Result<void> removed = remove ? remove_rule(world, record.overlay) : Result<void>(); !removed) {
    return undone(std::move(removed).error(), {put_text(record.daemon_json, *text)});
  }
  if (Result<void> forgotten = put_record(without_keys(record, keep_rule)); !forgotten) {
    return undone(std::move(forgotten).error(),
                  {remove ? ensure_rule(world, record.overlay) : Result<void>(), put_text(record.daemon_json, *text)});
  }
  return kept;
}

} // namespace fan::cli::docker
