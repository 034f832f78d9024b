#include "settings/problems.hpp"

#include <algorithm>
#include <tuple>

namespace scp {

std::string Problem::to_string() const {
    std::string out = file;
    if (line > 0)
        out += ":" + std::to_string(line) + ":" + std::to_string(column);
    if (!key.empty())
        out += ": " + key;
    return out + ": " + message;
}

void ProblemList::add(const TextPlace& place, std::string key, std::string message) {
    if (full()) {
        ++left_out_;
        return;
    }
    problems_.push_back({place.file, place.line, place.column, std::move(key), std::move(message)});
}

std::vector<Problem> ProblemList::sorted(const std::vector<std::string>& files) const {
    auto rank = [&files](const Problem& problem) {
        auto file = std::ranges::find(files, problem.file) - files.begin();
        return std::tuple(file, problem.line, problem.column);
    };
    auto result = problems_;
    std::ranges::stable_sort(result, {}, rank);
    if (left_out_ > 0)
        result.push_back(
            {result.back().file, 0, 0, "", "and " + std::to_string(left_out_) + " problems more"});
    return result;
}

} // namespace scp
