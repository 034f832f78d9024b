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
    [[nodiscard]] Result<void> persist(const Dn& nc, const Filter& filter, std::stop_token stop,
                                       const std::function<void()>& on_change) override;

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
};

} // namespace scp
