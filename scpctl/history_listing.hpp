#pragma once

#include "history/history.hpp"
#include "scpctl/context.hpp"

namespace scp {

/// Lines and files of the history that could not be read, on stderr.
void tell_of_faults(Context& context, const HistoryListing& listing);

} // namespace scp
