#include "config/yaml_document.h"

#include <algorithm>
#include <set>
#include <sstream>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "config/file_size.h"
#include "core/errors.h"

namespace fan {

namespace {

constexpr std::size_t longest_excerpt = 1024; // bytes of a line that an error carries

// Thrown through yaml-cpp, which has no other way to be stopped; caught in parse().
struct Refused {
  int line;
  int column;
  Error error;
};

[[noreturn]] void refuse(const YAML::Mark& mark, std::string message, std::string hint) {
  throw Refused{mark.line + 1, mark.column + 1, usage_error(std::move(message), std::move(hint))};
}

// Builds the tree from the parser's events, so that nothing is ever resolved, merged or converted behind our back.
class TreeBuilder : public YAML::EventHandler {
public:
  YamlNode take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnAnchor(const YAML::Mark& mark, const std::string&) override {
    refuse(mark, "an anchor (&) is not taken here", "write the value out where it is needed");
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    refuse(mark, "an alias (*) is not taken here", "write the value out where it is needed");
  }
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    check(mark, "", anchor);
    add(node_at(mark, YamlNode::Kind::null));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    check(mark, tag, anchor);
    YamlNode node = node_at(mark, YamlNode::Kind::scalar);
    node.text = value;
    add(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    check(mark, tag, anchor);
    open(node_at(mark, YamlNode::Kind::list));
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    check(mark, tag, anchor);
    open(node_at(mark, YamlNode::Kind::mapping));
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

private:
  struct Open {
    YamlNode node;
    bool has_key = false; // of a mapping: the next node is the value of `key`
    YamlNode key;
    std::set<std::string> keys;
  };

  static YamlNode node_at(const YAML::Mark& mark, YamlNode::Kind kind) {
    YamlNode node;
    node.kind = kind;
    node.line = mark.line + 1;
    node.column = mark.column + 1;
    return node;
  }

  static void check(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (anchor != 0)
      refuse(mark, "an anchor (&) is not taken here", "write the value out where it is needed");
    if (!tag.empty() && tag != "?" && tag != "!")
      refuse(mark, "a tag (!) is not taken here", "leave it out");
  }

  [[noreturn]] static void refuse_node(const YamlNode& node, std::string message, std::string hint) {
    throw Refused{node.line, node.column, usage_error(std::move(message), std::move(hint))};
  }

  void open(YamlNode node) {
    if (open_.size() == static_cast<std::size_t>(deepest_yaml))
      refuse_node(node, fmt::format("more than {} mappings and lists inside each other", deepest_yaml), "");
    if (expects_key())
      refuse_node(node, "a key has to be a plain word",
                  "is a blank missing after ':', or a quote around a '{' or '['?");
    open_.push_back({std::move(node), false, {}, {}});
  }

  void close() {
    YamlNode done = std::move(open_.back().node);
    open_.pop_back();
    add(std::move(done));
  }

  [[nodiscard]] bool expects_key() const {
    return !open_.empty() && open_.back().node.kind == YamlNode::Kind::mapping && !open_.back().has_key;
  }

  void add(YamlNode node) {
    if (open_.empty())
      root_ = std::move(node);
    else if (open_.back().node.kind == YamlNode::Kind::list)
      open_.back().node.items.push_back(std::move(node));
    else if (open_.back().has_key)
      add_value(std::move(node));
    else
      add_key(std::move(node));
  }

  void add_key(YamlNode node) {
    if (node.kind != YamlNode::Kind::scalar)
      refuse_node(node, "a key has to be a plain word", "");
    if (!open_.back().keys.insert(node.text).second)
      refuse_node(node, "the key " + quoted(node.text) + " is there twice", "keep one of them");
    open_.back().key = std::move(node);
    open_.back().has_key = true;
  }

  void add_value(YamlNode node) {
    open_.back().node.entries.push_back({std::move(open_.back().key), std::move(node)});
    open_.back().has_key = false;
  }

  std::vector<Open> open_;
  YamlNode root_;
};

std::string excerpt_of(std::string_view line) {
  if (line.ends_with('\r'))
    line.remove_suffix(1);
  std::string text(line.substr(0, longest_excerpt));
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c != '\t' && (c < 0x20 || c > 0x7e); }, '?');
  return text;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  for (;;) {
    const std::size_t end = text.find('\n');
    lines.push_back(excerpt_of(text.substr(0, end)));
    if (end == std::string_view::npos)
      return lines;
    text.remove_prefix(end + 1);
  }
}

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7f;
}

void refuse_controls(std::string_view text) {
  const auto odd = std::find_if(text.begin(), text.end(), is_control);
  if (odd == text.end())
    return;
  const auto before = text.substr(0, static_cast<std::size_t>(odd - text.begin()));
  const std::size_t newline = before.rfind('\n');
  const std::size_t column = newline == std::string_view::npos ? before.size() : before.size() - newline - 1;
  throw Refused{static_cast<int>(std::count(before.begin(), before.end(), '\n')) + 1, static_cast<int>(column) + 1,
                usage_error(fmt::format("a control character ({}) is in the file", quoted(std::string_view(&*odd, 1))),
                            "remove it; the text has to be UTF-8")};
}

// What an empty text has: an error that says what is missing has its place too.
YamlNode nothing() {
  YamlNode node;
  node.line = 1;
  node.column = 1;
  return node;
}

YamlNode build(std::string_view text) {
  refuse_controls(text);
  std::istringstream stream{std::string(text)};
  YAML::Parser parser(stream);
  TreeBuilder builder;
  if (!parser.HandleNextDocument(builder))
    return nothing();
  YamlNode root = builder.take();
  TreeBuilder second;
  if (parser.HandleNextDocument(second)) {
    YamlNode extra = second.take();
    throw Refused{std::max(extra.line, 1), std::max(extra.column, 1),
                  usage_error("a second document begins here", "write one document in a file")};
  }
  return root;
}

} // namespace

const YamlNode* YamlNode::find(std::string_view key) const {
  for (const auto& [name, value] : entries)
    if (name.text == key)
      return &value;
  return nullptr;
}

const char* YamlNode::kind_name() const {
  switch (kind) {
  case Kind::null:
    return "nothing";
  case Kind::scalar:
    return "a value";
  case Kind::list:
    return "a list";
  case Kind::mapping:
    break;
  }
  return "a mapping";
}

TextPlace YamlDocument::place_at(int line, int column) const {
  TextPlace place{file_, line, column, {}};
  if (line >= 1 && static_cast<std::size_t>(line) <= lines_.size())
    place.excerpt = lines_[static_cast<std::size_t>(line) - 1];
  return place;
}

Error YamlDocument::at(const YamlNode& node, Error error) const {
  error.place = place_of(node);
  return error;
}

Result<YamlDocument> YamlDocument::parse(std::string_view text, const std::string& file) {
  if (text.size() > largest_yaml)
    return file_too_large(file, largest_yaml);
  YamlDocument document;
  document.file_ = file;
  document.lines_ = lines_of(text);
  const auto refused = [&](int line, int column, Error error) {
    error.place = document.place_at(line, column);
    return error;
  };
  try {
    document.root_ = build(text);
  } catch (Refused& refusal) {
    return refused(refusal.line, refusal.column, std::move(refusal.error));
  } catch (const YAML::Exception& broken) {
    return refused(
        broken.mark.line + 1, broken.mark.column + 1,
        usage_error("this is not YAML: " + broken.msg, "indent with blanks, and put a blank after each ':'"));
  } catch (const std::exception& broken) { // whatever the library may throw besides
    return refused(1, 1, usage_error(std::string("this is not YAML: ") + broken.what()));
  }
  return document;
}

} // namespace fan
