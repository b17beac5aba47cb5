// The functions of the table in check.cpp.
#pragma once

#include "doctor/check.h"

namespace fan::doctor {

void check_drift(const Evidence& evidence, Findings& findings);
void check_firewall(const Evidence& evidence, Findings& findings);
void check_mtu(const Evidence& evidence, Findings& findings);
void check_reserved(const Evidence& evidence, Findings& findings);

} // namespace fan::doctor
