#pragma once

#include "directory/directory.hpp"
#include "plan/plan.hpp"

#include <string>
#include <vector>

namespace scp {

/// The LDAP writes of one change in order, each to be made only after the one before it has
/// succeeded: a server may work on pipelined requests of one session at once. Whatever comes first
/// swaps the marker, so a concurrent change stops all of them, and a writer killed in between
/// leaves a state that the next plan goes on from:
///   rename  marker and content, then the RDN: what is left is still paired by the marker's source
///   GUID and is
///           renamed by row 18. (The RDN first would rename without any check of the marker.)
///   remove  the marker (gone=…), then the object: what is left is a marked copy with the same
///   reason to go.
[[nodiscard]] std::vector<Write> writes_of(const Change& change,
                                           const std::string& marker_attribute);

/// Where the object is found after the change.
[[nodiscard]] ObjectRef object_before(const Change& change);
[[nodiscard]] ObjectRef object_after(const Change& change);

/// What of `found` is not as the change expects it before (or will have left it after) the write:
/// the marker, byte for byte, and every attribute of before and after. Empty: nothing. For
/// messages, already escaped.
[[nodiscard]] std::string difference_before(const Change& change, const Attributes& found,
                                            const std::string& marker_attribute);
[[nodiscard]] std::string difference_after(const Change& change, const Attributes& found,
                                           const std::string& marker_attribute);

/// Two values of one attribute that a server which compares without case takes for one.
[[nodiscard]] bool has_values_equal_without_case(const Attributes& content);

} // namespace scp
