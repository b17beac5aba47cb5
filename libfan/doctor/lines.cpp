#include "doctor/lines.h"

#include <fmt/format.h>

#include "core/render.h"
#include "core/words.h"

namespace fan::doctor {

std::string up_line(const FanSpec& spec) {
  std::string line = "fanctl up";
  for (const std::string& word : words_of(spec)) {
    line += " " + shell_word(word);
  }
  return line;
}

std::string mtu_line(const std::string& device, std::uint32_t mtu) {
  return fmt::format("ip link set dev {} mtu {}", shell_word(device), mtu);
}

std::string sysctl_line(const std::string& key, const std::string& value) {
  return fmt::format("sysctl -w {}={}", shell_word(key), shell_word(value));
}

} // namespace fan::doctor
