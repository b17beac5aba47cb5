#include "bridge/port_programs.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <net/if.h>

#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

namespace fan::bench {
namespace {

void must(int done, const char* what) {
  if (done < 0) {
    std::fprintf(stderr, "%s: %d\n", what, done);
    std::exit(1);
  }
}

int table(bpf_object* object, const char* name) {
  return bpf_object__find_map_fd_by_name(object, name);
}

void put(int map, const void* key, const void* value) {
  must(bpf_map_update_elem(map, key, value, BPF_ANY), "map");
}

void attach(int program, unsigned ifindex) {
  DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = static_cast<int>(ifindex), .attach_point = BPF_TC_INGRESS);
  DECLARE_LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = program);
  must(bpf_tc_hook_create(&hook), "clsact");
  must(bpf_tc_attach(&hook, &options), "attach");
}

} // namespace

void attach_port_programs(const Stage& stage, const std::function<bool(unsigned)>& allowed) {
  bpf_object* object = bpf_object__open_file(FAN_BENCH_PORT, nullptr); // lives as long as this program
  must(object == nullptr ? -1 : bpf_object__load(object), "load " FAN_BENCH_PORT);
  const int program = bpf_program__fd(bpf_object__find_program_by_name(object, "fan_bench_port"));
  const unsigned zero = 0;
  const Mac own = stage.bridge_mac();
  put(table(object, "bridge"), &zero, own.bytes.data());
  const std::uint32_t gateway = htonl(stage.gateway().v4());
  put(table(object, "endpoints"), &gateway, own.bytes.data());
  const test::Inside here(stage.host());
  for (unsigned n = 1; n <= stage.ports(); ++n) {
    const std::uint32_t address = htonl(stage.address(n).v4());
    const Mac mac = mac_of(n);
    const unsigned char yes = 1;
    put(table(object, "endpoints"), &address, mac.bytes.data());
    if (allowed(n)) {
      put(table(object, "allowed"), mac.bytes.data(), &yes);
    }
    attach(program, if_nametoindex(fmt::format("p{}", n).c_str()));
  }
}

} // namespace fan::bench
