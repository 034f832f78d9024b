#include "directory/libldap/session.hpp"

#include "base/text.hpp"
#include "directory/libldap/codes.hpp"
#include "directory/libldap/tls.hpp"

#include <fmt/format.h>

#include <charconv>

namespace scp {
namespace {

Dn dn_or_empty(const Attributes& attributes, std::string_view name) {
    auto dn = Dn::parse(first_of(attributes, name));
    return dn ? *dn : Dn{};
}

Search base_search(const Dn& dn, std::vector<std::string> attributes) {
    Search search;
    search.base.dn = dn;
    search.scope = Scope::base;
    search.attributes = std::move(attributes);
    return search;
}

void fill(RootDse& dse, const Attributes& a) {
    dse.default_naming_context = dn_or_empty(a, "defaultNamingContext");
    dse.root_domain_naming_context = dn_or_empty(a, "rootDomainNamingContext");
    dse.configuration_naming_context = dn_or_empty(a, "configurationNamingContext");
    dse.schema_naming_context = dn_or_empty(a, "schemaNamingContext");
    for (const std::string& text : values_of(a, "namingContexts")) {
        if (auto dn = Dn::parse(text); dn && !dn->empty()) {
            dse.naming_contexts.push_back(std::move(*dn));
        }
    }
    dse.dns_host_name = first_of(a, "dnsHostName");
    dse.ds_service_name = first_of(a, "dsServiceName");
    dse.server_name = dn_or_empty(a, "serverName");
    dse.supported_controls = values_of(a, "supportedControl");
    dse.supported_capabilities = values_of(a, "supportedCapabilities");
    dse.supported_sasl_mechanisms = values_of(a, "supportedSASLMechanisms");
    dse.token_groups = values_of(a, "tokenGroups");
    dse.current_time = parse_generalized_time(first_of(a, "currentTime"));
    const std::string& usn = first_of(a, "highestCommittedUSN");
    std::uint64_t number = 0;
    if (auto [at, error] = std::from_chars(usn.data(), usn.data() + usn.size(), number);
        !usn.empty() && error == std::errc{} && at == usn.data() + usn.size()) {
        dse.highest_committed_usn = number;
    }
}

} // namespace

Result<std::unique_ptr<Directory>> LdapSession::open(const Endpoint& endpoint, TicketStore& store,
                                                     const std::stop_token& stop) {
    Deadline deadline(endpoint.timeouts.connect);
    auto link = Link::open(endpoint, store, deadline, stop);
    if (!link) {
        return fail(link.error());
    }
    std::unique_ptr<LdapSession> session(
        new LdapSession(std::move(*link), endpoint.timeouts.operation));
    session->in_clear_ = endpoint.auth.mechanism == AuthSettings::Mechanism::anonymous &&
                         endpoint.uri.scheme != ServerUri::Scheme::ldapi && !uses_tls(endpoint);
    if (auto read = session->read_root_dse(deadline); !read) {
        return fail(read.error());
    }
    if (auto probed = session->probe_guid_names(deadline); !probed) {
        return fail(probed.error());
    }
    return session;
}

Result<void> LdapSession::read_root_dse(Deadline deadline) {
    std::vector<std::string> names{"defaultNamingContext",
                                   "rootDomainNamingContext",
                                   "configurationNamingContext",
                                   "schemaNamingContext",
                                   "namingContexts",
                                   "dnsHostName",
                                   "dsServiceName",
                                   "serverName",
                                   "supportedControl",
                                   "supportedCapabilities",
                                   "supportedSASLMechanisms",
                                   "highestCommittedUSN",
                                   "currentTime",
                                   "tokenGroups"};
    Found found = run(base_search({}, std::move(names)), deadline);
    if (found.incomplete) {
        Error error = *found.incomplete;
        if (error.kind != ErrorKind::unreachable && error.kind != ErrorKind::interrupted) {
            error.kind = ErrorKind::refused;
        }
        return fail(std::move(error));
    }
    if (found.entries.empty()) {
        return fail(ErrorKind::refused, fmt::format("{} shows no RootDSE", server()),
                    "Is it a directory server? Has the account the right to read it?");
    }
    fill(root_dse_, found.entries.front().attributes);
    return {};
}

Result<void> LdapSession::probe_guid_names(Deadline deadline) {
    if (root_dse_.default_naming_context.empty()) {
        return {};
    }
    const auto read_guid = [&](ObjectRef object) -> Result<std::optional<Guid>> {
        Search search = base_search(object.dn, {"objectGUID"});
        search.base = std::move(object);
        const Found found = run(search, deadline);
        if (link_->dead()) {
            return fail(*link_->dead());
        }
        if (!found.complete() || found.entries.size() != 1) {
            return std::optional<Guid>{};
        }
        return guid_of(found.entries.front().attributes);
    };
    auto by_name = read_guid({root_dse_.default_naming_context, {}});
    if (!by_name || !*by_name) {
        return by_name ? Result<void>{} : fail(by_name.error());
    }
    takes_guid_names_ = true; // for name_of() in the probe itself
    auto by_guid = read_guid({root_dse_.default_naming_context, *by_name});
    takes_guid_names_ = by_guid && *by_guid == *by_name;
    return by_guid ? Result<void>{} : fail(by_guid.error());
}

std::string LdapSession::name_of(const ObjectRef& object) const {
    if (object.guid && takes_guid_names_) {
        return fmt::format("<GUID={}>", object.guid->to_string());
    }
    return object.dn.text();
}

Error LdapSession::late(std::string_view what) {
    if (link_->stopped()) {
        return link_->die(ErrorKind::interrupted,
                          fmt::format("{} on {}: interrupted", what, server()));
    }
    return link_->die(ErrorKind::unreachable,
                      fmt::format("{} on {}: {}", what, server(), no_answer_in_time(timeout_)));
}

} // namespace scp
