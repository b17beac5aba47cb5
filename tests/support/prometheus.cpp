#include "support/prometheus.h"

#include <algorithm>
#include <regex>
#include <sstream>

#include <gtest/gtest.h>

namespace fan::test {

namespace {

const std::regex name_form("[a-zA-Z_:][a-zA-Z0-9_:]*");
const std::regex label_form("[a-zA-Z_][a-zA-Z0-9_]*");
const std::regex value_form("[+-]?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([eE][+-]?[0-9]+)?|NaN|[+-]Inf");

class Reader {
public:
  explicit Reader(const std::string& text) : text_(text) {}

  Metrics read() {
    if (!text_.empty() && text_.back() != '\n') {
      complain("the last line does not end");
    }
    std::istringstream lines(text_);
    for (; std::getline(lines, line_); ++number_) {
      line_.starts_with("#") ? comment() : sample();
    }
    return metrics_;
  }

private:
  void complain(const std::string& what) {
    metrics_.complaints.push_back("line " + std::to_string(number_) + ": " + what + ": " + line_);
  }

  void comment() {
    std::smatch parts;
    if (std::regex_match(line_, parts, std::regex("# TYPE (\\S+) (counter|gauge)"))) {
      type(parts[1], parts[2]);
    } else if (std::regex_match(line_, parts, std::regex("# HELP (\\S+) (.+)"))) {
      help(parts[1], parts[2]);
    } else {
      complain("neither HELP nor TYPE");
    }
  }

  void help(const std::string& name, const std::string& text) {
    if (!std::regex_match(name, name_form) || !helped_.insert(name).second) {
      complain("a bad name, or a second HELP");
    }
    if (std::regex_search(text, std::regex(R"(\\[^\\n]|\\$)"))) {
      complain("an unknown escape");
    }
    family_ = name;
  }

  void type(const std::string& name, const std::string& type) {
    if (name != family_ || !metrics_.types.emplace(name, type).second || metrics_.count(name) != 0) {
      complain("TYPE without its HELP, twice, or after a sample");
    }
    if (name.ends_with("_total") != (type == "counter")) {
      complain("a counter's name ends in _total, and no other's does");
    }
  }

  void sample() {
    Sample one;
    std::size_t at = line_.find_first_of("{ ");
    one.name = line_.substr(0, at);
    if (at == std::string::npos || !std::regex_match(one.name, name_form)) {
      return complain("no sample");
    }
    if (line_[at] == '{' && !labels(++at, one.labels)) {
      return complain("labels");
    }
    const std::string value = at < line_.size() ? line_.substr(at + 1) : "";
    if (line_[at] != ' ' || !std::regex_match(value, value_form)) {
      return complain("no value");
    }
    one.value = std::stod(value);
    if (one.name != family_ || metrics_.types.count(one.name) == 0) {
      complain("apart from its HELP and TYPE");
    }
    if (!seen_.insert(line_.substr(0, at)).second) {
      complain("the same sample twice");
    }
    metrics_.samples.push_back(std::move(one));
  }

  // From behind the brace to behind the closing one.
  bool labels(std::size_t& at, std::map<std::string, std::string>& into) {
    for (;;) {
      const std::size_t equals = line_.find('=', at);
      if (equals == std::string::npos) {
        return false;
      }
      const std::string name = line_.substr(at, equals - at);
      at = equals + 1;
      std::string value;
      if (!std::regex_match(name, label_form) || name.starts_with("__") || !quoted(at, value) ||
          !into.emplace(name, value).second) {
        return false;
      }
      const char next = at < line_.size() ? line_[at++] : '\0';
      if (next != ',') {
        return next == '}';
      }
    }
  }

  bool quoted(std::size_t& at, std::string& value) {
    if (at >= line_.size() || line_[at++] != '"') {
      return false;
    }
    for (; at < line_.size() && line_[at] != '"'; ++at) {
      if (line_[at] != '\\') {
        value += line_[at];
        continue;
      }
      const std::string escape = line_.substr(at++, 2);
      if (escape != "\\\\" && escape != "\\\"" && escape != "\\n") {
        return false;
      }
      value += escape[1] == 'n' ? '\n' : escape[1];
    }
    return at++ < line_.size();
  }

  const std::string& text_;
  std::string line_;
  int number_ = 1;
  std::string family_; // of the last HELP
  std::set<std::string> helped_;
  std::set<std::string> seen_;
  Metrics metrics_;
};

bool matches(const Sample& sample, const std::map<std::string, std::string>& labels) {
  return std::all_of(labels.begin(), labels.end(), [&](const auto& wanted) {
    const auto found = sample.labels.find(wanted.first);
    return found != sample.labels.end() && found->second == wanted.second;
  });
}

} // namespace

Metrics parse_metrics(const std::string& text) {
  return Reader(text).read();
}

double Metrics::value(const std::string& name, const std::map<std::string, std::string>& labels) const {
  std::vector<double> found;
  for (const Sample& sample : samples) {
    if (sample.name == name && matches(sample, labels)) {
      found.push_back(sample.value);
    }
  }
  EXPECT_EQ(found.size(), 1U) << name;
  return found.empty() ? -1 : found.front();
}

std::size_t Metrics::count(const std::string& name) const {
  return static_cast<std::size_t>(
      std::count_if(samples.begin(), samples.end(), [&](const Sample& sample) { return sample.name == name; }));
}

std::set<std::string> metrics_in(const std::string& expression) {
  // Strings, label matchers, durations and the labels of by(), on() and the like are no metrics.
  std::string text = std::regex_replace(expression, std::regex("\\{[^}]*\\}|\\[[^\\]]*\\]|\"[^\"]*\""), " ");
  text = std::regex_replace(text, std::regex("\\b(by|without|on|ignoring|group_left|group_right)\\s*\\([^)]*\\)"), " ");
  static const std::set<std::string> words{"and", "or", "unless", "bool", "offset", "group_left", "group_right"};
  std::set<std::string> names;
  const std::regex word("[a-zA-Z_:][a-zA-Z0-9_:]*(\\s*\\()?");
  for (std::sregex_iterator i(text.begin(), text.end(), word), end; i != end; ++i) {
    const bool number_before = i->position() > 0 && std::isdigit(static_cast<unsigned char>(text[i->position() - 1]));
    if (!(*i)[1].matched && words.count(i->str()) == 0 && !number_before) {
      names.insert(i->str());
    }
  }
  return names;
}

} // namespace fan::test
