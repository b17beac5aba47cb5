// A text in YAML as a tree of nodes, each of which knows its line and column. Reads what a configuration needs and
// refuses the rest of YAML, which is where the surprises are: aliases and anchors (alias bombs), tags, several
// documents, duplicate keys, deep nesting, control characters. Says nothing about what the keys mean. yaml-cpp stays
// behind this header, and none of its exceptions leaves it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace fan {

inline constexpr std::size_t largest_yaml = 1 << 20; // bytes
inline constexpr int deepest_yaml = 32;              // mappings and lists inside each other

struct YamlEntry;

class YamlNode {
public:
  enum class Kind { null, scalar, list, mapping };

  Kind kind = Kind::null;
  std::string text;               // Kind::scalar, as it stands there without quotes
  std::vector<YamlNode> items;    // Kind::list
  std::vector<YamlEntry> entries; // Kind::mapping, in the order of the text
  int line = 0;                   // from 1
  int column = 0;                 // from 1, in bytes

  // nullptr when there is no such key.
  [[nodiscard]] const YamlNode* find(std::string_view key) const;
  // "a mapping", "a list", "a value", "nothing".
  [[nodiscard]] const char* kind_name() const;
};

struct YamlEntry {
  YamlNode key; // a scalar
  YamlNode value;
};

class YamlDocument {
public:
  // `file` is the name for messages. An empty text is a document whose root is null. Every error is of class usage and
  // has its place.
  static Result<YamlDocument> parse(std::string_view text, const std::string& file);

  [[nodiscard]] const YamlNode& root() const { return root_; }
  // The place of a node, with the line as excerpt.
  [[nodiscard]] TextPlace place_of(const YamlNode& node) const { return place_at(node.line, node.column); }
  [[nodiscard]] TextPlace place_at(int line, int column) const;
  // The error with that place.
  [[nodiscard]] Error at(const YamlNode& node, Error error) const;

private:
  std::string file_;
  std::vector<std::string> lines_;
  YamlNode root_;
};

} // namespace fan
