#include "daemon/pulse.hpp"

#include <utility>

namespace scp {
namespace {

class PulsingDirectory : public Directory {
  public:
    PulsingDirectory(std::unique_ptr<Directory> session, Pulse& pulse)
        : session_(std::move(session)), pulse_(pulse) {}

    const RootDse& root_dse() const override { return session_->root_dse(); }
    const std::string& server() const override { return session_->server(); }
    bool takes_guid_names() const override { return session_->takes_guid_names(); }
    Found search(const Search& search) override { return beat(session_->search(search)); }
    std::vector<Found> search_all(std::span<const Search> searches) override {
        return beat(session_->search_all(searches));
    }
    std::vector<Result<void>> write(std::span<const Write> writes) override {
        return beat(session_->write(writes));
    }
    Result<void> persist(const Dn& nc, const Filter& filter, std::chrono::milliseconds heartbeat,
                         std::stop_token stop, const std::function<void()>& on_change) override {
        return beat(session_->persist(nc, filter, heartbeat, std::move(stop), on_change));
    }
    Result<void> listen(std::span<const WatchedPlace> places) override {
        return beat(session_->listen(places));
    }
    Result<std::vector<Entry>> heard(std::chrono::milliseconds patience,
                                     std::stop_token stop) override {
        return beat(session_->heard(patience, std::move(stop)));
    }

  private:
    template <class T> T beat(T result) {
        pulse_.beat();
        return result;
    }
    std::unique_ptr<Directory> session_;
    Pulse& pulse_;
};

} // namespace

Result<std::unique_ptr<Directory>> PulsingConnector::connect(const Endpoint& endpoint,
                                                             std::stop_token stop) {
    auto session = connector_.connect(endpoint, std::move(stop));
    pulse_.beat();
    if (!session)
        return session;
    return std::make_unique<PulsingDirectory>(std::move(*session), pulse_);
}

Result<std::vector<LocatedServer>> PulsingConnector::locate(const LocateRequest& wanted) {
    auto found = connector_.locate(wanted);
    pulse_.beat();
    return found;
}

} // namespace scp
