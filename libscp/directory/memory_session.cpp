#include "directory/memory_session.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace scp {
namespace {

/// Sent only when asked for by name (or, the descriptor, by sd_flags).
constexpr std::array<std::string_view, 5> operational{
    "entryUUID", "entryCSN", "replPropertyMetaData", "nTSecurityDescriptor",
    "structuralObjectClass"};

bool is_operational(std::string_view name) {
    return std::ranges::any_of(operational,
                               [&](auto one) { return equal_ascii_nocase(one, name); });
}

Attributes selected(const Attributes& all, const Search& search) {
    Attributes chosen;
    for (const auto& [name, values] : all) {
        const bool descriptor = equal_ascii_nocase(name, "nTSecurityDescriptor");
        const bool named =
            std::ranges::any_of(search.attributes, [&, &attribute = name](const std::string& one) {
                return equal_ascii_nocase(one, attribute);
            });
        const bool star = search.attributes.empty() ||
                          std::ranges::find(search.attributes, "*") != search.attributes.end();
        if (descriptor ? search.security && (named || search.attributes.empty())
                       : named || (star && !is_operational(name))) {
            chosen[name] = values;
        }
    }
    return chosen;
}

bool in_scope(const Dn& dn, const Dn& base, Scope scope) {
    switch (scope) {
    case Scope::base:
        return dn == base;
    case Scope::one:
        return dn.depth() == base.depth() + 1 && dn.is_within(base);
    case Scope::subtree:
        return dn.is_within(base);
    }
    return false;
}

Values texts(const std::vector<Dn>& dns) {
    Values out;
    for (const Dn& dn : dns) {
        out.push_back(dn.text());
    }
    return out;
}

const ObjectRef& target_of(const Write& write, ObjectRef& scratch) {
    if (const auto* add = std::get_if<AddEntry>(&write)) {
        scratch.dn = add->dn;
        return scratch;
    }
    if (const auto* modify = std::get_if<ModifyEntry>(&write)) {
        return modify->object;
    }
    if (const auto* rename = std::get_if<RenameEntry>(&write)) {
        return rename->object;
    }
    return std::get<DeleteEntry>(write).object;
}

} // namespace

MemorySession::MemorySession(MemoryForest& forest, MemoryServer& server, std::stop_token stop)
    : forest_(forest), server_(server), stop_(std::move(stop)), name_(server.uri.to_string()) {
    const Attributes a = server.make_root_dse();
    const auto dn = [&](std::string_view name) { return forest.parsed(first_of(a, name)); };
    root_dse_.default_naming_context = dn("defaultNamingContext");
    root_dse_.root_domain_naming_context = dn("rootDomainNamingContext");
    root_dse_.configuration_naming_context = dn("configurationNamingContext");
    root_dse_.schema_naming_context = dn("schemaNamingContext");
    for (const std::string& text : values_of(a, "namingContexts")) {
        root_dse_.naming_contexts.push_back(forest.parsed(text));
    }
    root_dse_.dns_host_name = first_of(a, "dnsHostName");
    root_dse_.ds_service_name = first_of(a, "dsServiceName");
    root_dse_.server_name = dn("serverName");
    root_dse_.supported_controls = values_of(a, "supportedControl");
    root_dse_.supported_capabilities = values_of(a, "supportedCapabilities");
    root_dse_.token_groups = values_of(a, "tokenGroups");
    root_dse_.current_time = parse_generalized_time(first_of(a, "currentTime"));
    if (const std::string& usn = first_of(a, "highestCommittedUSN"); !usn.empty()) {
        root_dse_.highest_committed_usn = std::stoull(usn);
    }
}

bool MemorySession::takes_guid_names() const {
    return server_.flavour == Flavour::ad && server_.guid_names;
}

std::optional<Error> MemorySession::unusable() {
    if (stop_.stop_requested()) {
        return Error{ErrorKind::interrupted, "interrupted: " + name_, {}, 0};
    }
    dead_ = dead_ || server_.unreachable;
    if (dead_) {
        return Error{ErrorKind::unreachable, "lost the connection to " + name_, {}, -1};
    }
    return std::nullopt;
}

MemoryPartition* MemorySession::partition_of(const ObjectRef& object) const {
    if (object.guid && takes_guid_names()) {
        for (const auto& partition : server_.partitions) {
            if (partition->find(*object.guid) != nullptr) {
                return partition.get();
            }
        }
    }
    return server_.holds(object.dn);
}

void MemorySession::search_partition(const Search& search, const MemoryPartition& partition,
                                     Found& found) const {
    Dn base = search.base.dn;
    if (search.base.guid && takes_guid_names()) {
        const MemoryObject* object = partition.find(*search.base.guid);
        if (object == nullptr || (object->deleted && !search.deleted)) {
            return;
        }
        base = object->dn;
    }
    std::vector<const MemoryObject*> hits;
    const auto consider = [&](const MemoryObject& object) {
        const bool hit = (!object.deleted || search.deleted) &&
                         in_scope(object.dn, base, search.scope) &&
                         matches(search.filter, object.attributes);
        if (hit &&
            !(server_.hidden && server_.hidden(Entry{object.dn, object.attributes}, search))) {
            hits.push_back(&object);
        }
    };
    if (search.scope == Scope::base) {
        if (const auto at = partition.objects_.find(base.key()); at != partition.objects_.end()) {
            consider(*at->second);
        }
    } else {
        for (const auto& [key, object] : partition.objects_) {
            consider(*object);
        }
    }
    std::ranges::sort(hits, {}, &MemoryObject::usn_created);
    for (const MemoryObject* object : hits) {
        found.entries.push_back({object->dn, selected(object->attributes, search)});
        for (const std::string& name : server_.hidden_attributes) {
            found.entries.back().attributes.erase(name);
        }
    }
    for (const Dn& below : server_.subordinate) {
        const bool wanted = search.scope == Scope::subtree
                                ? below.is_within(base) && !(below == base)
                                : search.scope == Scope::one && below.parent() == base;
        if (wanted && below.is_within(partition.nc())) {
            found.references.push_back(
                {fmt::format("ldap://{}/{}", below.domain_name(), below.text()), below});
        }
    }
}

void MemorySession::limit(const Search& search, Found& found) const {
    if (server_.search_fault) {
        if (auto error = server_.search_fault(search)) {
            found.incomplete = std::move(error);
        }
    }
    if (search.scope == Scope::base) {
        return;
    }
    const auto cut = [&](std::size_t count, Error error) {
        found.entries.resize(std::min(count, found.entries.size()));
        found.incomplete = std::move(error);
    };
    if (server_.entries_then_lost) {
        cut(*server_.entries_then_lost,
            {ErrorKind::incomplete,
             fmt::format("cannot read all of {} on {}", printable(search.base.dn.text()), name_),
             {},
             0});
    } else if (server_.size_limit && found.entries.size() > *server_.size_limit) {
        cut(*server_.size_limit,
            {ErrorKind::incomplete,
             fmt::format("cannot read all of {} on {}: LDAP 4 sizeLimitExceeded",
                         printable(search.base.dn.text()), name_),
             {},
             4});
    }
}

Found MemorySession::search(const Search& search) {
    const std::lock_guard lock(forest_.mutex_);
    ++server_.searches;
    Found found;
    if (auto error = unusable()) {
        found.incomplete = std::move(error);
        return found;
    }
    if (search.base.dn.empty() && !search.base.guid && search.scope == Scope::base) {
        const Attributes all = server_.make_root_dse();
        found.entries.push_back({Dn{}, selected(all, search)});
        limit(search, found);
        return found;
    }
    if (search.base.dn.empty() && !search.base.guid && server_.catalog) {
        for (const auto& partition : server_.partitions) {
            search_partition(search, *partition, found);
        }
        limit(search, found);
        return found;
    }
    const MemoryPartition* partition = partition_of(search.base);
    if (partition == nullptr) {
        if (search.base.guid && takes_guid_names()) {
            limit(search, found);
            return found; // nobody here has it: 32
        }
        found.incomplete = Error{ErrorKind::incomplete,
                                 fmt::format("cannot read {} on {}: LDAP 10 referral",
                                             printable(search.base.dn.text()), name_),
                                 {},
                                 10};
        return found;
    }
    if (search.scope != Scope::base && !search.base.guid &&
        partition->find(search.base.dn) == nullptr) {
        found.incomplete = Error{ErrorKind::incomplete,
                                 fmt::format("cannot read {} on {}: LDAP 32 noSuchObject",
                                             printable(search.base.dn.text()), name_),
                                 {},
                                 32};
        return found;
    }
    search_partition(search, *partition, found);
    limit(search, found);
    return found;
}

Result<void> MemorySession::apply(const Write& write) {
    ObjectRef scratch;
    const ObjectRef& target = target_of(write, scratch);
    MemoryPartition* partition = partition_of(target);
    const std::string name = printable(target.dn.text());
    if (partition == nullptr || server_.read_only) {
        return fail(Error{ErrorKind::rejected,
                          fmt::format("cannot write {} on {}: LDAP 10 referral", name, name_),
                          {},
                          10});
    }
    const MemoryObject* object = partition->resolve(target, takes_guid_names());
    if (server_.may_write &&
        !server_.may_write(write, std::holds_alternative<AddEntry>(write) ? nullptr : object)) {
        return fail(Error{
            ErrorKind::no_rights,
            fmt::format("cannot write {} on {}: LDAP 50 insufficientAccessRights", name, name_),
            {},
            50});
    }
    auto result = partition->apply(write, server_.account, takes_guid_names());
    if (result) {
        server_.writes.push_back(write);
    }
    return result;
}

Result<void> MemorySession::write_one(const Write& write) {
    if (auto error = unusable()) {
        return fail(std::move(*error));
    }
    const std::size_t ordinal = ++forest_.write_count_;
    const WriteFate fate =
        forest_.before_write ? forest_.before_write(server_, write, ordinal) : WriteFate::proceed;
    if (fate == WriteFate::kill_before) {
        throw Killed{ordinal};
    }
    const Error lost{ErrorKind::unreachable,
                     "lost the connection to " + name_ + ": it may have happened",
                     {},
                     -1};
    if (fate == WriteFate::lose_request) {
        dead_ = true;
        return fail(lost);
    }
    auto result = apply(write);
    if (forest_.after_write) {
        forest_.after_write(server_, write, ordinal, result);
    }
    if (fate == WriteFate::kill_after) {
        throw Killed{ordinal};
    }
    if (fate == WriteFate::lose_answer) {
        dead_ = true;
        return fail(lost);
    }
    return result;
}

std::vector<Result<void>> MemorySession::write(std::span<const Write> writes) {
    const std::lock_guard lock(forest_.mutex_);
    std::vector<Result<void>> results;
    for (const Write& one : writes) {
        results.push_back(write_one(one));
    }
    return results;
}

Attributes MemoryServer::make_root_dse() const {
    Attributes a = root_dse;
    const auto add = [&](const std::string& name, Values values) {
        if (!a.contains(name) && !values.empty()) {
            a[name] = std::move(values);
        }
    };
    std::vector<Dn> contexts;
    std::uint64_t usn = 0;
    for (const auto& partition : partitions) {
        contexts.push_back(partition->nc());
        usn = std::max(usn, partition->usn());
        const std::string& name = partition->nc().rdn_value();
        if (equal_ascii_nocase(name, "Configuration")) {
            add("configurationNamingContext", {partition->nc().text()});
            add("schemaNamingContext", {partition->nc().child("CN", "Schema").text()});
            add("rootDomainNamingContext", {partition->nc().parent().text()});
        }
    }
    add("namingContexts", texts(contexts));
    if (!partitions.empty()) {
        add("defaultNamingContext", {partitions.front()->nc().text()});
    }
    add("dnsHostName", {uri.host});
    if (flavour == Flavour::ad) {
        add("supportedCapabilities", {"1.2.840.113556.1.4.800", "1.2.840.113556.1.4.1670"});
        Values controls{"1.2.840.113556.1.4.319", "1.2.840.113556.1.4.417", sd_flags_control};
        if (notifications > 0) {
            controls.emplace_back(notification_control);
        }
        add("supportedControl", std::move(controls));
        add("highestCommittedUSN", {std::to_string(usn)});
        Values sids;
        if (account) {
            sids.push_back(account->bytes());
        }
        for (const Sid& group : groups) {
            sids.push_back(group.bytes());
        }
        add("tokenGroups", std::move(sids));
    } else {
        add("supportedControl", {"1.2.840.113556.1.4.319", "1.3.6.1.4.1.4203.1.9.1.1"});
    }
    return a;
}

MemoryPartition* MemoryServer::holds(const Dn& dn) const {
    MemoryPartition* best = nullptr;
    for (const auto& partition : partitions) {
        if (dn.is_within(partition->nc()) &&
            (best == nullptr || partition->nc().depth() > best->nc().depth())) {
            best = partition.get();
        }
    }
    // A naming context below ours that is held elsewhere is not ours.
    const bool elsewhere = std::ranges::any_of(subordinate, [&](const Dn& below) {
        return dn.is_within(below) && best != nullptr && below.depth() > best->nc().depth();
    });
    return elsewhere ? nullptr : best;
}

} // namespace scp
