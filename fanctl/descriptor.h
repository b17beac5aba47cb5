// An open file that is closed with its owner, and reading all of it.
#pragma once

#include <unistd.h>

#include <cstddef>
#include <optional>
#include <string>
#include <utility>

namespace fan::cli {

class Descriptor {
public:
  explicit Descriptor(int number) : number_(number) {} // negative: none
  ~Descriptor() { release(); }
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return number_; }
  // What close(2) says: a full disk may be told only here.
  int release() { return number_ < 0 ? 0 : close(std::exchange(number_, -1)); }

private:
  int number_;
};

// The text up to its end, or a little more than `most` bytes of it: enough for whoever has a limit to refuse it.
// Nothing when read(2) failed; errno says why.
std::optional<std::string> read_text(int descriptor, std::size_t most);

} // namespace fan::cli
