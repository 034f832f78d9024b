#include "directory/replica.hpp"

#include "base/text.hpp"

namespace scp {

Result<std::string> replica_of(Directory& session) {
    const std::string& settings = session.root_dse().ds_service_name;
    auto dn = Dn::parse(settings);
    if (settings.empty() || !dn)
        return session.server();
    Search search;
    search.base.dn = *dn;
    search.scope = Scope::base;
    search.attributes = {"invocationId"};
    const Found found = session.search(search);
    if (!found.complete())
        return fail(*found.incomplete);
    std::string replica = printable(settings);
    if (!found.entries.empty())
        if (const auto id =
                Guid::from_ad_bytes(first_of(found.entries.front().attributes, "invocationId")))
            replica += ", invocationId " + id->to_string();
    return replica;
}

} // namespace scp
