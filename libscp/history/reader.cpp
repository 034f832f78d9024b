#include "history/history.hpp"

#include "base/text.hpp"
#include "history/lines.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <system_error>
#include <tuple>

namespace scp {
namespace {

namespace fs = std::filesystem;

auto unreadable(const fs::path& path, const std::string& why) {
    return fail(ErrorKind::io, "cannot read the history " + printable(path.string()) + ": " + why,
                "run as the user who wrote it, or name another directory with --history DIR");
}

Result<std::vector<fs::path>> files_of(const fs::path& dir) {
    std::vector<fs::path> files;
    std::error_code code;
    if (!fs::exists(dir, code) && !code)
        return files;
    for (fs::directory_iterator at(dir, code), end; !code && at != end; at.increment(code))
        if (at->path().extension() == ".jsonl")
            files.push_back(at->path());
    if (code)
        return unreadable(dir, code.message());
    std::sort(files.begin(), files.end());
    return files;
}

/// Result lines go to their records, which stand before them in the same file.
void take_line(HistoryLine line, std::map<std::string, HistoryRecord>& records) {
    if (!line.is_result) {
        std::string id = line.record.id;
        records.insert_or_assign(std::move(id), std::move(line.record));
        return;
    }
    const auto found = records.find(line.record.id);
    if (found == records.end())
        return;
    HistoryRecord& record = found->second;
    record.result = std::move(line.record.result);
    record.error = std::move(line.record.error);
    if (!record.change.guid)
        record.change.guid = line.record.change.guid;
}

Result<void> read_file(const fs::path& path, HistoryListing& listing) {
    std::ifstream file(path, std::ios::binary);
    if (!file)
        return unreadable(path, "it cannot be opened");
    std::map<std::string, HistoryRecord> records;
    std::string text;
    for (std::size_t number = 1; std::getline(file, text); ++number) {
        const bool whole = !file.eof(); // the last line without its line break was torn off
        if (text.empty())
            continue;
        auto line = parse_history_line(text);
        if (line)
            take_line(std::move(*line), records);
        else if (whole)
            listing.problems.push_back(printable(path.string()) + ":" + std::to_string(number) +
                                       ": " + line.error().message);
    }
    if (file.bad())
        return unreadable(path, "an input error");
    for (auto& [id, record] : records)
        listing.records.push_back(std::move(record));
    return {};
}

} // namespace

Result<HistoryListing> read_history(const std::filesystem::path& dir) {
    auto files = files_of(dir);
    if (!files)
        return fail(files.error());
    HistoryListing listing;
    for (const fs::path& path : *files)
        if (auto read = read_file(path, listing); !read)
            return fail(read.error());
    // By length first: the ids of one writer end in a counter.
    const auto key = [](const HistoryRecord& r) {
        return std::tuple<Timestamp, std::size_t, const std::string&>(r.at, r.id.size(), r.id);
    };
    std::stable_sort(
        listing.records.begin(), listing.records.end(),
        [&](const HistoryRecord& a, const HistoryRecord& b) { return key(a) < key(b); });
    return listing;
}

} // namespace scp
