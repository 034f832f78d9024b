#pragma once

#include "apply/apply.hpp"
#include "directory/memory.hpp"
#include "support/dn.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace scp::test {

inline constexpr Flavour flavours[] = {Flavour::ad, Flavour::openldap};

inline std::string error_of(const ChangeResult& result) {
    return result.error ? result.error->message : "";
}

inline void check_done(const ChangeResult& result) {
    CHECK_MESSAGE(result.state == ChangeResult::State::done, error_of(result));
    CHECK_MESSAGE(!result.error, error_of(result));
}

/// Sessions with servers in memory: by default everything goes to dc1.<domain>.
class MemorySessions : public WriteSessions {
  public:
    explicit MemorySessions(MemoryForest& forest) : forest_(forest) {}

    Result<Directory*> updater(const std::string&, const DomainName& domain) override {
        return session("dc1." + domain.text());
    }
    Result<Directory*> creator(const std::string&, const DomainName& domain) override {
        return session(creator_host + "." + domain.text());
    }
    std::string creator_host = "dc1";

  private:
    Result<Directory*> session(const std::string& host) {
        const std::scoped_lock lock(mutex_);
        auto& open = sessions_[host];
        if (open)
            return open.get();
        Endpoint endpoint;
        endpoint.uri.host = host;
        endpoint.uri.port = 389;
        auto connected = forest_.connect(endpoint, {});
        if (!connected)
            return fail(connected.error());
        open = std::move(*connected);
        return open.get();
    }

    MemoryForest& forest_;
    std::mutex mutex_;
    std::map<std::string, std::unique_ptr<Directory>> sessions_;
};

/// Keeps in memory what it is told, and refuses from the n-th record() on.
class MemoryHistory : public History {
  public:
    Result<void> record(std::span<HistoryRecord> before) override {
        const std::scoped_lock lock(mutex);
        if (++calls >= refuse_from)
            return fail(ErrorKind::io, "cannot write the history: No space left on device",
                        "make room");
        for (HistoryRecord& record : before) {
            record.id = std::to_string(records.size());
            records.push_back(record);
        }
        return {};
    }
    Result<void> finish(std::span<const HistoryRecord> after) override {
        const std::scoped_lock lock(mutex);
        if (refuse_results)
            return fail(ErrorKind::io, "cannot write the history: No space left on device",
                        "make room");
        for (const HistoryRecord& record : after)
            records.at(std::stoul(record.id)) = record;
        return {};
    }

    std::mutex mutex;
    std::vector<HistoryRecord> records;
    std::size_t calls = 0;
    std::size_t refuse_from = SIZE_MAX;
    bool refuse_results = false;
};

/// One domain, corp.test, with CN=scpd,CN=System in it, and changes of it.
struct Bench {
    explicit Bench(Flavour flavour = Flavour::ad)
        : server(forest.add_server("corp.test", flavour)), partition(server.default_partition()) {
        partition.put(container, {{"objectClass", {"top", "container"}}});
    }

    [[nodiscard]] Dn place(const std::string& name) const { return container.child("CN", name); }

    /// A copy with these bindings, and its marker, are there.
    Guid put(const std::string& name, const Values& bindings,
             const std::string& marker = "scpd1;old") {
        Attributes attributes = content(bindings);
        attributes["objectClass"] = {"top", "leaf", "connectionPoint", "serviceConnectionPoint"};
        attributes["msDS-Settings"] = {marker};
        return partition.put(place(name), attributes);
    }

    static Attributes content(const Values& bindings) {
        Attributes attributes{{"keywords", {"QmmEx"}}};
        if (!bindings.empty())
            attributes["serviceBindingInformation"] = bindings;
        return attributes;
    }

    [[nodiscard]] Change change(Op op, const std::string& name, const Attributes& before,
                                const Attributes& after) const {
        Change change;
        change.op = op;
        change.rule = "mage";
        change.forest = "corp";
        change.domain = DomainName("corp.test");
        change.nc = partition.nc();
        change.dn = place(name);
        if (const MemoryObject* object = partition.find(change.dn); object && op != Op::create)
            change.guid = object->guid;
        change.before = before;
        change.after = after;
        if (op != Op::create && op != Op::create_container)
            change.marker_before = "scpd1;old";
        if (op != Op::create_container)
            change.marker_after = "scpd1;new";
        return change;
    }
    [[nodiscard]] Change create(const std::string& name, const Values& bindings = {"b"}) const {
        return change(Op::create, name, {}, content(bindings));
    }
    [[nodiscard]] Change update(const std::string& name, const Values& before,
                                const Values& after) const {
        return change(Op::update, name, content(before), content(after));
    }
    [[nodiscard]] Change rename(const std::string& name, const std::string& to) const {
        Change renamed = change(Op::rename, name, content({"b"}), content({"c"}));
        renamed.new_dn = place(to);
        return renamed;
    }
    [[nodiscard]] Change remove(const std::string& name) const {
        return change(Op::remove, name, content({"b"}), {});
    }

    ApplyResults run(std::vector<Change> changes) {
        Plan plan;
        plan.changes = std::move(changes);
        return apply(plan, sessions, options, history);
    }
    ChangeResult run_one(const Change& change) { return run({change}).at(change.id()); }

    /// The object's values, or nothing where it is not there.
    [[nodiscard]] Values values(const std::string& name, const std::string& attribute) const {
        const MemoryObject* object = partition.find(place(name));
        return object ? sorted(values_of(object->attributes, attribute)) : Values{};
    }
    [[nodiscard]] bool there(const std::string& name) const {
        return partition.find(place(name)) != nullptr;
    }

    MemoryForest forest;
    MemoryServer& server;
    MemoryPartition& partition;
    Dn container = dn("CN=scpd,CN=System,DC=corp,DC=test");
    MemorySessions sessions{forest};
    MemoryHistory history;
    ApplyOptions options;
};

} // namespace scp::test
