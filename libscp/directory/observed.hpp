#pragma once

#include "directory/directory.hpp"

namespace scp {

/// Told of each operation that was asked of a server, once it has ended, with what went wrong, if
/// anything did. `operation`: connect, locate, search, add, modify, rename, delete, listen or
/// persist. From any thread.
using OperationObserver = std::function<void(std::string_view operation, const Error* error)>;

/// A connector that does what another one does, and tells of it.
class ObservedConnector final : public Connector {
  public:
    /// `inner` must live as long as this, this as long as its sessions.
    ObservedConnector(Connector& inner, OperationObserver observer)
        : inner_(inner), observer_(std::move(observer)) {}

    [[nodiscard]] Result<std::unique_ptr<Directory>> connect(const Endpoint& endpoint,
                                                             std::stop_token stop) override;
    [[nodiscard]] Result<std::vector<LocatedServer>> locate(const LocateRequest& wanted) override;

  private:
    Connector& inner_;
    OperationObserver observer_;
};

} // namespace scp
