#pragma once

#include "settings/load.hpp"
#include "settings/tree.hpp"

#include <string>
#include <vector>

namespace scp {

/// Collects what is wrong, with a bound: a hostile file must not make us hold a message for each of
/// its bytes.
class ProblemList {
  public:
    void add(const TextPlace& place, std::string key, std::string message);
    /// In order of `files`, line, column; the last one says how many were left out, if any were.
    [[nodiscard]] std::vector<Problem> sorted(const std::vector<std::string>& files) const;
    [[nodiscard]] bool full() const { return problems_.size() >= limit; }
    [[nodiscard]] bool empty() const { return problems_.empty(); }

  private:
    static constexpr std::size_t limit = 200;

    std::vector<Problem> problems_;
    std::size_t left_out_ = 0;
};

} // namespace scp
