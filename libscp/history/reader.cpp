#include "history/reader.hpp"

#include "base/text.hpp"
#include "history/lines.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <system_error>
#include <tuple>

namespace scp {
namespace {

namespace fs = std::filesystem;

Error unreadable(const fs::path& path, const std::string& why) {
    return {ErrorKind::io, "cannot read the history " + printable(path.string()) + ": " + why,
            "run as the user who wrote it, or name another directory with --history DIR", 0};
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
        return fail(unreadable(dir, code.message()));
    std::sort(files.begin(), files.end());
    return files;
}

/// True also of what cannot be looked at: reading it will tell.
bool written_since(const fs::path& path, Timestamp since) {
    struct stat status {};
    return ::stat(path.c_str(), &status) != 0 ||
           Timestamp(std::chrono::seconds(status.st_mtim.tv_sec)) >= since;
}

/// What the files say, taken together: a writer that began another file in between has a record in
/// one and its result in the next.
struct Gathered {
    HistoryListing listing;
    std::map<std::string, HistoryRecord> records;
    std::vector<HistoryRecord> results;
};

std::string at_line(const fs::path& path, std::size_t number, const std::string& what) {
    return printable(path.string()) + ":" + std::to_string(number) + ": " + what;
}

/// What is wrong with the line; empty: nothing.
std::string take_line(Result<HistoryLine> line, Gathered& gathered) {
    if (!line)
        return line.error().message;
    if (line->is_result) {
        gathered.results.push_back(std::move(line->record));
        return {};
    }
    std::string id = line->record.id;
    if (!gathered.records.try_emplace(id, std::move(line->record)).second)
        return "another record has the ID " + printable(id, 100) + " already";
    return {};
}

void read_file(const fs::path& path, const LineFilter& passed_over, Gathered& gathered) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        gathered.listing.unreadable.push_back(unreadable(path, "it cannot be opened"));
        return;
    }
    std::string text;
    for (std::size_t number = 1; std::getline(file, text); ++number) {
        const bool whole = !file.eof(); // the last line without its line break was torn off
        if (text.empty() || (passed_over && passed_over(text)))
            continue;
        const std::string problem = take_line(parse_history_line(text), gathered);
        if (!problem.empty() && whole)
            gathered.listing.problems.push_back(at_line(path, number, problem));
    }
    if (file.bad())
        gathered.listing.unreadable.push_back(unreadable(path, "an input error"));
}

void match_results(Gathered& gathered) {
    for (HistoryRecord& result : gathered.results) {
        const auto found = gathered.records.find(result.id);
        if (found == gathered.records.end())
            continue;
        HistoryRecord& record = found->second;
        record.result = std::move(result.result);
        record.error = std::move(result.error);
        record.overtaken = result.overtaken;
        if (!record.change.guid)
            record.change.guid = result.change.guid;
    }
}

/// From the newest back: an undo that was itself taken back counts no more.
void match_undos(std::vector<HistoryRecord>& records) {
    std::map<std::string, std::string> undone_by;
    for (auto record = records.rbegin(); record != records.rend(); ++record) {
        if (const auto undo = undone_by.find(record->id); undo != undone_by.end())
            record->undone_by = undo->second;
        else if (record->result == "done" && !record->change.undoes.empty())
            undone_by.emplace(record->change.undoes, record->id);
    }
}

} // namespace

Result<HistoryListing> read_history(const std::filesystem::path& dir,
                                    std::optional<Timestamp> since) {
    return read_history(dir, since, {});
}

Result<HistoryListing> read_history(const std::filesystem::path& dir,
                                    std::optional<Timestamp> since, const LineFilter& passed_over) {
    auto files = files_of(dir);
    if (!files)
        return fail(files.error());
    Gathered gathered;
    for (const fs::path& path : *files)
        if (!since || written_since(path, *since))
            read_file(path, passed_over, gathered);
    match_results(gathered);
    HistoryListing& listing = gathered.listing;
    for (auto& [id, record] : gathered.records)
        listing.records.push_back(std::move(record));
    // By length first: the ids of one writer end in a counter.
    const auto key = [](const HistoryRecord& r) {
        return std::tuple<Timestamp, std::size_t, const std::string&>(r.at, r.id.size(), r.id);
    };
    std::stable_sort(
        listing.records.begin(), listing.records.end(),
        [&](const HistoryRecord& a, const HistoryRecord& b) { return key(a) < key(b); });
    match_undos(listing.records);
    return std::move(listing);
}

} // namespace scp
