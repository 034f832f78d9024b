#include "report/accounts_report.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <set>

namespace scp {

std::vector<std::string> disabled_accounts(const Observation& observation) {
    std::set<std::string> lines;
    for (const auto& account : observation.accounts)
        for (const auto& location : account.locations)
            if (location.disabled)
                lines.insert(fmt::format(
                    "{}: {} cannot log in; its domain is a target all the same (rule {})",
                    printable(account.query.text), printable(location.dn.text()), account.rule));
    return {lines.begin(), lines.end()};
}

} // namespace scp
