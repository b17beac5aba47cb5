#include "linux/bpf/test_run.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "bpf_abi/trace.h"
#include "core/errors.h"
#include "linux/bpf/attached.h"
#include "linux/bpf/failure.h"
#include "linux/bpf/map_set.h"
#include "linux/bpf/object_file.h"
#include "linux/bpf/our_filters.h"
#include "linux/bpf/statistics.h"

namespace fan::bpf {
namespace {

// Of a tunnel's ingress program where one of its fans takes the shortcut (core/derive.cpp): the same checks, and
// another way from there.
constexpr const char* shortcut_suffix = "_shortcut";
constexpr std::uint32_t none = 0; // the only key of the maps of trace.bpf.c

bool is_live(MapRole role) {
  return role != MapRole::counters && role != MapRole::refused && role != MapRole::answers;
}

// The program from a bridge refuses nobody, and so uses some of the maps only (bpf/packet.h, fan_hold_maps).
bool has_its_maps(const OurFilter& filter) {
  return filter.maps->complete() || filter.attached.program == "bridge_in";
}

// The maps in use, but counters, samples and answers that are new; and those that the program does not know.
Result<MapSet> maps_for_run(const MapSet& in_use) {
  Result<MapSet> maps = create_maps();
  for (std::size_t n = 0; maps && n < map_role_count; ++n) {
    if (is_live(static_cast<MapRole>(n)) && in_use.fds.at(n).get() >= 0) {
      maps->fds.at(n) = Fd(fcntl(in_use.fds.at(n).get(), F_DUPFD_CLOEXEC, 3));
      maps->ids.at(n) = in_use.ids.at(n);
    }
  }
  return maps && !maps->complete() ? Result<MapSet>(failure(errno, "hold the maps in use")) : std::move(maps);
}

Result<std::array<std::uint8_t, BPF_TAG_SIZE>> tag_of(const Fd& program) {
  bpf_prog_info info{};
  std::uint32_t length = sizeof(info);
  if (bpf_obj_get_info_by_fd(program.get(), &info, &length) != 0) {
    return failure(errno, "ask for the tag of a BPF program");
  }
  return std::to_array(info.tag);
}

Direction direction_of(const std::string& program) {
  return program.starts_with("tunnel_in_") || program == "bridge_in" ? Direction::ingress : Direction::egress;
}

// Which way into a program of this name; "": none is needed, and the program itself is run.
const char* entry_of(const std::string& program) {
  constexpr std::array<std::pair<const char*, const char*>, 7> entries{
      {{"tunnel_in_ipip", FAN_TRACE_IN_IPIP},
       {"tunnel_in_vxlan", FAN_TRACE_ENTER},
       {"tunnel_in_ipip_shortcut", FAN_TRACE_SHORTCUT_IPIP},
       {"tunnel_in_vxlan_shortcut", FAN_TRACE_SHORTCUT_VXLAN},
       {"tunnel_out_ipip", FAN_TRACE_OUT_IPIP},
       {"tunnel_out_vxlan", FAN_TRACE_OUT_VXLAN},
       {"bridge_in", FAN_TRACE_SHORTCUT_BRIDGE}}};
  const auto* const found =
      std::find_if(entries.begin(), entries.end(), [&](const auto& entry) { return entry.first == program; });
  return found == entries.end() ? "" : found->second;
}

// Nothing: a packet passes a bridge or a port without.
Result<std::optional<OurFilter>> attached_to(const TestRun& run) {
  Result<Filters> filters = Filters::open();
  Result<std::vector<OurFilter>> found = filters ? find_ours(*filters, {run.device}) : std::move(filters).error();
  if (!found) {
    return std::move(found).error();
  }
  const auto filter = std::find_if(found->begin(), found->end(), [&](const OurFilter& f) {
    const bool is_wanted = f.attached.program == run.program || f.attached.program == run.program + shortcut_suffix;
    return is_wanted && f.direction == direction_of(run.program);
  });
  if (filter == found->end() && run.program.starts_with("bridge_")) {
    return std::optional<OurFilter>();
  }
  if (filter == found->end()) {
    return host_error("our program " + run.program + " is not attached to " + run.device.name,
                      "'fanctl up' puts it back");
  }
  if (filter->attached.build != program_build() || !has_its_maps(*filter)) {
    return host_error("the program on " + run.device.name + " is of another fanctl (build " + filter->attached.build +
                          ", this one has " + program_build() + "), and only what is attached could be run",
                      "'fanctl up' replaces it without losing a packet");
  }
  return std::optional(std::move(*filter));
}

// One run: an object with the program that is attached, one with the ways into it, and the maps they share.
class Bench {
public:
  static Result<Bench> make(const OurFilter& filter);
  Result<TestVerdict> run(const TestRun& run);

private:
  Bench(MapSet maps, ObjectFile entry, Fd program, std::string way_in)
      : maps_(std::move(maps)), entry_(std::move(entry)), program_(std::move(program)), way_in_(std::move(way_in)) {}
  Result<int> run_program(int program, const TestRun& run);
  Result<int> enter(const TestRun& run);
  [[nodiscard]] TestVerdict judge(const TestRun& run, int action) const;
  [[nodiscard]] std::uint32_t mtu_in_answer() const;

  MapSet maps_;
  ObjectFile entry_;
  Fd program_;
  std::string way_in_; // among the programs of entry_; "" for program_ itself
  fan_trace_key key_{};
  std::uint32_t mark_ = 0;
  std::vector<std::uint8_t> out_;
  std::string reason_;
  std::string meaning_;
};

Result<Bench> Bench::make(const OurFilter& filter) {
  Result<MapSet> maps = maps_for_run(*filter.maps);
  Result<ObjectFile> object = ObjectFile::open();
  Result<ObjectFile> entry = ObjectFile::open_trace();
  if (!maps || !object || !entry) {
    return !maps ? maps.error() : !object ? object.error() : entry.error();
  }
  const std::string name = kernel_name(*role_of_program(filter.attached.program));
  const std::string way_in = entry_of(filter.attached.program);
  for (Result<void> done : {object->reuse(*maps), object->load({name}), entry->reuse(*maps), entry->load({way_in})}) {
    if (!done) {
      return std::move(done).error();
    }
  }
  Fd program = object->program(name);
  const auto attached = tag_of(filter.attached.fd);
  const auto loaded = tag_of(program);
  if (!attached || !loaded) {
    return attached ? loaded.error() : attached.error();
  }
  if (*attached != *loaded) {
    return host_error("the program on " + filter.device.name + " has the name of this build and another text",
                      "somebody has put it there; 'fanctl down' and 'up' make a new one");
  }
  return Bench(std::move(*maps), std::move(*entry), std::move(program), way_in);
}

Result<int> Bench::run_program(int program, const TestRun& run) {
  constexpr std::array<std::uint8_t, ETH_HLEN> ethernet{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00};
  std::vector<std::uint8_t> frame(ethernet.begin(), ethernet.end());
  if (run.to != Mac()) {
    std::copy(run.to.bytes.begin(), run.to.bytes.end(), frame.begin());
  }
  frame.insert(frame.end(), run.packet.begin(), run.packet.end());
  out_.assign(frame.size() + 256, 0);
  __sk_buff context{};
  context.ifindex = run.device.ifindex; // its forwarding counts where the program looks up a path
  context.ingress_ifindex = run.from_ifindex;
  context.mark = run.mark;
  bpf_test_run_opts options{};
  options.sz = sizeof(options);
  options.data_in = frame.data();
  options.data_size_in = static_cast<__u32>(frame.size());
  options.data_out = out_.data();
  options.data_size_out = static_cast<__u32>(out_.size());
  options.ctx_in = &context;
  options.ctx_size_in = sizeof(context);
  options.ctx_out = &context;
  options.ctx_size_out = sizeof(context);
  if (bpf_prog_test_run_opts(program, &options) != 0) {
    return failure(errno, "run a BPF program on a packet");
  }
  out_.resize(options.data_size_out);
  mark_ = context.mark;
  const int action = static_cast<int>(options.retval);
  return action == FAN_TRACE_BROKEN ? Result<int>(failure(EINVAL, "give a packet a tunnel key")) : action;
}

Result<int> Bench::enter(const TestRun& run) {
  if (run.arrived) {
    key_ = {1, run.arrived->source.v4(), run.arrived->destination.v4(), run.arrived->vni, run.arrived->ttl, 0};
  }
  const Fd keys = entry_.map(FAN_TRACE_KEYS);
  const int program = program_.get();
  if (bpf_map_update_elem(keys.get(), &none, &key_, BPF_ANY) != 0 ||
      (way_in_ == FAN_TRACE_ENTER &&
       bpf_map_update_elem(entry_.map(FAN_TRACE_JUMP).get(), &none, &program, BPF_ANY) != 0)) {
    return failure(errno, "prepare a run of a BPF program");
  }
  Result<int> action = run_program(entry_.program(way_in_).get(), run);
  if (action && bpf_map_lookup_elem(keys.get(), &none, &key_) != 0) {
    return failure(errno, "read the tunnel key of a run");
  }
  return action;
}

// The answer is IPv4 without options and ICMP (bpf/path_mtu.h); its MTU is the last half word of the ICMP header.
std::uint32_t Bench::mtu_in_answer() const {
  constexpr std::size_t at = ETH_HLEN + 20 + 6;
  return out_.size() > at + 1 ? (std::uint32_t{out_.at(at)} << 8U) | out_.at(at + 1) : 0;
}

// To redirect is to pass where it is the shortcut; on the way out it is an answer to the sender.
TestVerdict Bench::judge(const TestRun& run, int action) const {
  TestVerdict verdict;
  verdict.passed = action == TC_ACT_OK || action == TC_ACT_UNSPEC || key_.next != 0;
  verdict.next = key_.next;
  verdict.mark = mark_;
  verdict.reason = reason_;
  verdict.meaning = meaning_;
  verdict.build = program_build();
  verdict.mtu = action == TC_ACT_REDIRECT && !verdict.passed ? mtu_in_answer() : 0;
  if (key_.has_key != 0 && verdict.passed && !run.arrived) {
    verdict.outer =
        Outer{Address(key_.source), Address(key_.destination), key_.vni, static_cast<std::uint8_t>(key_.ttl)};
  }
  return verdict;
}

Result<TestVerdict> Bench::run(const TestRun& run) {
  const Result<int> action = way_in_.empty() ? run_program(program_.get(), run) : enter(run);
  const Result<std::vector<Count>> counts = action ? read_counters(maps_) : action.error();
  if (!counts) {
    return counts.error();
  }
  for (const Count& count : *counts) {
    if (count.packets != 0) {
      reason_ = count.reason;
      meaning_ = count.meaning;
    }
  }
  return judge(run, *action);
}

} // namespace

Result<TestVerdict> test_run(const TestRun& run) {
  Result<std::optional<OurFilter>> filter = attached_to(run);
  if (!filter) {
    return std::move(filter).error();
  }
  if (!*filter) {
    TestVerdict none_there;
    none_there.attached = false;
    return none_there;
  }
  Result<Bench> bench = Bench::make(**filter);
  return bench ? bench->run(run) : std::move(bench).error();
}

} // namespace fan::bpf
