#include "scpctl/exit.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>

using namespace scp;

TEST_CASE("of two exit codes the contract's first applies") {
    constexpr std::array order{Exit::interrupted,  Exit::usage, Exit::unreachable,
                               Exit::write_failed, Exit::held,  Exit::several,
                               Exit::no,           Exit::ok};
    for (auto a = order.begin(); a != order.end(); ++a)
        for (auto b = order.begin(); b != order.end(); ++b)
            CHECK(more_urgent(*a, *b) == *std::min(a, b));
}

TEST_CASE("an error's kind decides the exit code") {
    struct Row {
        ErrorKind kind;
        int code;
    };
    const Row rows[] = {
        {ErrorKind::usage, 2},         {ErrorKind::settings, 2},   {ErrorKind::unreachable, 4},
        {ErrorKind::refused, 4},       {ErrorKind::incomplete, 4}, {ErrorKind::not_found, 1},
        {ErrorKind::interrupted, 130}, {ErrorKind::no_rights, 5},  {ErrorKind::rejected, 5}};
    for (const Row& row : rows)
        CHECK(static_cast<int>(exit_for({row.kind, "", "", 0})) == row.code);
}
