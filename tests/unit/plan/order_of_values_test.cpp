#include "guard/host_state.hpp"
#include "plan/rule_view.hpp"
#include "support/build_scp.hpp"

#include <doctest/doctest.h>

using namespace scp;
using namespace scp::test;

namespace {

/// Each is less than the next and equal to itself.
template <class T> void check_order(const std::vector<T>& ascending) {
    for (std::size_t i = 0; i < ascending.size(); ++i)
        for (std::size_t j = 0; j < ascending.size(); ++j) {
            CAPTURE(i);
            CAPTURE(j);
            CHECK((ascending[i] < ascending[j]) == (i < j));
            CHECK((ascending[i] == ascending[j]) == (i == j));
            CHECK((ascending[i] > ascending[j]) == (i > j));
        }
}

Dn a_dn(const std::string& text) {
    return Dn::parse(text).value();
}

} // namespace

TEST_CASE("plan values: in their order every field counts") {
    const DomainName a("a.test"), b("b.test");
    check_order<SourceRef>({{a_dn("CN=a"), a, guid_number(1)},
                            {a_dn("CN=a"), a, guid_number(2)},
                            {a_dn("CN=a"), b, guid_number(1)},
                            {a_dn("CN=b"), a, guid_number(1)}});
    check_order<Retirement>({{"f", a, guid_number(1), Reason::duplicate},
                             {"f", a, guid_number(1), Reason::source_deleted},
                             {"f", a, guid_number(2), Reason::duplicate},
                             {"f", b, guid_number(1), Reason::duplicate},
                             {"g", a, guid_number(1), Reason::duplicate}});
    check_order<DomainRef>({{"f", a}, {"f", b}, {"g", a}});
}

TEST_CASE("host state: pauses and approvals are equal where every field is") {
    const Timestamp at = parse_rfc3339("2026-06-01T00:00:00Z").value();
    const Timestamp later = at + std::chrono::seconds(1);
    const Approval one{"h", "w", at};
    CHECK(one == Approval{"h", "w", at});
    CHECK_FALSE(one == Approval{"i", "w", at});
    CHECK_FALSE(one == Approval{"h", "x", at});
    CHECK_FALSE(one == Approval{"h", "w", later});
    HostState state;
    CHECK(approve(state, one));
    CHECK_FALSE(approve(state, one));
    CHECK(approve(state, {"h", "x", at}));
    CHECK(approve(state, {"h", "x", later}));
}
