#include "report/settings_report.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

namespace scp {

namespace {

// The loader bounds the depth of settings, so recursion ends.
Json tree_json(const SettingsTree& tree) { // NOLINT(misc-no-recursion)
    switch (tree.kind) {
    case SettingsTree::Kind::null:
        return {};
    case SettingsTree::Kind::text:
        return json_value(tree.text);
    case SettingsTree::Kind::boolean:
        return lower_ascii(tree.text) == "true";
    case SettingsTree::Kind::integer: {
        long long number = 0;
        const char* const end = tree.text.data() + tree.text.size();
        const auto read = std::from_chars(tree.text.data(), end, number);
        return read.ec == std::errc() && read.ptr == end ? Json(number) : json_value(tree.text);
    }
    case SettingsTree::Kind::list: {
        Json list = Json::array();
        for (const SettingsTree& item : tree.children)
            list.push_back(tree_json(item));
        return list;
    }
    case SettingsTree::Kind::map:
        break;
    }
    Json object = Json::object();
    for (const SettingsTree& member : tree.children)
        object[member.key] = tree_json(member);
    return object;
}

std::string scalar_text(const SettingsTree& tree) {
    if (tree.kind == SettingsTree::Kind::null)
        return "null";
    if (tree.kind != SettingsTree::Kind::text)
        return printable(tree.text);
    // A document of one string is that string as YAML reads it.
    std::string text = to_yaml_text(json_value(tree.text));
    text.pop_back();
    const auto plain = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' ||
               c == '.' || c == '/';
    };
    const bool begins =
        !tree.text.empty() && std::isalpha(static_cast<unsigned char>(tree.text.front())) != 0;
    const auto words = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"};
    const bool word =
        std::ranges::any_of(words, [&](const char* one) { return lower_ascii(tree.text) == one; });
    return begins && !word && std::ranges::all_of(tree.text, plain) ? tree.text : text;
}

std::string origin(const SettingsTree& tree) {
    return tree.place.line == 0 ? "default"
                                : fmt::format("{}:{}", printable(tree.place.file), tree.place.line);
}

struct Line {
    std::string text;
    std::string origin;
};

void write_tree(const SettingsTree& tree, const std::string& indent,
                const std::string& lead, // NOLINT(misc-no-recursion)
                std::vector<Line>& lines) {
    const bool nested = (tree.is_list() || tree.is_map()) && !tree.children.empty();
    if (!nested) {
        const std::string value = tree.is_list() ? "[]" : tree.is_map() ? "{}" : scalar_text(tree);
        lines.push_back(
            {lead + (lead.empty() || lead.back() == ' ' ? "" : " ") + value, origin(tree)});
        return;
    }
    std::string first = lead;
    const bool in_line =
        !lead.empty() && lead.ends_with("- "); // a map's first member stands behind the dash
    if (!lead.empty() && !in_line)
        lines.push_back({lead, ""});
    for (const SettingsTree& child : tree.children) {
        const std::string start = in_line && &child == &tree.children.front() ? lead : indent;
        if (tree.is_list())
            write_tree(child, indent + "  ", start + "- ", lines);
        else
            write_tree(child, indent + "  ", start + printable(child.key) + ":", lines);
    }
}

} // namespace

Json settings_document(const SettingsTree& tree,
                       const std::map<std::string, std::string>& origins) {
    Json object = Json::object();
    for (const auto& [key, where] : origins)
        object[key] = where;
    return {{"schema", "scpd.config-show/1"},
            {"settings", tree_json(tree)},
            {"origins", std::move(object)}};
}

std::string settings_text(const SettingsTree& tree, const Style& style) {
    std::vector<Line> lines;
    write_tree(tree, "", "", lines);
    std::size_t width = 0;
    for (const Line& line : lines)
        if (!line.origin.empty() && display_width(line.text) <= 60)
            width = std::max(width, display_width(line.text));
    std::string out;
    for (const Line& line : lines) {
        out += line.text;
        if (!line.origin.empty()) {
            const std::size_t used = display_width(line.text);
            out += std::string(used < width ? width - used + 2 : 2, ' ') +
                   style.dim("# " + line.origin);
        }
        out += "\n";
    }
    return out;
}

} // namespace scp
