#include "base/text.hpp"
#include "settings/check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace scp {

namespace {

enum class Class { always_copied, security, system, dn_valued };

const char* reason(Class kind) {
    switch (kind) {
    case Class::always_copied:
        return "is always copied: leave it out of the list";
    case Class::security:
        return "is never copied: it says who may do what, or who an object is";
    case Class::system:
        return "is never copied: it belongs to the directory itself";
    case Class::dn_valued:
        return "is never copied: its values are DNs, which mean something else in another domain";
    }
    return "";
}

/// Attributes that an SCP may have by AD's schema (serviceConnectionPoint, connectionPoint, leaf,
/// top) or that people try, and that must not travel: [MS-ADSC], [MS-ADTS] 3.1.1.3.1.
const std::map<std::string, Class, LessNoCase>& never_listed() {
    using enum Class;
    static const std::map<std::string, Class, LessNoCase> table = {
        {"cn", always_copied},
        {"keywords", always_copied},

        {"nTSecurityDescriptor", security},
        {"objectSid", security},
        {"objectGUID", security},
        {"sIDHistory", security},
        {"sDRightsEffective", security},
        {"securityIdentifier", security},
        {"tokenGroups", security},
        {"userPassword", security},
        {"unicodePwd", security},
        {"supplementalCredentials", security},
        {"userAccountControl", security},
        {"adminCount", security},
        {"servicePrincipalName", security},
        {"msDS-AllowedToActOnBehalfOfOtherIdentity", security},
        {"msDS-KeyCredentialLink", security},
        {"isPrivilegeHolder", security},

        {"objectClass", system},
        {"structuralObjectClass", system},
        {"name", system},
        {"instanceType", system},
        {"systemFlags", system},
        {"searchFlags", system},
        {"isDeleted", system},
        {"isRecycled", system},
        {"isCriticalSystemObject", system},
        {"showInAdvancedViewOnly", system},
        {"canonicalName", system},
        {"createTimeStamp", system},
        {"modifyTimeStamp", system},
        {"dSCorePropagationData", system},
        {"dSASignature", system},
        {"replPropertyMetaData", system},
        {"replUpToDateVector", system},
        {"repsFrom", system},
        {"repsTo", system},
        {"parentGUID", system},
        {"objectVersion", system},
        {"partialAttributeSet", system},
        {"partialAttributeDeletionList", system},
        {"possibleInferiors", system},
        {"allowedAttributes", system},
        {"allowedAttributesEffective", system},
        {"allowedChildClasses", system},
        {"allowedChildClassesEffective", system},
        {"wellKnownObjects", system},
        {"otherWellKnownObjects", system},
        {"msDS-ReplAttributeMetaData", system},
        {"msDS-ReplValueMetaData", system},
        {"msDS-NcType", system},
        {"entryUUID", system},
        {"entryCSN", system},
        {"contextCSN", system},
        {"creatorsName", system},
        {"modifiersName", system},
        {"entryDN", system},
        {"hasSubordinates", system},

        {"distinguishedName", dn_valued},
        {"objectCategory", dn_valued},
        {"defaultObjectCategory", dn_valued},
        {"managedBy", dn_valued},
        {"managedObjects", dn_valued},
        {"manager", dn_valued},
        {"directReports", dn_valued},
        {"member", dn_valued},
        {"memberOf", dn_valued},
        {"owner", dn_valued},
        {"seeAlso", dn_valued},
        {"secretary", dn_valued},
        {"lastKnownParent", dn_valued},
        {"proxiedObjectName", dn_valued},
        {"fSMORoleOwner", dn_valued},
        {"fromServer", dn_valued},
        {"fromEntry", dn_valued},
        {"masteredBy", dn_valued},
        {"serverReference", dn_valued},
        {"siteObject", dn_valued},
        {"subRefs", dn_valued},
        {"subSchemaSubEntry", dn_valued},
        {"msCOM-UserLink", dn_valued},
        {"msCOM-PartitionSetLink", dn_valued},
        {"msDS-ObjectReference", dn_valued},
        {"subschemaSubentry", dn_valued},
    };
    return table;
}

/// RFC 4512 section 2.5 without options: a short name or a dotted OID.
bool is_attribute_name(std::string_view name) {
    auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    if (name.empty() || name.size() > 128)
        return false;
    if (is_letter(name.front()))
        return std::ranges::all_of(name,
                                   [&](char c) { return is_letter(c) || is_digit(c) || c == '-'; });
    const bool oid = std::ranges::all_of(name, [&](char c) { return is_digit(c) || c == '.'; });
    return oid && is_digit(name.front()) && is_digit(name.back()) &&
           name.find('.') != std::string_view::npos && name.find("..") == std::string_view::npos;
}

std::optional<Class> class_of(const std::string& name) {
    if (auto found = never_listed().find(name); found != never_listed().end())
        return found->second;
    const auto lower = lower_ascii(name);
    if (lower.starts_with("usn") || lower.starts_with("when"))
        return Class::system;
    if (name.ends_with("BL")) // AD's own naming of back links
        return Class::dn_valued;
    return std::nullopt;
}

Complaint check_syntax(const std::string& name) {
    if (name.find(';') != std::string::npos)
        return fmt::format(
            "\"{}\": options (;binary, ;range=…) do not belong in an attribute's name",
            printable(name, 80));
    if (!is_attribute_name(name))
        return fmt::format("\"{}\" is no attribute's name: a letter, then letters, digits and '-'",
                           printable(name, 80));
    return std::nullopt;
}

} // namespace

Complaint check_copied_attribute(const std::string& name) {
    if (auto complaint = check_syntax(name))
        return complaint;
    if (auto kind = class_of(name))
        return fmt::format("{} {}", name, reason(*kind));
    return std::nullopt;
}

Complaint check_marker_attribute(const std::string& name) {
    if (auto complaint = check_syntax(name))
        return complaint;
    if (class_of(name))
        return fmt::format(
            "{} cannot hold the marker; use a text attribute that nothing else reads, such as "
            "msDS-Settings",
            name);
    return std::nullopt;
}

} // namespace scp
