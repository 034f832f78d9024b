#include "plan/hold.hpp"

namespace scp {

SourceRef source_ref(const Scp& scp) {
    return {scp.dn, scp.domain, scp.guid};
}

Held hold(Reason reason, const std::string& rule, const DomainRef& domain, const Dn& nc,
          const Dn& dn, std::string detail) {
    Held held;
    held.reason = reason;
    held.rule = rule;
    held.forest = domain.forest;
    held.domain = domain.domain;
    held.nc = nc;
    held.dn = dn;
    held.detail = std::move(detail);
    held.hint = remedy(reason);
    return held;
}

Held hold(Reason reason, const std::string& rule, const Scp& scp, std::string detail) {
    return hold(reason, rule, domain_of(scp), scp.nc, scp.dn, std::move(detail));
}

Held hold(Reason reason, const Change& change, std::string detail) {
    Held held = hold(reason, change.rule, {change.forest, change.domain}, change.nc, change.dn,
                     std::move(detail));
    if (change.source)
        held.sources = {*change.source};
    held.change = change;
    return held;
}

Held hold_incomplete(const std::string& rule, const DomainRef& domain, const DomainView* view) {
    if (view == nullptr)
        return hold(Reason::domain_incomplete, rule, domain, {}, {},
                    domain.domain.is_configuration()
                        ? "the forest does not show its root, and so no Configuration NC"
                        : "no forest that was read has this domain");
    return hold(Reason::domain_incomplete, rule, domain, view->nc, {},
                view->incomplete.value().message);
}

} // namespace scp
