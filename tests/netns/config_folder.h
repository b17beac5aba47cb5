// A folder of configuration files that goes with the test.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

namespace fan::test {

class ConfigFolder {
public:
  ConfigFolder() {
    char name[] = "/tmp/fan-conf-XXXXXX";
    EXPECT_NE(mkdtemp(name), nullptr);
    path_ = name;
  }
  ~ConfigFolder() { std::filesystem::remove_all(path_); }
  ConfigFolder(const ConfigFolder&) = delete;
  ConfigFolder& operator=(const ConfigFolder&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }
  void write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(file(name)).parent_path());
    std::ofstream(file(name)) << text;
    std::filesystem::permissions(file(name), std::filesystem::perms(0644));
  }
  void remove(const std::string& name) const { std::filesystem::remove(file(name)); }

private:
  std::string path_;
};

// One fan on eth0/16; `more` is ", key: value".
inline std::string yaml_fan(const std::string& name, const std::string& overlay, const std::string& more = "") {
  return "version: 1\nfans:\n  " + name + ": {overlay: " + overlay + ", underlay: eth0/16" + more + "}\n";
}

} // namespace fan::test
