// fanctl trace: what this host would do with a packet. Reads only.
#include <CLI/CLI.hpp>

#include "core/errors.h"
#include "core/number.h"
#include "engine/trace.h"
#include "fanctl/commands.h"
#include "fanctl/output/trace.h"

namespace fan::cli {

namespace {

struct TraceArguments {
  CommonArguments common;
  std::vector<std::string> words; // source, destination
  std::vector<std::string> protocol;
  std::vector<std::string> port;
  std::vector<std::string> size;
  bool dont_fragment = false;
};

void declare(CLI::App& app, TraceArguments& into) {
  app.add_option("words", into.words)->group("");
  app.add_option("--proto", into.protocol, "what it carries (default icmp, an echo request)")
      ->type_name("icmp|tcp|udp|N")
      ->allow_extra_args(false);
  app.add_option("--dport", into.port, "destination port of tcp and udp (default 80)")
      ->type_name("N")
      ->allow_extra_args(false);
  app.add_option("--size", into.size, "of the whole IPv4 packet (default 84)")
      ->type_name("BYTES")
      ->allow_extra_args(false);
  app.add_flag("--df", into.dont_fragment, "it may not be fragmented");
  declare_common(app, into.common);
}

// The number that was given, at most once, or what holds without.
Result<std::uint32_t> number_of(const char* option, const std::vector<std::string>& given, std::uint32_t least,
                                std::uint32_t most, std::uint32_t otherwise) {
  if (given.size() > 1) {
    return usage_error(std::string(option) + " is given twice");
  }
  Result<std::uint32_t> number =
      given.empty() ? Result<std::uint32_t>(otherwise) : number_between(given.front(), least, most);
  return number ? number : std::move(number).error().within(option);
}

Result<std::uint8_t> protocol_of(const std::vector<std::string>& given) {
  for (const std::uint8_t known : {protocol_icmp, protocol_tcp, protocol_udp}) {
    if (given.size() == 1 && given.front() == protocol_name(known)) {
      return known;
    }
  }
  Result<std::uint32_t> number = number_of("--proto", given, 0, 255, protocol_icmp);
  if (!number) {
    Error error = std::move(number).error();
    error.hint = "icmp, tcp, udp, or a number from 0 to 255";
    return error;
  }
  return static_cast<std::uint8_t>(*number);
}

Result<Packet> packet_of(const TraceArguments& given) {
  if (given.words.size() != 2) {
    return usage_error(given.words.size() > 2 ? fan::quoted(given.words.at(2)) + " is one word too many"
                                              : std::string("source and destination are needed"),
                       "fanctl trace SRC DST");
  }
  const Result<Address> source = Address::parse(given.words.at(0));
  const Result<Address> destination = Address::parse(given.words.at(1));
  if (!source || !destination) {
    return source ? destination.error() : source.error();
  }
  const Result<std::uint8_t> protocol = protocol_of(given.protocol);
  const Result<std::uint32_t> port = number_of("--dport", given.port, 0, 65535, 80);
  const Result<std::uint32_t> size = number_of("--size", given.size, 20, 65535, 84);
  if (!protocol || !port || !size) {
    return !protocol ? protocol.error() : !port ? port.error() : size.error();
  }
  const bool has_port = *protocol == protocol_tcp || *protocol == protocol_udp;
  if (!given.port.empty() && !has_port) {
    return usage_error("--dport: " + protocol_name(*protocol) + " has no ports", "give --proto tcp or --proto udp");
  }
  Packet packet;
  packet.source = *source;
  packet.destination = *destination;
  packet.protocol = *protocol;
  packet.destination_port = has_port ? static_cast<std::uint16_t>(*port) : std::uint16_t{0};
  packet.size = *size;
  packet.dont_fragment = given.dont_fragment;
  return packet;
}

Result<Trace> trace_it(const TraceArguments& given, World& world) {
  const Result<Packet> packet = packet_of(given);
  if (!packet) {
    return packet.error();
  }
  if (Result<void> allowed = world.may_change(); !allowed) { // to run a program takes what to attach one takes
    return std::move(allowed).error();
  }
  Result<Provider*> provider = world.provider();
  return provider ? trace(**provider, world.packets(), *packet) : std::move(provider).error();
}

} // namespace

std::string help_trace() {
  CLI::App app;
  TraceArguments unused;
  declare(app, unused);
  return "usage: fanctl trace SRC DST [OPTIONS]\n\n"
         "Follows a packet from SRC to DST through this host, hop by hop: routes, our table and other people's "
         "firewalls, "
         "the programs\nthat are attached, path and neighbour. The programs are run with the maps that are in use and "
         "counters of their own.\nWhere SRC is another host's, the packet arrives by the tunnel as that host would "
         "have "
         "sent it. Nothing is sent, nothing\nchanged. The last line is the verdict.\n\n"
         "options:\n" +
         options_text(app) +
         "\nExit status: 0 sent or delivered, 15 refused\n"
         "Example: fanctl trace 250.0.27.2 250.0.28.2 --size 1500 --df\n";
}

ExitStatus run_trace(Words arguments, World& world, Console& console) {
  TraceArguments given;
  CLI::App app;
  declare(app, given);
  if (Result<void> parsed = parse_arguments(app, arguments); !parsed) {
    return fail(console, wants_json(arguments), std::move(parsed).error().within("trace"));
  }
  if (given.common.help) {
    console.out += help_trace();
    return ExitStatus::success;
  }
  Result<Trace> trace = trace_it(given, world);
  if (!trace) {
    return fail(console, given.common.json, std::move(trace).error().within("trace"));
  }
  console.out += given.common.json ? trace_document(*trace) : trace_text(*trace);
  return trace->end == TraceEnd::refused ? ExitStatus::refused : ExitStatus::success;
}

} // namespace fan::cli
