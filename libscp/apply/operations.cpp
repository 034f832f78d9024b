#include "apply/operations.hpp"

#include "base/marker.hpp"
#include "base/safeguard.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <iterator>
#include <set>

namespace scp {
namespace {

using Names = std::set<std::string, LessNoCase>;

Names names_of(const Change& change) {
    Names names;
    for (const auto& [name, values] : change.before)
        names.insert(name);
    for (const auto& [name, values] : change.after)
        names.insert(name);
    return names;
}

/// The values of `a` that are not in `b`, byte for byte.
Values without(const Values& a, const Values& b) {
    const Values left = sorted(a);
    const Values right = sorted(b);
    Values rest;
    std::set_difference(left.begin(), left.end(), right.begin(), right.end(),
                        std::back_inserter(rest));
    return rest;
}

void append(std::vector<Modification>& modifications, Modification::Op op,
            const std::string& attribute, Values values) {
    if (!values.empty())
        modifications.push_back({op, attribute, std::move(values)});
}

/// The exact old value goes and the new one comes, in one modify: the server refuses (16) where the
/// old one is not there any more. Done also where both are equal, for the check alone.
void swap_marker(std::vector<Modification>& modifications, const std::string& attribute,
                 const std::string& before, const std::string& after) {
    if (!in_force(Safeguard::compare_and_swap))
        return append(modifications, Modification::Op::replace, attribute,
                      after.empty() ? Values{} : Values{after});
    if (!before.empty())
        append(modifications, Modification::Op::remove, attribute, {before});
    if (!after.empty())
        append(modifications, Modification::Op::add, attribute, {after});
}

/// Only the values that differ, as exact removes and adds and never as a replace: a value that
/// somebody else took away meanwhile makes it fail, and one that somebody else added stays and is
/// seen when it is read back. A value that changes its case is removed before it is added, which
/// servers that compare without case take well.
void swap_content(std::vector<Modification>& modifications, const Change& change) {
    for (const std::string& name : names_of(change)) {
        const Values& before = values_of(change.before, name);
        const Values& after = values_of(change.after, name);
        append(modifications, Modification::Op::remove, name, without(before, after));
        append(modifications, Modification::Op::add, name, without(after, before));
    }
}

AddEntry addition(const Change& change, const std::string& object_class) {
    AddEntry add{change.dn, {}};
    for (const auto& [name, values] : change.after)
        if (!values.empty())
            add.attributes[name] = values;
    add.attributes["objectClass"] = {object_class};
    add.attributes[lower_ascii(change.dn.rdn_type())] = {change.dn.rdn_value()};
    return add;
}

std::vector<Write> creation(const Change& change, const std::string& marker_attribute) {
    AddEntry add = addition(change, "serviceConnectionPoint");
    if (!change.marker_after.empty()) // beside other values of it that an undo puts back
        add.attributes[marker_attribute].push_back(change.marker_after);
    return {add};
}

/// Nothing where nothing differs and there is no marker to check.
std::vector<Write> modification(const Change& change, const std::string& marker_attribute) {
    ModifyEntry modify{object_before(change), {}};
    swap_marker(modify.modifications, marker_attribute, change.marker_before, change.marker_after);
    if (change.op != Op::mark)
        swap_content(modify.modifications, change);
    if (modify.modifications.empty())
        return {};
    return {modify};
}

std::vector<Write> removal(const Change& change, const std::string& marker_attribute) {
    std::vector<Write> writes;
    if (!change.marker_before.empty()) {
        // Never without a marker, not even in between: what nobody has marked is nobody's to
        // delete.
        const std::string& after =
            change.marker_after.empty() ? change.marker_before : change.marker_after;
        ModifyEntry modify{object_before(change), {}};
        swap_marker(modify.modifications, marker_attribute, change.marker_before, after);
        writes.emplace_back(std::move(modify));
    }
    writes.emplace_back(DeleteEntry{object_before(change)});
    return writes;
}

std::string quoted(const std::string& value) {
    return "\"" + printable(value, 120) + "\"";
}

std::string values_difference(const std::string& name, const Values& expected,
                              const Values& found) {
    const Values missing = without(expected, found);
    const Values surplus = without(found, expected);
    std::string text;
    if (!missing.empty())
        text += " lacks " + quoted(missing.front());
    if (!surplus.empty())
        text += (text.empty() ? " has " : " and has ") + quoted(surplus.front());
    if (text.empty())
        return {};
    if (const auto more = missing.size() + surplus.size(); more > 2)
        text += " (" + std::to_string(more) + " values differ)";
    return printable(name) + text;
}

std::string marker_difference(const Values& values, const std::string& attribute,
                              const std::string& expected) {
    if (!expected.empty())
        return std::ranges::find(values, expected) != values.end()
                   ? ""
                   : "the marker in " + printable(attribute) + " is not " + quoted(expected);
    for (const std::string& value : values)
        if (looks_like_marker(value))
            return "it has got a marker: " + quoted(value);
    return {};
}

std::string difference(const Change& change, const Attributes& expected, const std::string& marker,
                       const Attributes& found, const std::string& marker_attribute) {
    std::string text =
        marker_difference(values_of(found, marker_attribute), marker_attribute, marker);
    if (change.op == Op::mark)
        return text;
    for (const std::string& name : names_of(change)) {
        Values there = values_of(found, name);
        if (equal_ascii_nocase(name, marker_attribute))
            std::erase_if(there, looks_like_marker);
        const std::string one = values_difference(name, values_of(expected, name), there);
        if (!one.empty())
            text += (text.empty() ? "" : "; ") + one;
        if (text.size() > 1000)
            return text + "; …";
    }
    return text;
}

} // namespace

ObjectRef object_before(const Change& change) {
    return {change.dn, change.guid};
}

ObjectRef object_after(const Change& change) {
    return {change.op == Op::rename && change.new_dn ? *change.new_dn : change.dn, change.guid};
}

std::vector<Write> writes_of(const Change& change, const std::string& marker_attribute) {
    switch (change.op) {
    case Op::create:
        return creation(change, marker_attribute);
    case Op::create_container:
        return {addition(change, "container")};
    case Op::update:
    case Op::mark:
        return modification(change, marker_attribute);
    case Op::rename: {
        std::vector<Write> writes = modification(change, marker_attribute);
        writes.emplace_back(RenameEntry{object_before(change), object_after(change).dn.rdn()});
        return writes;
    }
    case Op::remove:
        return removal(change, marker_attribute);
    }
    return {};
}

std::string difference_before(const Change& change, const Attributes& found,
                              const std::string& marker_attribute) {
    return difference(change, change.before, change.marker_before, found, marker_attribute);
}

std::string difference_after(const Change& change, const Attributes& found,
                             const std::string& marker_attribute) {
    return difference(change, change.after, change.marker_after, found, marker_attribute);
}

bool has_values_equal_without_case(const Attributes& content) {
    return std::ranges::any_of(content, [](const auto& attribute) {
        std::set<std::string> folded;
        return std::ranges::any_of(attribute.second, [&](const std::string& value) {
            return !folded.insert(fold_case(value)).second;
        });
    });
}

} // namespace scp
