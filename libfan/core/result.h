// One error vocabulary for the whole of libfan. Nothing here throws; no exception leaves libfan.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace fan {

// What kind of failure it was. The CLI maps each class to one documented exit status.
enum class ErrorClass {
  usage,      // the command line or a configuration file is wrong
  host_state, // this host is not in a state in which the request makes sense
  privilege,  // a capability, user namespace, seccomp or lockdown is in the way
  kernel,     // the kernel lacks a feature, or refused a request that should have been right
  busy,       // another fanctl holds the lock
  not_found,  // no fan of that name is up
  in_use,     // ports are attached to the fan bridge
  partial,    // some of several requests failed, or undoing a failed one was not complete
};

// A place in a text that somebody wrote. Line and column count from 1; 0 means unknown.
struct TextPlace {
  std::string file;
  int line = 0;
  int column = 0;
  std::string excerpt; // the line itself, for the caret
};

struct Error {
  ErrorClass kind = ErrorClass::kernel;
  std::string message;     // outermost context first: "up 250.0.0.0/8: create bridge fan-250-0-28: ..."
  std::string hint;        // what the person can do about it, empty when there is nothing to say
  int sys_errno = 0;       // the kernel's errno, positive, 0 when the kernel was not involved
  std::string kernel_text; // the kernel's extended-ACK text, verbatim
  std::optional<TextPlace> place;

  // Puts `context` in front of the message. Returns itself so that it reads well in a return statement.
  [[nodiscard]] Error within(const std::string& context) && {
    message = context + ": " + message;
    return std::move(*this);
  }
};

// A value or an Error. `Result<void>` carries no value.
template <class T>
class [[nodiscard]] Result {
public:
  Result(T value) : state_(std::move(value)) {}     // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::move(error)) {} // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool ok() const { return std::holds_alternative<T>(state_); }
  explicit operator bool() const { return ok(); }

  // Precondition for all of these: ok().
  [[nodiscard]] T& value() & { return *std::get_if<T>(&state_); }
  [[nodiscard]] const T& value() const& { return *std::get_if<T>(&state_); }
  [[nodiscard]] T&& value() && { return std::move(*std::get_if<T>(&state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return std::get_if<T>(&state_); }
  const T* operator->() const { return std::get_if<T>(&state_); }

  // Precondition for all of these: !ok().
  [[nodiscard]] Error& error() & { return *std::get_if<Error>(&state_); }
  [[nodiscard]] const Error& error() const& { return *std::get_if<Error>(&state_); }
  [[nodiscard]] Error&& error() && { return std::move(*std::get_if<Error>(&state_)); }

private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {} // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  [[nodiscard]] Error& error() & { return *error_; }
  [[nodiscard]] const Error& error() const& { return *error_; }
  [[nodiscard]] Error&& error() && { return std::move(*error_); }

private:
  std::optional<Error> error_;
};

} // namespace fan
