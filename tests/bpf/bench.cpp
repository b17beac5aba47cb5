#include "bench.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <array>
#include <atomic>
#include <stdexcept>
#include <thread>

#include <pthread.h>
#include <sched.h>

#include "linux/bpf/attached.h"
#include "linux/bpf/object_file.h"
#include "linux/bpf/rows.h"
#include "linux/bpf/statistics.h"

namespace fan::test {
namespace {

template <class T>
T must(Result<T> result) {
  if (!result) {
    throw std::runtime_error(result.error().message + "\n" + result.error().kernel_text);
  }
  if constexpr (!std::is_void_v<T>) {
    return std::move(*result);
  }
}

void require(bool good, const char* what) {
  if (!good) {
    throw std::runtime_error(what);
  }
}

// Not where this process may not run, nor where there is no such processor.
void stay_on(unsigned processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  (void)pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

int map_of(bpf_object* object, const char* name) {
  return bpf_object__find_map_fd_by_name(object, name);
}

} // namespace

Bench::Bench(bool with_sums) : maps_(must(bpf::create_maps())) {
  bpf::ObjectFile object = must(bpf::ObjectFile::open());
  must(object.reuse(maps_));
  const std::string in = bpf::kernel_name(*bpf::role_of_program("tunnel_in_vxlan"));
  const std::string out = bpf::kernel_name(*bpf::role_of_program("tunnel_out_vxlan"));
  const std::string guard = bpf::kernel_name(*bpf::role_of_program("bridge_out"));
  must(object.load({in, out, guard}));
  vxlan_in_ = object.program(in);
  vxlan_out_ = object.program(out);
  guard_ = object.program(guard);

  entry_ = bpf_object__open_file(FAN_TEST_ENTRY, nullptr);
  require(entry_ != nullptr, "open the test entry");
  bpf_program__set_autoload(bpf_object__find_program_by_name(entry_, "arithmetic"), with_sums);
  for (std::size_t n = 0; n < bpf::map_role_count; ++n) {
    const auto role = static_cast<bpf::MapRole>(n);
    if (bpf_map* map = bpf_object__find_map_by_name(entry_, bpf::name_of(role)); map != nullptr) {
      require(bpf_map__reuse_fd(map, maps_.fd(role)) == 0, "share a map with the test entry");
    }
  }
  require(bpf_object__load(entry_) == 0, "load the test entry");
  const __u32 zero = 0;
  const int in_fd = vxlan_in_.get();
  require(bpf_map_update_elem(map_of(entry_, "test_jump"), &zero, &in_fd, BPF_ANY) == 0, "set the tail call");
}

Bench::~Bench() {
  bpf_object__close(entry_);
}

void Bench::row(const Object& object) {
  bpf::KnownRows known = *bpf::known_rows(maps_);
  must(bpf::apply_row(maps_, known, Change{std::nullopt, object, "test"}));
}

void Bench::device(std::uint32_t ifindex, std::uint32_t role) {
  must(bpf::put(maps_, bpf::MapRole::devices, &ifindex, &role));
}

int Bench::program(const std::string& name) const {
  return bpf_program__fd(bpf_object__find_program_by_name(entry_, name.c_str()));
}

Verdict Bench::run(int program, const Bytes& frame, __sk_buff context) {
  const std::vector<bpf::Count> before = must(bpf::read_counters(maps_));
  Bytes out(frame.size() + 256);
  bpf_test_run_opts options{};
  options.sz = sizeof(options);
  options.data_in = frame.data();
  options.data_size_in = static_cast<__u32>(frame.size());
  options.data_out = out.data();
  options.data_size_out = static_cast<__u32>(out.size());
  options.ctx_in = &context;
  options.ctx_size_in = sizeof(context);
  options.ctx_out = &context;
  options.ctx_size_out = sizeof(context);
  require(bpf_prog_test_run_opts(program, &options) == 0, "BPF_PROG_TEST_RUN");
  out.resize(options.data_size_out);
  Verdict verdict{static_cast<int>(options.retval), context.mark, {}, std::move(out)};
  const std::vector<bpf::Count> after = must(bpf::read_counters(maps_));
  for (std::size_t n = 0; n < after.size(); ++n) {
    verdict.raised.insert(verdict.raised.end(), after.at(n).packets - before.at(n).packets, after.at(n).reason);
  }
  return verdict;
}

Verdict Bench::run_with_key(const char* name, const Bytes& frame, test_key* key) {
  const __u32 zero = 0;
  const int keys = map_of(entry_, "test_keys");
  require(bpf_map_update_elem(keys, &zero, key, BPF_ANY) == 0, "set the key");
  const Verdict verdict = run(program(name), frame);
  require(bpf_map_lookup_elem(keys, &zero, key) == 0, "read the key");
  return verdict;
}

Verdict Bench::from_vxlan(const Bytes& frame, const test_key& key) {
  test_key copy = key;
  return run_with_key("enter", frame, &copy);
}

Verdict Bench::from_ipip(const Bytes& frame, const test_key& key) {
  test_key copy = key;
  return run_with_key("ipip_in", frame, &copy);
}

Verdict Bench::into_vxlan(const Bytes& frame, test_key* key) {
  test_key unused{};
  return run_with_key("vxlan_out", frame, key != nullptr ? key : &unused);
}

Verdict Bench::into_ipip(const Bytes& frame, test_key* key) {
  test_key unused{};
  return run_with_key("ipip_out", frame, key != nullptr ? key : &unused);
}

Verdict Bench::guard(const Bytes& frame, std::uint32_t from_ifindex) {
  __sk_buff context{};
  context.ingress_ifindex = from_ifindex;
  return run(guard_.get(), frame, context);
}

void Bench::guard_twice_at_once(const Bytes& frame, std::uint32_t from_ifindex) {
  std::atomic<unsigned> ready = 0;
  std::array<int, 2> results{};
  std::array<std::thread, 2> threads;
  for (unsigned n = 0; n < threads.size(); ++n) {
    threads.at(n) = std::thread([&, n] {
      stay_on(n);
      __sk_buff context{};
      context.ingress_ifindex = from_ifindex;
      bpf_test_run_opts options{};
      options.sz = sizeof(options);
      options.data_in = frame.data();
      options.data_size_in = static_cast<__u32>(frame.size());
      options.ctx_in = &context;
      options.ctx_size_in = sizeof(context);
      ++ready;
      while (ready < threads.size()) {
      }
      results.at(n) = bpf_prog_test_run_opts(guard_.get(), &options);
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  require(results == std::array{0, 0}, "BPF_PROG_TEST_RUN");
}

Verdict Bench::real_into_vxlan(const Bytes& frame) {
  return run(vxlan_out_.get(), frame);
}

Verdict Bench::segments_into_vxlan(const Bytes& frame, std::uint32_t segment) {
  __sk_buff context{};
  context.gso_size = segment;
  context.gso_segs = 2;
  return run(vxlan_out_.get(), frame, context);
}

Verdict Bench::real_from_vxlan(const Bytes& frame, std::uint32_t mark) {
  __sk_buff context{};
  context.mark = mark;
  return run(vxlan_in_.get(), frame, context);
}

std::vector<bpf::Refusal> Bench::refused() {
  return must(bpf::read_refused(maps_));
}

void Bench::forget_refused() {
  const auto rows = must(bpf::entries<fan_refused_key, fan_refused>(maps_, bpf::MapRole::refused));
  for (const auto& row : rows) {
    must(bpf::erase(maps_, bpf::MapRole::refused, &row.key));
  }
}

std::vector<test_sum> Bench::sums(const std::vector<test_sum>& in) {
  const int map = map_of(entry_, "test_sums");
  std::vector<test_sum> out = in;
  require(in.size() <= TEST_SUMS, "too many sums");
  for (__u32 n = 0; n < in.size(); ++n) {
    require(bpf_map_update_elem(map, &n, &in.at(n), BPF_ANY) == 0, "set a sum");
  }
  require(run(program("arithmetic"), Bytes(64)).action == 0, "work out the sums");
  for (__u32 n = 0; n < in.size(); ++n) {
    require(bpf_map_lookup_elem(map, &n, &out.at(n)) == 0, "read a sum");
  }
  return out;
}

} // namespace fan::test
