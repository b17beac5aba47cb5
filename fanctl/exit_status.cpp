#include "fanctl/exit_status.h"

namespace fan::cli {

ExitStatus status_of(ErrorClass kind) {
  switch (kind) {
  case ErrorClass::usage:
    return ExitStatus::usage;
  case ErrorClass::host_state:
    return ExitStatus::host_state;
  case ErrorClass::privilege:
    return ExitStatus::privilege;
  case ErrorClass::kernel:
    return ExitStatus::kernel;
  case ErrorClass::busy:
    return ExitStatus::busy;
  case ErrorClass::not_found:
    return ExitStatus::not_found;
  case ErrorClass::in_use:
    return ExitStatus::in_use;
  case ErrorClass::partial:
    return ExitStatus::partial;
  }
  return ExitStatus::kernel;
}

std::string_view word_for(ErrorClass kind) {
  switch (kind) {
  case ErrorClass::usage:
    return "usage";
  case ErrorClass::host_state:
    return "host-state";
  case ErrorClass::privilege:
    return "privilege";
  case ErrorClass::kernel:
    return "kernel";
  case ErrorClass::busy:
    return "busy";
  case ErrorClass::not_found:
    return "not-found";
  case ErrorClass::in_use:
    return "in-use";
  case ErrorClass::partial:
    return "partial";
  }
  return "kernel";
}

} // namespace fan::cli
