#include "directory/observed.hpp"

namespace scp {
namespace {

struct NameOf {
    std::string_view operator()(const AddEntry&) const { return "add"; }
    std::string_view operator()(const ModifyEntry&) const { return "modify"; }
    std::string_view operator()(const RenameEntry&) const { return "rename"; }
    std::string_view operator()(const DeleteEntry&) const { return "delete"; }
};

template <class Value> const Error* error_of(const Result<Value>& result) {
    return result ? nullptr : &result.error();
}

class ObservedDirectory final : public Directory {
  public:
    ObservedDirectory(std::unique_ptr<Directory> inner, const OperationObserver& observer)
        : inner_(std::move(inner)), observer_(observer) {}

    [[nodiscard]] const RootDse& root_dse() const override { return inner_->root_dse(); }
    [[nodiscard]] const std::string& server() const override { return inner_->server(); }
    [[nodiscard]] bool takes_guid_names() const override { return inner_->takes_guid_names(); }

    [[nodiscard]] Found search(const Search& search) override {
        return told(inner_->search(search));
    }
    [[nodiscard]] std::vector<Found> search_all(std::span<const Search> searches) override {
        auto all = inner_->search_all(searches);
        for (auto& found : all)
            found = told(std::move(found));
        return all;
    }
    [[nodiscard]] std::vector<Result<void>> write(std::span<const Write> writes) override {
        auto results = inner_->write(writes);
        for (std::size_t i = 0; i < results.size(); ++i)
            observer_(std::visit(NameOf{}, writes[i]), error_of(results[i]));
        return results;
    }
    [[nodiscard]] Result<void> persist(const Dn& nc, const Filter& filter,
                                       std::chrono::milliseconds heartbeat, std::stop_token stop,
                                       const std::function<void()>& on_change) override {
        auto ended = inner_->persist(nc, filter, heartbeat, std::move(stop), on_change);
        observer_("persist", error_of(ended));
        return ended;
    }
    [[nodiscard]] Result<void> listen(std::span<const WatchedPlace> places) override {
        auto listening = inner_->listen(places);
        observer_("listen", error_of(listening));
        return listening;
    }
    /// No operation: what the server tells by itself after listen().
    [[nodiscard]] Result<std::vector<Entry>> heard(std::chrono::milliseconds patience,
                                                   std::stop_token stop) override {
        return inner_->heard(patience, std::move(stop));
    }

  private:
    Found told(Found found) const {
        observer_("search", found.incomplete ? &*found.incomplete : nullptr);
        return found;
    }
    std::unique_ptr<Directory> inner_;
    const OperationObserver& observer_;
};

} // namespace

Result<std::unique_ptr<Directory>> ObservedConnector::connect(const Endpoint& endpoint,
                                                              std::stop_token stop) {
    auto opened = inner_.connect(endpoint, std::move(stop));
    observer_("connect", error_of(opened));
    if (!opened)
        return opened;
    return std::make_unique<ObservedDirectory>(std::move(*opened), observer_);
}

Result<std::vector<LocatedServer>> ObservedConnector::locate(const LocateRequest& wanted) {
    auto found = inner_.locate(wanted);
    observer_("locate", error_of(found));
    return found;
}

} // namespace scp
