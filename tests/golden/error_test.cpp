// Errors as text and as JSON.
#include <gtest/gtest.h>

#include "fanctl/output/error_text.h"
#include "fanctl/output/json.h"
#include "golden.h"

namespace fan::test {
namespace {

Error full_error() {
  Error error;
  error.kind = ErrorClass::kernel;
  error.message = "up 250.0.0.0/8 eth0/16: create tunnel fanip";
  error.hint = "load the module ipip, or choose --type vxlan";
  error.sys_errno = 95;
  error.kernel_text = "Unknown device type";
  return error;
}

Error placed_error(const std::string& excerpt, int column) {
  Error error;
  error.kind = ErrorClass::usage;
  error.message = "unknown flag 'dhpc'";
  error.hint = "did you mean 'dhcp'?";
  error.place = TextPlace{"/etc/network/fan", 3, column, excerpt};
  return error;
}

TEST(ErrorText, SaysWhatTheKernelSaidOnce) {
  Error error = full_error();
  expect_golden("error-kernel.txt", cli::error_text(error));
  error.message += ": Operation not supported (Unknown device type)";
  EXPECT_EQ(cli::error_text(error).find("kernel:"), std::string::npos);
}

TEST(ErrorText, PutsTheCaretUnderTheWord) {
  expect_golden("error-caret.txt", cli::error_text(placed_error("10.0.0.0/8 eth0/16 dhpc", 20)));
  expect_golden("error-caret-tab.txt", cli::error_text(placed_error("10.0.0.0/8\teth0/16\tdhpc", 20)));
  expect_golden("error-caret-escape.txt", cli::error_text(placed_error("10.0.0.0/8 \x1b[31m/16 dhpc", 21)));
  expect_golden("error-caret-long.txt",
                cli::error_text(placed_error(std::string(500, 'x') + " dhpc " + std::string(500, 'y'), 502)));
}

TEST(ErrorText, PlaceWithoutLineOrColumn) {
  Error error = placed_error("", 0);
  error.place->line = 0;
  EXPECT_EQ(cli::error_text(error), "fanctl: /etc/network/fan: unknown flag 'dhpc'\n    hint: did you mean 'dhcp'?\n");
  error.place = TextPlace{"f", 1, 99, "short"}; // a column beyond the line has no caret
  EXPECT_EQ(cli::error_text(error), "fanctl: f:1:99: unknown flag 'dhpc'\n    short\n    hint: did you mean 'dhcp'?\n");
}

TEST(ErrorText, LetsNoControlByteOut) {
  Error error;
  error.message = "a\x1b]0;title\x07"
                  "b\nc\r\x7f\xc3\xa9";
  EXPECT_EQ(cli::error_text(error), "fanctl: a\\x1b]0;title\\x07"
                                    "b\\x0ac\\x0d\\x7f\xc3\xa9\n");
  error.message =
      "up 240 \xff\xfe \xe2\x82\xac \xe2\x82 \xc2\x9b"; // two that are none, EURO, half of it, a CSI of eight bits
  EXPECT_EQ(cli::error_text(error), "fanctl: up 240 \\xff\\xfe \xe2\x82\xac \\xe2\\x82 \\xc2\\x9b\n");
  EXPECT_EQ(cli::note_text("a\nb"), "fanctl: note: a\\x0ab\n");
}

TEST(ErrorJson, HasEveryField) {
  expect_golden("error.json", cli::error_document(full_error()));
  expect_golden("error-placed.json", cli::error_document(placed_error("10.0.0.0/8 eth0/16 dhpc", 20)));
}

TEST(ErrorJson, BytesThatAreNotUtf8AreReplaced) {
  Error error;
  error.message = "no device '\xff\xfe'";
  const cli::Json document = cli::Json::parse(cli::error_document(error));
  EXPECT_EQ(document["error"]["message"], "no device '\xef\xbf\xbd\xef\xbf\xbd'");
}

TEST(ExitStatus, OneForEachClass) {
  using cli::status_of;
  EXPECT_EQ(static_cast<int>(status_of(ErrorClass::usage)), 2);
  EXPECT_EQ(static_cast<int>(status_of(ErrorClass::host_state)), 3);
  EXPECT_EQ(static_cast<int>(status_of(ErrorClass::privilege)), 4);
  EXPECT_EQ(static_cast<int>(status_of(ErrorClass::kernel)), 5);
  EXPECT_EQ(static_cast<int>(status_of(ErrorClass::busy)), 6);
  EXPECT_EQ(static_cast<int>(status_of(ErrorClass::partial)), 7);
  EXPECT_EQ(static_cast<int>(status_of(ErrorClass::not_found)), 10);
  EXPECT_EQ(static_cast<int>(status_of(ErrorClass::in_use)), 11);
}

} // namespace
} // namespace fan::test
