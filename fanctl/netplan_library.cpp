#include "fanctl/netplan_library.h"

#include <memory>

#include <dlfcn.h>
#include <unistd.h>

namespace fan::cli {

namespace {

// The interface of netplan 1.0 and later, and of 0.104 to 0.106.
constexpr const char* library_names[] = {"libnetplan.so.1", "libnetplan.so.0.0"};

struct Closer {
  void operator()(void* library) const { dlclose(library); }
};
using Library = std::unique_ptr<void, Closer>;

Library open_library() {
  for (const char* name : library_names) {
    if (Library library{dlopen(name, RTLD_NOW | RTLD_LOCAL)}) {
      return library;
    }
  }
  return nullptr;
}

template <class Function>
bool find(const Library& library, const char* name, Function*& into) {
  into = reinterpret_cast<Function*>(dlsym(library.get(), name));
  return into != nullptr;
}

// netplan/netplan.h, netplan/parse.h; the structures behind the pointers are netplan's own.
struct Functions {
  void* (*parser_new)();
  void (*parser_clear)(void**);
  int (*parser_load)(void*, const char*, void**);
  void* (*state_new)();
  void (*state_clear)(void**);
  int (*state_import)(void*, void*, void**);
  void* (*state_get)(const void*, const char*);
  ssize_t (*get_set_name)(const void*, char*, std::size_t);
  int (*has_match)(const void*);
  int (*match)(const void*, const char*, const char*, const char*);
  void (*error_clear)(void**);

  [[nodiscard]] bool found_in(const Library& library) {
    return find(library, "netplan_parser_new", parser_new) && find(library, "netplan_parser_clear", parser_clear) &&
           find(library, "netplan_parser_load_yaml_hierarchy", parser_load) &&
           find(library, "netplan_state_new", state_new) && find(library, "netplan_state_clear", state_clear) &&
           find(library, "netplan_state_import_parser_results", state_import) &&
           find(library, "netplan_state_get_netdef", state_get) &&
           find(library, "netplan_netdef_get_set_name", get_set_name) &&
           find(library, "netplan_netdef_has_match", has_match) &&
           find(library, "netplan_netdef_match_interface", match) && find(library, "netplan_error_clear", error_clear);
  }
};

// The driver of a device, as netplan itself looks it up; "" for a device without one.
std::string driver_of(const std::string& device) {
  char target[256];
  const ssize_t length = readlink(("/sys/class/net/" + device + "/device/driver").c_str(), target, sizeof target);
  const std::string path(target, length > 0 ? static_cast<std::size_t>(length) : 0);
  return path.substr(path.rfind('/') + 1);
}

NetplanDefinition read(const Functions& netplan, const void* found, const std::vector<DeviceName>& devices) {
  NetplanDefinition definition;
  char name[64] = "";
  if (netplan.get_set_name(found, name, sizeof name) > 0) {
    definition.set_name = name;
  }
  for (const DeviceName& device : devices) {
    const std::string driver = driver_of(device.name);
    if (netplan.match(found, device.name.c_str(), device.mac.str().c_str(),
                      driver.empty() ? nullptr : driver.c_str()) != 0) {
      definition.matching.push_back(device.name);
    }
  }
  return definition;
}

std::optional<NetplanDefinition> look_up(const Functions& netplan, void* parser, void* state, const std::string& id,
                                         const std::vector<DeviceName>& devices) {
  void* error = nullptr;
  const bool loaded = netplan.parser_load(parser, "/", &error) != 0 && netplan.state_import(state, parser, &error) != 0;
  if (error != nullptr) {
    netplan.error_clear(&error);
  }
  const void* found = loaded ? netplan.state_get(state, id.c_str()) : nullptr;
  if (found == nullptr || netplan.has_match(found) == 0) {
    return std::nullopt;
  }
  return read(netplan, found, devices);
}

} // namespace

std::optional<NetplanDefinition> netplan_definition(const std::string& id, const std::vector<DeviceName>& devices) {
  const Library library = open_library();
  Functions netplan{};
  if (!library || !netplan.found_in(library)) {
    return std::nullopt;
  }
  void* parser = netplan.parser_new();
  void* state = netplan.state_new();
  std::optional<NetplanDefinition> definition = look_up(netplan, parser, state, id, devices);
  netplan.parser_clear(&parser);
  netplan.state_clear(&state);
  return definition;
}

} // namespace fan::cli
