#include "report/ldif.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace scp {

namespace {

/// SAFE-STRING of RFC 2849, and, as its note 8 asks, nothing that ends in a blank.
bool is_safe(std::string_view value) {
    if (value.empty())
        return true;
    const auto safe = [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte >= 0x20 && byte < 0x7f;
    };
    return value.front() != ' ' && value.front() != ':' && value.front() != '<' &&
           value.back() != ' ' && std::ranges::all_of(value, safe);
}

std::string folded(std::string_view line) {
    constexpr std::size_t columns = 76;
    std::string out{line.substr(0, columns)};
    for (std::size_t at = columns; at < line.size(); at += columns - 1)
        out += fmt::format("\n {}", line.substr(at, columns - 1));
    return out + "\n";
}

std::string attribute_lines(const Attributes& attributes) {
    std::string out;
    for (const auto& [name, values] : attributes)
        for (const std::string& value : sorted(values))
            out += ldif_line(name, value);
    return out;
}

std::string modification(std::string_view op, std::string_view attribute, const Values& values) {
    std::string out = fmt::format("{}: {}\n", op, attribute);
    for (const std::string& value : values)
        out += ldif_line(attribute, value);
    return out + "-\n";
}

std::string marker_swap(const Change& change, std::string_view marker_attribute) {
    if (change.marker_before == change.marker_after)
        return {};
    std::string out;
    if (!change.marker_before.empty())
        out += modification("delete", marker_attribute, {change.marker_before});
    if (!change.marker_after.empty())
        out += modification("add", marker_attribute, {change.marker_after});
    return out;
}

std::string modify_record(const Dn& dn, const Change& change, std::string_view marker_attribute) {
    std::string body;
    for (const auto& [name, diff] : attribute_diffs(change)) {
        if (change.new_dn && equal_ascii_nocase(name, change.dn.rdn_type()))
            continue; // the modrdn record has changed it
        if (!diff.remove.empty())
            body += modification("delete", name, diff.remove);
        if (!diff.add.empty())
            body += modification("add", name, diff.add);
    }
    body += marker_swap(change, marker_attribute);
    return body.empty() ? body : "\n" + ldif_line("dn", dn.text()) + "changetype: modify\n" + body;
}

std::string add_record(const Change& change, std::string_view marker_attribute) {
    std::string out = "\n" + ldif_line("dn", change.dn.text()) + "changetype: add\n";
    if (values_of(change.after, "objectClass").empty())
        out += change.op == Op::create_container ? "objectClass: container\n"
                                                 : "objectClass: serviceConnectionPoint\n";
    if (values_of(change.after, change.dn.rdn_type()).empty())
        out += ldif_line(lower_ascii(change.dn.rdn_type()), change.dn.rdn_value());
    out += attribute_lines(change.after);
    if (!change.marker_after.empty())
        out += ldif_line(marker_attribute, change.marker_after);
    return out;
}

std::string rename_records(const Change& change, std::string_view marker_attribute) {
    if (!change.new_dn)
        return modify_record(change.dn, change, marker_attribute);
    return "\n" + ldif_line("dn", change.dn.text()) + "changetype: modrdn\n" +
           ldif_line("newrdn", change.new_dn->rdn()) + "deleteoldrdn: 1\n" +
           modify_record(*change.new_dn, change, marker_attribute);
}

std::string change_records(const Change& change, std::string_view marker_attribute) {
    const std::string why =
        ldif_comment(fmt::format("{}: {}{}{}", change.id(), to_string(change.reason),
                                 change.rule.empty() ? "" : ", rule ", change.rule));
    std::string records;
    switch (change.op) {
    case Op::create:
    case Op::create_container:
        records = add_record(change, marker_attribute);
        break;
    case Op::update:
    case Op::mark:
        records = modify_record(change.dn, change, marker_attribute);
        break;
    case Op::rename:
        records = rename_records(change, marker_attribute);
        break;
    case Op::remove:
        records = "\n" + ldif_line("dn", change.dn.text()) + "changetype: delete\n";
        break;
    }
    return records.empty() ? records : "\n" + why + records.substr(1);
}

} // namespace

std::string ldif_line(std::string_view name, std::string_view value) {
    if (value.empty())
        return fmt::format("{}:\n", name);
    return folded(is_safe(value) ? fmt::format("{}: {}", name, value)
                                 : fmt::format("{}:: {}", name, to_base64(value)));
}

std::string ldif_comment(std::string_view text) {
    return fmt::format("# {}\n", printable(text, 4096));
}

std::string changes_ldif(const std::vector<Change>& changes, const std::vector<Held>& held,
                         std::string_view marker_attribute) {
    std::string out = "version: 1\n";
    for (const Change& change : changes)
        out += change_records(change, marker_attribute);
    if (!held.empty())
        out += "\n";
    for (const Held& one : held)
        out += ldif_comment(fmt::format("held {}: {}: {}", to_string(one.reason),
                                        one.dn.empty() ? one.domain.text() : one.dn.text(),
                                        one.detail));
    return out;
}

std::string content_ldif(const std::vector<ListedScp>& scps) {
    std::string out = "version: 1\n";
    for (const ListedScp& listed : scps)
        out +=
            "\n" + ldif_line("dn", listed.scp.dn.text()) + attribute_lines(listed.scp.attributes);
    return out;
}

std::string content_ldif(const Dn& dn, const Attributes& attributes) {
    return "version: 1\n\n" + ldif_line("dn", dn.text()) + attribute_lines(attributes);
}

} // namespace scp
