#include "fanctl/docker/setup.h"

#include "fanctl/docker/forward_rule.h"
#include "fanctl/text_file.h"

namespace fan::cli::docker {

namespace {

Result<void> put_record(const std::optional<Record>& record) {
  return record ? replace_text_file(record_path, text_of(*record)) : remove_text_file(record_path);
}

Result<std::vector<std::string>> take_back_keys(const Record& record) {
  Result<std::optional<std::string>> text = read_text_file(record.daemon_json);
  if (!text) {
    return std::move(text).error();
  }
  if (!*text) {
    return std::vector<std::string>{};
  }
  Result<Restored> restored = restore(**text, record.keys);
  if (!restored) {
    return in_file(record.daemon_json, std::move(restored).error());
  }
  const bool nothing_left = restored->text.empty() && !record.had_daemon_json;
  Result<void> written = nothing_left
                             ? remove_text_file(record.daemon_json)
                             : replace_text_file(record.daemon_json, restored->text.empty() ? "{}\n" : restored->text);
  return written ? Result(std::move(restored->kept)) : std::move(written).error();
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

Result<void> set_up(World& world, const Record& record, const std::string& text, const std::optional<Record>& earlier) {
  if (Result<void> recording = put_record(record); !recording) {
    return recording;
  }
  Result<void> done = record.rule ? ensure_rule(world, record.overlay) : Result<void>();
  if (done) {
    done = replace_text_file(record.daemon_json, text);
  }
  if (!done) {
    if (record.added_rule && !(earlier && earlier->added_rule)) {
      (void)remove_rule(world, record.overlay); // the first error is the one to tell
    }
    (void)put_record(earlier);
  }
  return done;
}

Result<std::vector<std::string>> take_back(World& world, const Record& record) {
  Result<std::vector<std::string>> kept = take_back_keys(record);
  if (!kept) {
    return kept;
  }
  Result<void> done = record.added_rule ? remove_rule(world, record.overlay) : Result<void>();
  if (done) {
    done = put_record(std::nullopt);
  }
  return done ? std::move(kept) : Result<std::vector<std::string>>(std::move(done).error());
}

} // namespace fan::cli::docker
