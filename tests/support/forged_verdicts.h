// What became of the forged packets of all tests of a program, said when it ends.
#pragma once

#include <cstdint>
#include <set>
#include <string>

namespace fan::test {

// `kinds`: each kind that was tried in one test; `arrived`: those that got through and should not have, a line each.
void note_verdicts(const std::set<std::string>& kinds, std::uint64_t sent, const std::string& arrived);

} // namespace fan::test
