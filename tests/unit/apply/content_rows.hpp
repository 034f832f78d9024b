#pragma once

#include "base/attributes.hpp"

#include <string>
#include <vector>

namespace scp::test {

/// What an update may have to make of the values of one attribute: on the directory in memory, and
/// on real servers.
struct ContentRow {
    std::string name;
    Values before, after;
};

inline std::vector<ContentRow> content_rows() {
    Values many;
    for (int i = 0; i < 1200; ++i)
        many.push_back("binding " + std::to_string(i));
    Values many_changed = many;
    many_changed[600] = "another";
    Values many_upper = many;
    for (std::string& value : many_upper)
        value[0] = 'B';
    const std::string megabyte(1 << 20, 'x');
    return {
        {"a value changes", {"a"}, {"b"}},
        {"a value comes", {"a"}, {"a", "b"}},
        {"a value goes", {"a", "b"}, {"b"}},
        {"the attribute goes", {"a", "b"}, {}},
        {"the attribute comes", {}, {"a"}},
        {"only the case of a value changes", {"http://Host/Path"}, {"http://host/path"}},
        {"only the case of one of several", {"A", "b"}, {"a", "b"}},
        {"the case of two values, each in two places", {"Ab", "Cd"}, {"aB", "cD"}},
        {"the case of a letter beyond ASCII", {"\xc3\x84rger"}, {"\xc3\xa4rger"}},
        {"nothing but the marker", {"a"}, {"a"}},
        {"one of 1,200", many, many_changed},
        {"the case of 1,200", many, many_upper},
        {"1,200 come", {}, many},
        {"1 MB comes", {"a"}, {megabyte}},
        {"1 MB goes", {megabyte}, {"a"}},
        {"special characters", {"a"}, {"*()\\,+\"<>;=#/", "a\r\n\x1b[0mb", "\xe2\x80\xaegnp.exe"}},
    };
}

} // namespace scp::test
