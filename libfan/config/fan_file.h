// A configuration in YAML, fanctl.yaml(5), as the fans it asks for: our own envelope (`version: 1`) or a netplan
// document with `fans:`. Text in, specs out: reading the file is somebody else's task, and so is what is on this host.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/devices.h"
#include "core/fan_spec.h"
#include "core/result.h"

namespace fan {

// A fan as it stands in a file.
struct FileFan {
  std::string name; // its key under `fans:`, "" for a mapping that is only reached
  TextPlace place;  // where it begins
  FanSpec spec;     // without `autostart` and `origin`, which say where it came from
};

// The keys of a fan and those below its `dhcp`, for the manual's test.
std::span<const char* const> fan_file_keys();
std::span<const char* const> fan_file_dhcp_keys();

// In the order of the file; an empty file has no fans. The type is vxlan where none is given. A fan has the name of its
// key as bridge, unless it only reaches or its underlay is a network. `devices` is asked about names of devices that
// may be netplan's IDs. Errors (class usage) have their place; the first one is given.
Result<std::vector<FileFan>> parse_fan_file(std::string_view text, const std::string& file,
                                            const Devices& devices = Devices());

} // namespace fan
