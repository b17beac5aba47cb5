#include "fanctl/configuration_files.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "config/fan_file.h"
#include "config/legacy_file.h"
#include "config/yaml_document.h"
#include "core/errors.h"
#include "core/words.h"
#include "fanctl/configuration.h"
#include "fanctl/descriptor.h"
#include "fanctl/remembered_devices.h"
#include "fanctl/trust.h"

namespace fan::cli {

namespace {

static_assert(largest_legacy_file == 1 << 20); // what reading stops at; as largest_yaml

Error about(const std::string& path, const std::string& what, const std::string& hint) {
  Error error = host_error(what, hint);
  error.place = TextPlace{path, 0, 0, {}};
  return error;
}

Error unreadable(const std::string& path) {
  const int number = errno;
  Error error = about(path, std::string("cannot be read: ") + std::strerror(number), "");
  error.sys_errno = number;
  return error;
}

Result<void> check_type(const Descriptor& descriptor, const std::string& path, mode_t type) {
  struct stat facts {};
  if (fstat(descriptor.get(), &facts) != 0) {
    return unreadable(path);
  }
  if ((facts.st_mode & S_IFMT) != type) {
    return about(path, type == S_IFDIR ? "is not a directory" : "is not a regular file", "");
  }
  return {};
}

enum class Trust { needed, none };

Result<void> check(const Descriptor& descriptor, const std::string& path, mode_t type, Trust trust) {
  Result<void> right = check_type(descriptor, path, type);
  return right && trust == Trust::needed ? check_trusted(descriptor.get(), path) : right;
}

Result<std::string> read_path(const std::string& path, Trust trust = Trust::needed) {
  const Descriptor descriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)); // opening a pipe must not hang
  if (descriptor.get() < 0) {
    return unreadable(path);
  }
  if (Result<void> right = check(descriptor, path, S_IFREG, trust); !right) {
    return std::move(right).error();
  }
  std::optional<std::string> text = read_text(descriptor.get(), largest_legacy_file);
  return text ? Result(std::move(*text)) : unreadable(path);
}

Result<std::vector<std::string>> yaml_files_in(const std::string& directory, Trust trust = Trust::needed) {
  const Descriptor descriptor(open(directory.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY));
  if (descriptor.get() < 0) {
    return unreadable(directory);
  }
  if (Result<void> right = check(descriptor, directory, S_IFDIR, trust); !right) {
    return std::move(right).error();
  }
  DIR* listing = fdopendir(dup(descriptor.get()));
  if (listing == nullptr) {
    return unreadable(directory);
  }
  std::vector<std::string> files;
  for (errno = 0; const dirent* entry = readdir(listing); errno = 0) {
    const std::string_view name = entry->d_name;
    if (name.ends_with(".yaml") && !name.starts_with('.')) {
      files.push_back((std::filesystem::path(directory) / name).lexically_normal().string());
    }
  }
  const int failed = errno;
  closedir(listing);
  errno = failed;
  std::sort(files.begin(), files.end());
  return failed != 0 ? Result<std::vector<std::string>>(unreadable(directory)) : files;
}

class Reader {
public:
  explicit Reader(const Devices& devices) : devices_(devices) {}

  void read(const std::string& path) {
    const std::string origin = origin_of(path);
    if (origin.empty()) {
      errors_.push_back(no_origin(path));
      return;
    }
    configuration_.files.insert(origin);
    Result<std::string> text = read_path(path);
    if (!text) {
      fail(origin, std::move(text).error());
    } else if (path.ends_with(".yaml") || path.ends_with(".yml")) {
      read_yaml(*text, path, origin);
    } else {
      read_legacy(*text, path, origin);
    }
  }

  ReadConfiguration take() { return {std::move(configuration_), std::move(errors_)}; }

private:
  void fail(const std::string& origin, Error error) {
    if (!error.place) {
      error.place = TextPlace{origin, 0, 0, {}};
    }
    configuration_.broken.insert(origin);
    errors_.push_back(std::move(error));
  }

  void read_yaml(const std::string& text, const std::string& path, const std::string& origin) {
    Result<std::vector<FileFan>> fans = parse_fan_file(text, path, devices_);
    if (!fans) {
      fail(origin, std::move(fans).error());
      return;
    }
    for (FileFan& fan : *fans) {
      add(std::move(fan.spec), fan.name, fan.place, origin);
    }
  }

  void read_legacy(const std::string& text, const std::string& path, const std::string& origin) {
    Result<std::vector<LegacyLine>> lines = parse_legacy(text, path);
    if (!lines) {
      fail(origin, std::move(lines).error());
      return;
    }
    for (LegacyLine& line : *lines) {
      if (line.spec) {
        add(std::move(line.spec).value(), "", line.place, origin);
      } else {
        fail(origin, std::move(line.spec).error());
      }
    }
  }

  void add(FanSpec spec, const std::string& name, const TextPlace& place, const std::string& origin) {
    spec.autostart = true;
    spec.origin = origin;
    const std::string title = name.empty() ? spec.overlay_text + " " + spec.underlay_text : name;
    WantedFan fan{std::move(spec), title, place};
    if (std::optional<Error> twice = named_before(fan, configuration_.wanted)) {
      fail(origin, std::move(*twice));
      return;
    }
    configuration_.wanted.push_back(std::move(fan));
  }

  const Devices& devices_;
  Configuration configuration_;
  std::vector<Error> errors_;
};

bool is_there(const std::string& path) {
  struct stat facts {};
  return lstat(path.c_str(), &facts) == 0; // a link to nowhere is there, and an error
}

Result<std::vector<std::string>> files_of(const ConfigurationSource& source) {
  if (!source.files.empty()) {
    return source.files;
  }
  if (!source.directory.empty()) {
    return yaml_files_in(source.directory);
  }
  Result<std::vector<std::string>> files =
      is_there(configuration_directory) ? yaml_files_in(configuration_directory) : std::vector<std::string>{};
  if (files && is_there(default_configuration)) {
    files->emplace_back(default_configuration);
  }
  return files;
}

// A file that is not for us is read all the same, as its error would be: netplan then configures nothing at all.
bool has_fans(const std::string& path) {
  const Result<std::string> text = read_path(path, Trust::none);
  if (!text) {
    return false;
  }
  const Result<YamlDocument> document = YamlDocument::parse(*text, path);
  const YamlNode* network = document ? document->root().find("network") : nullptr;
  return network != nullptr && network->find("fans") != nullptr;
}

std::vector<std::string> notes_on_netplan() {
  std::vector<std::string> notes;
  for (const char* directory : {"/etc/netplan", "/run/netplan", "/lib/netplan"}) {
    const Result<std::vector<std::string>> files = yaml_files_in(directory, Trust::none);
    for (const std::string& file : files ? *files : std::vector<std::string>{}) {
      if (has_fans(file)) {
        notes.push_back(
            fmt::format("{} has fans, which netplan refuses together with the whole file, and which are not "
                        "read there: move them to {}, where a netplan document is read too",
                        file, configuration_directory));
      }
    }
  }
  return notes;
}

} // namespace

std::string origin_of(const std::string& path) {
  std::error_code failed;
  const std::string absolute = std::filesystem::absolute(path, failed).lexically_normal().string();
  const bool odd = std::any_of(absolute.begin(), absolute.end(), [](char c) { return c >= 0 && c <= ' '; });
  return failed || odd || absolute.size() > longest_word ? "" : absolute;
}

Error no_origin(const std::string& path) {
  return about(path, fmt::format("this path cannot be recorded with a fan: at most {} bytes, no blanks", longest_word),
               "use a shorter name");
}

std::optional<Error> named_before(const WantedFan& fan, const std::vector<WantedFan>& before) {
  const FanSpec& spec = fan.spec;
  const auto other = std::find_if(before.begin(), before.end(), [&](const WantedFan& first) {
    return !first.spec.off && (same_request(first.spec, spec) || (spec.bridge && first.spec.bridge == spec.bridge));
  });
  if (spec.off || other == before.end()) {
    return std::nullopt;
  }
  Error error = usage_error(
      fmt::format("{}: this fan is in {}, line {}, already", fan.name, other->place.file, other->place.line),
      "keep it in one of the two places only");
  error.place = fan.place;
  return error;
}

Result<ReadConfiguration> read_configuration_files(const ConfigurationSource& source, const Devices& devices) {
  Result<std::vector<std::string>> files = files_of(source);
  if (!files) {
    return std::move(files).error();
  }
  const RememberedDevices remembered(devices);
  Reader reader(remembered);
  for (const std::string& file : *files) {
    reader.read(file);
  }
  ReadConfiguration read = reader.take();
  read.configuration.everything = source.files.empty();
  if (source.files.empty() && source.directory.empty()) {
    read.notes = notes_on_netplan();
  }
  return read;
}

} // namespace fan::cli
