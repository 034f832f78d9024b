#pragma once

#include "directory/directory.hpp"

#include <string_view>

/// What a directory checks and adds by itself, as far as the in-memory one does.
namespace scp {

/// Superclasses, as a server adds them to objectClass.
void complete_classes(Values& classes);
[[nodiscard]] bool is_single_valued(std::string_view attribute);
/// Two values that are equal without case.
[[nodiscard]] bool has_duplicates(const Values& values);
/// 0; or the LDAP code that the modification fails with (16, 20): `attributes` is then not to be
/// used.
[[nodiscard]] int apply_modification(Attributes& attributes, const Modification& modification);

} // namespace scp
