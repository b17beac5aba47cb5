// The files of programs that configure every device they are not told to leave alone, and the devices that it is about.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "doctor/check.h"

namespace fan::doctor {

// What the fans of this host are made of.
std::vector<LinkFact> devices_of(const Evidence& evidence);

struct ManagerFile {
  std::size_t directory = 0; // which of those that were looked at
  std::string text;
};

// By name, which is their order. Later directories yield to earlier ones, file by file (systemd.network(5),
// NetworkManager.conf(5)); what yields is not read.
std::map<std::string, ManagerFile> files_in(const Evidence& evidence, std::span<const char* const> directories,
                                            std::string_view ending, Findings& findings);

struct Setting {
  std::string key;
  std::string value; // with the blanks around it
};

// Of a section, "Match" say, in order.
std::vector<Setting> settings_of(const std::string& text, std::string_view section);

} // namespace fan::doctor
