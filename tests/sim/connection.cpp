#include "sim/run.hpp"

// What stands between the product and the directories in memory: every operation may be the last.

namespace scp::sim {
namespace {

class Connection : public Directory {
  public:
    Connection(Run& run, Dc& dc, std::unique_ptr<Directory> inner)
        : run_(run), dc_(dc), inner_(std::move(inner)), cuts_(run.cuts) {}

    const RootDse& root_dse() const override { return inner_->root_dse(); }
    const std::string& server() const override { return inner_->server(); }
    bool takes_guid_names() const override { return inner_->takes_guid_names(); }

    Found search(const Search& search) override {
        run_.operation();
        if (is_dead())
            return {{}, {}, lost()};
        Found found = inner_->search(search);
        if (run_.current != nullptr && !search.attributes.empty() &&
            search.attributes.front() == "*" && !found.entries.empty())
            if (const MemoryObject* object = dc_.objects().find(found.entries.front().dn))
                run_.current->looked_at[object->guid] = object->attributes;
        if (dc_.partial > run_.world.forest.now && found.complete() && is_large(search)) {
            found.entries.resize(found.entries.size() / 2);
            found.incomplete =
                Error{ErrorKind::incomplete, "LDAP 3 timeLimitExceeded on " + server(), "", 3};
        }
        return found;
    }

    std::vector<Result<void>> write(std::span<const Write> writes) override {
        std::vector<Result<void>> results;
        for (const Write& one : writes)
            results.push_back(write_one(one));
        return results;
    }

    /// The server tells of what there is, as to each new client, and ends the session.
    Result<void> persist(const Dn&, const Filter&, std::chrono::milliseconds, std::stop_token,
                         const std::function<void()>& on_change) override {
        run_.operation();
        if (is_dead() || dc_.unreachable > run_.world.forest.now)
            return fail(lost());
        on_change();
        return {};
    }

    Result<void> listen(std::span<const WatchedPlace> places) override {
        run_.operation();
        return is_dead() ? fail(lost()) : inner_->listen(places);
    }
    Result<std::vector<Entry>> heard(std::chrono::milliseconds patience,
                                     std::stop_token stop) override {
        run_.operation();
        if (is_dead())
            return fail(lost());
        return inner_->heard(patience, std::move(stop));
    }

  private:
    [[nodiscard]] bool is_dead() {
        dead_ = dead_ || cuts_ != run_.cuts;
        return dead_;
    }
    [[nodiscard]] Error lost() const {
        return {ErrorKind::unreachable, "lost the connection to " + server(), "", -1};
    }
    /// What a time limit may cut short: not the small reads by which a cycle begins.
    static bool is_large(const Search& search) {
        return search.scope != Scope::base || search.base.guid.has_value();
    }

    [[nodiscard]] const MemoryObject* target_of(const Write& write) const {
        const auto look = [&](const ObjectRef& ref) -> const MemoryObject* {
            if (ref.guid && takes_guid_names()) {
                const auto* found = dc_.objects().find(*ref.guid);
                return found != nullptr && !found->deleted ? found : nullptr;
            }
            return dc_.objects().find(ref.dn);
        };
        if (const auto* modify = std::get_if<ModifyEntry>(&write))
            return look(modify->object);
        if (const auto* rename = std::get_if<RenameEntry>(&write))
            return look(rename->object);
        if (const auto* remove = std::get_if<DeleteEntry>(&write))
            return look(remove->object);
        return nullptr;
    }

    Result<void> write_one(const Write& write) {
        run_.operation();
        const MemoryObject* const object = target_of(write);
        const auto guid = object == nullptr ? std::nullopt : std::optional(object->guid);
        run_.moment(Moment::write, guid);
        if (std::holds_alternative<DeleteEntry>(write))
            run_.moment(Moment::delete_write, guid);
        if (is_dead())
            return fail(lost());
        Daemon& daemon = *run_.current;
        const auto fate = std::exchange(daemon.next_write, std::nullopt);
        if (fate == WriteFate::lose_request) {
            dead_ = true;
            return fail(lost());
        }
        std::optional<MemoryObject> before;
        if (const MemoryObject* found = target_of(write))
            before = *found;
        check_before_write(run_, dc_, write, before ? &*before : nullptr);
        auto result = std::move(inner_->write({&write, 1}).front());
        if (result) {
            if (run_.trace)
                run_.trace(trace_of(write));
            check_after_write(run_, dc_, write, before, fate != WriteFate::lose_answer);
            run_.world.note_change();
        }
        if (fate == WriteFate::lose_answer) {
            dead_ = true;
            return fail(lost());
        }
        return result;
    }

    [[nodiscard]] std::string trace_of(const Write& write) const {
        const auto dn = [](const ObjectRef& ref) { return ref.dn.text(); };
        std::string text =
            "daemon " + std::to_string(run_.current->number) + " on " + dc_.server->uri.host + ": ";
        if (const auto* add = std::get_if<AddEntry>(&write))
            text += "adds " + add->dn.text() + values(add->attributes);
        else if (const auto* modify = std::get_if<ModifyEntry>(&write)) {
            text += "modifies " + dn(modify->object);
            for (const auto& one : modify->modifications)
                for (const auto& value : one.values)
                    text += std::string(one.op == Modification::Op::add      ? " +"
                                        : one.op == Modification::Op::remove ? " -"
                                                                             : " =") +
                            value;
        } else if (const auto* rename = std::get_if<RenameEntry>(&write))
            text += "renames " + dn(rename->object) + " to " + rename->new_rdn;
        else
            text += "deletes " + dn(std::get<DeleteEntry>(write).object);
        return text;
    }
    static std::string values(const Attributes& attributes) {
        std::string text;
        for (const char* name : {"keywords", "serviceBindingInformation", "msDS-Settings"})
            for (const auto& value : values_of(attributes, name))
                text += " " + value;
        return text;
    }

    Run& run_;
    Dc& dc_;
    std::unique_ptr<Directory> inner_;
    std::size_t cuts_;
    bool dead_ = false;
};

} // namespace

Result<std::unique_ptr<Directory>> Run::connect(const Endpoint& endpoint, std::stop_token stop) {
    operation();
    Dc* const dc = world.dc_of(endpoint.uri.host);
    if (dc == nullptr)
        world.refresh_catalog();
    auto inner = world.forest.connect(endpoint, std::move(stop));
    if (!inner || dc == nullptr)
        return inner;
    return std::make_unique<Connection>(*this, *dc, std::move(*inner));
}

Result<std::vector<LocatedServer>> Run::locate(const LocateRequest& wanted) {
    return world.forest.locate(wanted);
}

} // namespace scp::sim
