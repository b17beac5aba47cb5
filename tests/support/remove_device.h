// Takes a device away and comes back when it is gone.
#pragma once

#include <string>

namespace fan::test {

// In the namespace that `netns_fd` holds. That the device is not there (any more) is no error; any other is a test
// failure. The kernel acknowledges the request when neither the device nor its place in a bridge is to be seen.
void remove_device(int netns_fd, const std::string& device);

} // namespace fan::test
