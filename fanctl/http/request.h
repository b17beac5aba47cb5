// One HTTP request, as far as an answer that is always the same needs it (RFC 9112). Pure: text in, text out.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace fan::cli::http {

inline constexpr std::size_t largest_request = 8192; // bytes of request line and header fields

// What is known of a request while it comes in.
enum class Reading {
  more,      // the empty line that ends it has not come yet
  complete,  //
  too_large, // largest_request bytes and no end
};
Reading reading_of(std::string_view received);

// The whole answer, header and body. `received`: whatever has come. /metrics is `body`, anything else an error of its
// own: 400 for what is no request, 404, 405 for other methods than GET and HEAD, 408 when the request has not come to
// its end, 431 when it is too large, 505 for another major version.
std::string answer_to(std::string_view received, std::string_view body);

} // namespace fan::cli::http
