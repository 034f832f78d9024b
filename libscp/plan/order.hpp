#pragma once

#include "plan/plan.hpp"

namespace scp {

/// Sorts changes and held; what is held twice alike is held once.
void put_in_order(Plan& plan);

} // namespace scp
