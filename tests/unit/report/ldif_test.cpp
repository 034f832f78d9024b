#include "report/ldif.hpp"

#include "support/build_scp.hpp"

#include <doctest/doctest.h>

using namespace scp;

TEST_CASE("an LDIF value") {
    struct Row {
        const char* name;
        std::string value;
        const char* expected;
    };
    const Row rows[] = {
        {"safe", "tcp://h:1", "v: tcp://h:1\n"},     {"empty", "", "v:\n"},
        {"begins with a blank", " a", "v:: IGE=\n"}, {"begins with a colon", ":a", "v:: OmE=\n"},
        {"begins with <", "<a", "v:: PGE=\n"},       {"ends in a blank", "a ", "v:: YSA=\n"},
        {"line end", "a\nb", "v:: YQpi\n"},          {"NUL", std::string("a\0b", 3), "v:: YQBi\n"},
        {"umlaut", "\xc3\xbc", "v:: w7w=\n"},        {"escape sequence", "\x1b", "v:: Gw==\n"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        CHECK(ldif_line("v", row.value) == row.expected);
    }
}

TEST_CASE("a long LDIF line is folded and unfolds to itself") {
    const std::string value(200, 'x');
    std::string text = ldif_line("v", value);
    std::string unfolded;
    std::size_t longest = 0;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = text.find('\n', at);
        longest = std::max(longest, end - at);
        unfolded +=
            text.substr(text[at] == ' ' ? at + 1 : at, end - (text[at] == ' ' ? at + 1 : at));
        at = end + 1;
    }
    CHECK(longest == 76);
    CHECK(unfolded == "v: " + value);
}

namespace {

Change a_change(Op op) {
    Change change;
    change.op = op;
    change.rule = "mage";
    change.dn = *Dn::parse("CN=a,CN=scpd,CN=System,DC=corp,DC=test");
    change.reason = Reason::source_changed;
    return change;
}

std::string without_comments(const std::string& ldif) {
    std::string out;
    for (std::size_t at = 0; at < ldif.size();) {
        const std::size_t end = ldif.find('\n', at) + 1;
        if (ldif[at] != '#')
            out += ldif.substr(at, end - at);
        at = end;
    }
    return out;
}

} // namespace

TEST_CASE("changes as LDIF that ldapmodify takes") {
    Change create = a_change(Op::create);
    create.after = {{"keywords", {"k"}}, {"serviceBindingInformation", {"b", "a"}}};
    create.marker_after = "scpd1;i=x";
    Change update = a_change(Op::update);
    update.before = {{"keywords", {"k"}}, {"serviceBindingInformation", {"a", "b"}}};
    update.after = {{"keywords", {"k"}}, {"serviceBindingInformation", {"b", "c"}}};
    update.marker_before = "scpd1;old";
    update.marker_after = "scpd1;new";
    Change rename = a_change(Op::rename);
    rename.new_dn = *Dn::parse("CN=b,CN=scpd,CN=System,DC=corp,DC=test");
    rename.marker_before = "scpd1;old";
    rename.marker_after = "scpd1;new";
    struct Row {
        const char* name;
        Change change;
        const char* expected;
    };
    const Row rows[] = {
        {"create", create,
         "version: 1\n\ndn: CN=a,CN=scpd,CN=System,DC=corp,DC=test\nchangetype: add\n"
         "objectClass: serviceConnectionPoint\ncn: a\nkeywords: k\n"
         "serviceBindingInformation: a\nserviceBindingInformation: b\nmsDS-Settings: scpd1;i=x\n"},
        {"container", a_change(Op::create_container),
         "version: 1\n\ndn: CN=a,CN=scpd,CN=System,DC=corp,DC=test\nchangetype: add\n"
         "objectClass: container\ncn: a\n"},
        {"update", update,
         "version: 1\n\ndn: CN=a,CN=scpd,CN=System,DC=corp,DC=test\nchangetype: modify\n"
         "delete: serviceBindingInformation\nserviceBindingInformation: a\n-\n"
         "add: serviceBindingInformation\nserviceBindingInformation: c\n-\n"
         "delete: msDS-Settings\nmsDS-Settings: scpd1;old\n-\nadd: msDS-Settings\nmsDS-Settings: "
         "scpd1;new\n-\n"},
        {"rename", rename,
         "version: 1\n\ndn: CN=a,CN=scpd,CN=System,DC=corp,DC=test\nchangetype: modrdn\nnewrdn: "
         "CN=b\n"
         "deleteoldrdn: 1\n\ndn: CN=b,CN=scpd,CN=System,DC=corp,DC=test\nchangetype: modify\n"
         "delete: msDS-Settings\nmsDS-Settings: scpd1;old\n-\nadd: msDS-Settings\nmsDS-Settings: "
         "scpd1;new\n-\n"},
        {"delete", a_change(Op::remove),
         "version: 1\n\ndn: CN=a,CN=scpd,CN=System,DC=corp,DC=test\nchangetype: delete\n"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        CHECK(without_comments(changes_ldif({row.change}, {}, "msDS-Settings")) == row.expected);
    }
}

TEST_CASE("a held change is a comment that no value can end") {
    Held held;
    held.reason = Reason::native_differs;
    held.dn = *Dn::parse("CN=a,DC=corp,DC=test");
    held.detail = "x\ndn: CN=evil";
    const std::string ldif = changes_ldif({}, {held}, "msDS-Settings");
    CHECK(ldif.find("\ndn:") == std::string::npos);
    CHECK(without_comments(ldif) == "version: 1\n\n");
}
