#include "linux/service/dhcp_servers.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>

#include <fmt/format.h>
#include <linux/capability.h>
#include <net/if.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/dhcp.h"
#include "core/errors.h"
#include "core/storage.h"
#include "linux/service/launch.h"
#include "linux/service/process_files.h"
#include "linux/service/server_unit.h"

namespace fan::service {
namespace {

constexpr const char* program = "dnsmasq";
constexpr const char* permanent_folder = "/var/lib/fanctl";
constexpr const char* passing_folder = "/run/fanctl";

struct Server {
  std::string bridge;
  Process process;
};

// What follows `start` in the first argument that begins with it; empty when none does.
std::string value_of(const std::vector<std::string>& argv, const std::string& start) {
  for (const std::string& argument : argv) {
    if (argument.compare(0, start.size(), start) == 0) {
      return argument.substr(start.size());
    }
  }
  return {};
}

// dnsmasq forks a process for each DNS query by TCP, with everything that it has itself. Those end with it.
void leave_out_children(std::vector<Process>& processes) {
  std::set<pid_t> children;
  for (const Process& process : processes) {
    const auto is_parent = [&](const Process& other) {
      return other.pid == process.parent && other.argv == process.argv;
    };
    if (std::any_of(processes.begin(), processes.end(), is_parent)) {
      children.insert(process.pid);
    }
  }
  std::erase_if(processes, [&](const Process& process) { return children.count(process.pid) != 0; });
}

Result<std::vector<Server>> running_servers() {
  Result<std::vector<Process>> processes = processes_of(program);
  if (!processes) {
    return std::move(processes).error();
  }
  leave_out_children(*processes);
  std::vector<Server> servers;
  for (Process& process : *processes) {
    process.argv.erase(process.argv.begin()); // the program's path
    std::replace_if(
        process.argv.begin(), process.argv.end(),
        [](const std::string& argument) { return argument.starts_with(unit_pid_file); }, no_pid_file);
    std::string bridge = value_of(process.argv, dhcp_interface_option);
    if (!value_of(process.argv, dhcp_sign).empty() && !bridge.empty()) {
      servers.push_back({std::move(bridge), std::move(process)});
    }
  }
  return servers;
}

constexpr const char* hidden_hint =
    "run it as root; a DHCP server runs as another user, of whose processes others are told nothing";

// A server that may be ours and cannot be looked at is neither there nor missing. One for a bridge that this namespace
// has not is another's.
Result<void> none_hidden() {
  const Result<std::vector<HiddenProcess>> hidden = hidden_processes();
  if (!hidden) {
    return hidden.error();
  }
  for (const HiddenProcess& process : *hidden) {
    const std::string bridge = value_of(process.argv, dhcp_interface_option);
    if (!value_of(process.argv, dhcp_sign).empty() && if_nametoindex(bridge.c_str()) != 0) {
      return make_error(ErrorClass::privilege,
                        fmt::format("the DHCP server of {} (process {}) cannot be looked at without CAP_SYS_PTRACE",
                                    bridge, process.pid),
                        hidden_hint);
    }
  }
  return {};
}

// Before a server is started that could then not be seen.
Result<void> may_see_servers() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {};
  if (syscall(SYS_capget, &header, sets) != 0 || (sets[0].effective & (1U << CAP_SYS_PTRACE)) != 0) {
    return {};
  }
  return make_error(ErrorClass::privilege,
                    "this process lacks CAP_SYS_PTRACE, without which a DHCP server cannot be seen", hidden_hint);
}

bool inside(const std::string& path, const std::string& folder) {
  return path.compare(0, folder.size() + 1, folder + "/") == 0 && path.find("/../") == std::string::npos;
}

// The folder of the lease file, if it is one that we may make and remove; empty otherwise.
std::string lease_folder(const DhcpServer& server) {
  const std::string file = lease_file_of(server);
  return inside(file, permanent_folder) || inside(file, passing_folder) ? file.substr(0, file.rfind('/'))
                                                                        : std::string();
}

Result<void> make_folder(const std::string& folder) {
  for (const std::string& path : {std::string(inside(folder, passing_folder) ? passing_folder : ""), folder}) {
    if (!path.empty() && mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) {
      const int number = errno;
      Error error = host_error(fmt::format("make folder {}: {}", path, strerror(number)), storage_hint(number));
      error.sys_errno = number;
      return error;
    }
  }
  return {};
}

// Folders go where nothing else is left in them: rmdir refuses otherwise.
void remove_folder(const std::string& folder) {
  if (!folder.empty() && rmdir(folder.c_str()) == 0 && inside(folder, passing_folder)) {
    rmdir(passing_folder);
  }
}

void remove_leases(const DhcpServer& server) {
  const std::string folder = lease_folder(server);
  if (!folder.empty()) {
    unlink(lease_file_of(server).c_str());
    remove_folder(folder);
  }
}

// After a start that came to nothing; leases that an earlier server gave are kept.
void remove_empty_leases(const DhcpServer& server) {
  const std::string folder = lease_folder(server);
  const std::string file = lease_file_of(server);
  struct stat found {};
  if (!folder.empty() && stat(file.c_str(), &found) == 0 && found.st_size == 0) {
    unlink(file.c_str());
  }
  remove_folder(folder);
}

bool port_taken(const Result<void>& launched) {
  return !launched && launched.error().kernel_text.find("Address already in use") != std::string::npos;
}

// A server that was killed a moment ago is no process any more before its sockets are closed: so the port gets a
// second.
Result<void> launch_patiently(const std::string& path, const DhcpServer& server) {
  const bool as_unit = can_be_unit(server.bridge, server.argv);
  const auto once = [&] { return as_unit ? start_unit(server.bridge, server.argv) : launch(path, server.argv); };
  Result<void> launched = once();
  for (int tries = 0; port_taken(launched) && tries < 20; ++tries) {
    usleep(50'000);
    launched = once();
  }
  return launched;
}

Result<void> start(const DhcpServer& server) {
  const std::string path = find_program(program);
  if (path.empty()) {
    return host_error("dnsmasq is not installed",
                      "install it (Debian: `apt-get install dnsmasq-base`), or leave `dhcp` out");
  }
  if (const std::string folder = lease_folder(server); !folder.empty()) {
    if (Result<void> made = make_folder(folder); !made) {
      remove_folder(folder);
      return made;
    }
  }
  Result<void> launched = launch_patiently(path, server);
  if (!launched) {
    remove_empty_leases(server);
  }
  if (port_taken(launched)) {
    launched.error().hint =
        "another DNS or DHCP server holds the port on every address; make it listen on its own addresses only "
        "(dnsmasq: bind-dynamic), or leave `dhcp` out. `ss -lunp` names it";
  }
  return launched;
}

Result<void> stop_all(const std::string& bridge) {
  const Result<std::vector<Server>> servers = running_servers();
  if (!servers) {
    return servers.error();
  }
  std::size_t stopped = 0;
  for (const Server& server : *servers) {
    if (server.bridge != bridge) {
      continue;
    }
    if (is_of_unit(server.process.pid, bridge)) {
      (void)stop_unit(bridge); // else systemd would start it again; what it does not end is ended here
    }
    if (Result<void> stopped_it = stop(server.process); !stopped_it) {
      return std::move(stopped_it).error().within("stop dnsmasq");
    }
    ++stopped;
  }
  return stopped > 0 ? Result<void>()
                     : host_error("no DHCP server runs on " + bridge + " any more", "run the command again");
}

Result<void> check_free(const std::string& bridge) {
  const Result<std::vector<Server>> servers = running_servers();
  if (!servers) {
    return servers.error();
  }
  const bool taken =
      std::any_of(servers->begin(), servers->end(), [&](const Server& server) { return server.bridge == bridge; });
  return taken ? host_error("a DHCP server runs on " + bridge + " already", "run the command again") : Result<void>();
}

// The servers that died: those whose leases are in this namespace's folder.
Result<std::vector<DhcpServer>> dead_servers() {
  std::vector<DhcpServer> dead;
  std::error_code failed;
  std::filesystem::directory_iterator entry(state_directory(), failed);
  for (; !failed && entry != std::filesystem::directory_iterator(); entry.increment(failed)) {
    if (entry->path().extension() == ".leases") {
      dead.push_back(dead_server(entry->path().stem(), entry->path()));
    }
  }
  if (failed && failed != std::errc::no_such_file_or_directory) {
    return host_error(state_directory() + " cannot be read: " + failed.message());
  }
  return dead;
}

Result<void> carry_out(const DhcpServer* before, const DhcpServer* after) {
  const bool was_up = before != nullptr && !is_dead(*before);
  if (!was_up && after != nullptr) {
    if (Result<void> free = check_free(after->bridge); !free) {
      return free;
    }
  }
  if (was_up) {
    if (Result<void> stopped = stop_all(before->bridge); !stopped) {
      remove_empty_leases(*before); // of one that ended by itself before it could do anything
      return stopped;
    }
  }
  if (after == nullptr) {
    if (Result<void> stopped = stop_unit(before->bridge); !stopped) { // of one that died, and is to be started again
      return stopped;
    }
    remove_leases(*before);
    return {};
  }
  return is_dead(*after) ? Result<void>() : start(*after);
}

} // namespace

std::string state_directory() {
  struct stat mine {};
  if (in_first_netns() || stat("/proc/thread-self/ns/net", &mine) != 0) {
    return permanent_folder;
  }
  return fmt::format("{}/netns-{}", passing_folder, mine.st_ino);
}

Result<ObservedSet> DhcpServers::observe() {
  if (Result<void> good = none_hidden(); !good) {
    return std::move(good).error();
  }
  Result<std::vector<Server>> running = running_servers();
  Result<std::vector<DhcpServer>> dead = dead_servers();
  if (!running || !dead) {
    return running ? std::move(dead).error() : std::move(running).error();
  }
  ObservedSet seen;
  for (Server& server : *running) {
    Object object = DhcpServer{server.bridge, std::move(server.process.argv)};
    const auto [place, fresh] = seen.emplace(key_of(object), Observed{object, true});
    if (!fresh) {
      std::get_if<DhcpServer>(&place->second.object)->argv.emplace_back("twice");
    }
  }
  for (DhcpServer& server : *dead) {
    Object object = std::move(server);
    seen.try_emplace(key_of(object), Observed{object, true});
  }
  return seen;
}

Result<void> DhcpServers::apply(const Change& change) {
  const auto* before = change.before ? std::get_if<DhcpServer>(&*change.before) : nullptr;
  const auto* after = change.after ? std::get_if<DhcpServer>(&*change.after) : nullptr;
  const std::string& bridge = after != nullptr ? after->bridge : before->bridge;
  Result<void> done = may_see_servers();
  done = done ? carry_out(before, after) : std::move(done);
  return done ? Result<void>() : Result<void>(std::move(done).error().within("DHCP server of " + bridge));
}

} // namespace fan::service
