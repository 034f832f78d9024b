#pragma once

#include "base/dn.hpp"

#include <string>

namespace scp::test {

inline Dn dn(const std::string& text) {
    return Dn::parse(text).value();
}

} // namespace scp::test
