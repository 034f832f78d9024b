#pragma once

#include "directory/memory.hpp"

namespace scp {

/// A Directory over a MemoryServer.
class MemorySession : public Directory {
  public:
    MemorySession(MemoryForest& forest, MemoryServer& server, std::stop_token stop);

    [[nodiscard]] const RootDse& root_dse() const override { return root_dse_; }
    [[nodiscard]] const std::string& server() const override { return name_; }
    [[nodiscard]] bool takes_guid_names() const override;
    [[nodiscard]] Found search(const Search& search) override;
    [[nodiscard]] std::vector<Result<void>> write(std::span<const Write> writes) override;
    [[nodiscard]] Result<void> persist(const Dn& nc, const Filter& filter,
                                       std::chrono::milliseconds heartbeat, std::stop_token stop,
                                       const std::function<void()>& on_change) override;
    [[nodiscard]] Result<void> listen(std::span<const WatchedPlace> places) override;
    /// At once: there is no clock here.
    [[nodiscard]] Result<std::vector<Entry>> heard(std::chrono::milliseconds patience,
                                                   std::stop_token stop) override;

  private:
    [[nodiscard]] std::optional<Error> unusable();
    [[nodiscard]] MemoryPartition* partition_of(const ObjectRef& object) const;
    void search_partition(const Search& search, const MemoryPartition& partition,
                          Found& found) const;
    void limit(const Search& search, Found& found) const;
    Result<void> write_one(const Write& write);
    Result<void> apply(const Write& write);

    MemoryForest& forest_;
    MemoryServer& server_;
    std::stop_token stop_;
    std::string name_;
    RootDse root_dse_;
    bool dead_ = false;
    std::map<std::size_t, WatchedPlace> listening_;
    std::map<std::size_t, std::uint64_t> told_; ///< of each: up to which USN
};

} // namespace scp
