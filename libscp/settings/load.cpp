#include "settings/load.hpp"

#include "settings/check.hpp"
#include "settings/convert.hpp"
#include "settings/merge.hpp"
#include "settings/problems.hpp"
#include "settings/semantics.hpp"
#include "settings/validate.hpp"
#include "settings/yaml.hpp"

#include "base/file_descriptor.hpp"
#include "base/text.hpp"

#include <fmt/format.h>
#include <yaml-cpp/exceptions.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <system_error>

namespace scp {

namespace {

namespace fs = std::filesystem;

std::string error_text(int code) {
    return std::generic_category().message(code);
}

/// The file's bytes, or why not.
Result<std::string> read_file(const fs::path& path) {
    // Without O_NONBLOCK a FIFO would hold us until somebody writes to it.
    const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!file.valid())
        return fail(ErrorKind::io, "cannot be opened: " + error_text(errno));
    struct stat status {};
    if (::fstat(file.get(), &status) != 0)
        return fail(ErrorKind::io, "cannot be read: " + error_text(errno));
    if (S_ISDIR(status.st_mode))
        return fail(ErrorKind::io, "is a folder, not a file");
    if (!S_ISREG(status.st_mode))
        return fail(ErrorKind::io, "is not a regular file");
    const YamlLimits limits;
    std::string text;
    char buffer[65536];
    while (text.size() <=
           limits.bytes) { // a file may grow while it is read, or say 0 as those in /proc do
        const auto count = ::read(file.get(), buffer, sizeof buffer);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return fail(ErrorKind::io, "cannot be read: " + error_text(errno));
        if (count == 0)
            return text;
        text.append(buffer, static_cast<std::size_t>(count));
    }
    return fail(ErrorKind::io,
                fmt::format("is larger than {} MiB: these are no settings", limits.bytes >> 20U));
}

struct RawFault {
    int line = 0;
    int column = 0;
    std::string message;
};

/// yaml-cpp takes some 150 bytes for each.
std::optional<RawFault> too_many_marks(const std::string& text) {
    static constexpr std::string_view marks = "[]{},:\"'&*!?";
    const auto is_mark = [](char c) { return marks.find(c) != std::string_view::npos; };
    const auto count = std::ranges::count_if(text, is_mark);
    if (count <= YamlLimits{}.marks)
        return std::nullopt;
    return RawFault{
        0, 0, fmt::format("has {} of the characters {}: these are no settings", count, marks)};
}

/// What no YAML parser should see: yaml-cpp takes some control characters for the end of the file.
std::optional<RawFault> raw_fault(const std::string& text) {
    if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"))
        return RawFault{1, 1, "is UTF-16; settings are UTF-8"};
    const auto is_control = [](char c) {
        return (c >= 0 && c < 0x20 && c != '\n' && c != '\t' && c != '\r') || c == 0x7f;
    };
    const auto control = std::ranges::find_if(text, is_control) - text.begin();
    const auto at = std::min(utf8_prefix(text), static_cast<std::size_t>(control));
    if (at == text.size())
        return too_many_marks(text);
    const auto before = std::string_view(text).substr(0, at);
    const auto lines = std::ranges::count(before, '\n');
    const auto line_start = before.rfind('\n') + 1; // npos + 1 is 0
    const auto byte = static_cast<unsigned char>(text[at]);
    return RawFault{static_cast<int>(lines) + 1, static_cast<int>(at - line_start) + 1,
                    byte >= 0x80 ? fmt::format("has a byte \\x{:02x} that is not UTF-8", byte)
                                 : fmt::format("has the control character \\x{:02x}", byte)};
}

class Loader {
  public:
    void file(const fs::path& path, bool is_drop_in) {
        const auto name = printable(path.string());
        auto text = read_file(path);
        if (text)
            return this->text(*text, name, is_drop_in);
        files_.push_back(name);
        broken({name, 0, 0}, text.error().message);
    }

    void drop_ins(const fs::path& folder) {
        std::error_code error;
        fs::directory_iterator entries(folder, error);
        if (error == std::errc::no_such_file_or_directory)
            return;
        std::vector<fs::path> paths;
        for (; !error && entries != fs::directory_iterator(); entries.increment(error))
            if (const auto& path = entries->path(); !path.filename().string().starts_with('.'))
                paths.push_back(path);
        if (error)
            return broken({printable(folder.string()), 0, 0}, "cannot be read: " + error.message());
        std::ranges::sort(paths);
        for (const auto& path : paths) {
            if (path.extension() == ".yaml")
                file(path, true);
            else if (path.extension() == ".yml") // would look as if it counted
                broken({printable(path.string()), 0, 0}, "is not read: drop-ins are named *.yaml");
        }
    }

    void text(const std::string& text, const std::string& name, bool is_drop_in) {
        files_.push_back(name);
        if (text.empty())
            return broken({name, 0, 0},
                          is_drop_in ? "is empty; remove it if it is not needed" : "is empty");
        if (auto fault = raw_fault(text))
            return broken({name, fault->line, fault->column}, fault->message);
        auto tree = parse(text, name);
        if (!tree)
            return;
        if (tree->kind == SettingsTree::Kind::null) {
            if (!is_drop_in)
                broken({name, 0, 0}, "is empty: there is nothing in it but comments");
            return;
        }
        if (!tree->is_map())
            return broken(tree->place, "settings are a map of keys (key: value), and this is not");
        validate_file(*tree, is_drop_in, problems_);
        if (is_drop_in && merged_.is_map())
            merge_settings(merged_, *tree);
        else if (!is_drop_in)
            merged_ = std::move(*tree);
    }

    [[nodiscard]] Loaded finish() {
        Loaded loaded;
        if (!is_broken_) { // else every key of the broken file would be missed
            require_keys(merged_, problems_);
            complete_settings(merged_);
            loaded.origins = origins_of(merged_); // also of what a domain has of its forest
            loaded.settings = to_settings(merged_);
            check_semantics(merged_, loaded.settings, problems_);
            if (problems_.empty())
                loaded.warnings = warnings_of(merged_, loaded.settings);
            loaded.tree = std::move(merged_);
        }
        loaded.problems = problems_.sorted(files_);
        return loaded;
    }

  private:
    void broken(const TextPlace& place, std::string message) {
        is_broken_ = true;
        problems_.add(place, "", std::move(message));
    }

    std::optional<SettingsTree> parse(const std::string& text, const std::string& name) {
        try {
            return read_yaml(text, name, problems_);
        } catch (const YAML::Exception& error) {
            auto message = "is not YAML: " + printable(error.msg);
            if (error.msg.find("escape") != std::string::npos)
                message += " (inside double quotes a backslash begins an escape; single quotes, or "
                           "none, leave it alone)";
            broken(error.mark.is_null()
                       ? TextPlace{name, 0, 0}
                       : TextPlace{name, error.mark.line + 1, error.mark.column + 1},
                   std::move(message));
        }
        return std::nullopt;
    }

    std::vector<std::string> files_; ///< in the order of reading
    ProblemList problems_;
    SettingsTree merged_;
    bool is_broken_ = false; ///< a file could not be read as a whole
};

} // namespace

Loaded load_settings(const std::filesystem::path& file) {
    Loader loader;
    loader.file(file, false);
    loader.drop_ins(file.parent_path() / "scpd.d");
    return loader.finish();
}

Loaded load_settings_text(const std::string& text, const std::string& file_name) {
    Loader loader;
    loader.text(text, file_name, false);
    return loader.finish();
}

} // namespace scp
