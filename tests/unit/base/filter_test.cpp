#include "base/filter.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>

namespace scp {

namespace {

using namespace std::literals;

struct TextRow {
    std::string name;
    std::string value;
    const char* text; ///< of (cn=value)
};

const TextRow text_rows[] = {
    {"plain", "svc-mage", "(cn=svc-mage)"},
    {"empty", "", "(cn=)"},
    {"spaces stay, also at the ends", " a b ", "(cn= a b )"},
    {"asterisk", "*", "(cn=\\2a)"},
    {"parentheses", "a(b)c", "(cn=a\\28b\\29c)"},
    {"backslash", "a\\b", "(cn=a\\5cb)"},
    {"NUL", "a\0b"s, "(cn=a\\00b)"},
    {"CR and LF", "a\r\nb", "(cn=a\\0d\\0ab)"},
    {"escape sequence of a terminal", "\x1b[31m", "(cn=\\1b[31m)"},
    {"DEL", "\x7f", "(cn=\\7f)"},
    {"tab", "\t", "(cn=\\09)"},
    {"right-to-left override", "\u202e", "(cn=\\e2\\80\\ae)"},
    {"two bytes of UTF-8", "\u00e9", "(cn=\\c3\\a9)"},
    {"not UTF-8", "\xff\xfe\x80", "(cn=\\ff\\fe\\80)"},
    {"other operators are ordinary in a value", "&|!=<>~:;,", "(cn=&|!=<>~:;,)"},
    {"an injected filter", "x)(objectClass=*", "(cn=x\\29\\28objectClass=\\2a)"},
};

struct BadRow {
    std::string name;
    std::string text;
    const char* message; ///< a part of it
};

const BadRow bad_rows[] = {
    {"empty", "", "byte 1 (its end): '(' is missing"},
    {"no parentheses", "cn=x", "byte 1 (at \"cn=x\"): '(' is missing"},
    {"not closed", "(cn=x", "byte 6 (its end): ')' is missing"},
    {"list not closed", "(&(cn=x)", "')' is missing"},
    {"text after it", "(cn=x))", "byte 7"},
    {"two filters", "(cn=x)(cn=y)", "nothing more may follow"},
    {"no attribute", "(=x)", "an attribute's name is missing"},
    {"no operator", "(cn)", "one of = >= <= := is missing"},
    {"half an operator", "(cn>5)", "one of = >= <= := is missing"},
    {"approximate", "(cn~=x)", "write ="},
    {"blank in the name", "(c n=x)", "is missing"},
    {"raw parenthesis in a value", "(cn=a(b)", "must be escaped"},
    {"raw NUL in a value", "(cn=a\0b)"s, "must be escaped"},
    {"escape cut off", "(cn=a\\)", "two hexadecimal digits"},
    {"escape of one digit", "(cn=a\\2)", "two hexadecimal digits"},
    {"escape that is not hex", "(cn=a\\zz)", "two hexadecimal digits"},
    {"LDAPv2 escape", "(cn=a\\*)", "two hexadecimal digits"},
    {"escape at the end of the text", "(cn=a\\2", "two hexadecimal digits"},
    {"two asterisks", "(cn=a**b)", "two asterisks"},
    {"asterisk with >=", "(cn>=a*)", "')' is missing"},
    {"negation of nothing", "(!)", "'(' is missing"},
    {"negation of two", "(!(a=b)(c=d))", "')' is missing"},
    {"extensible without a rule or a name", "(:=x)", "extensible"},
    {"extensible without :=", "(cn:caseExactMatch=x)", "extensible"},
    {"extensible with an empty part", "(cn::=x)", "extensible"},
    {"ESC in a message is escaped", "\x1b[2J(cn=x)", "\\x1b[2J"},
};

struct RoundRow {
    std::string name;
    const char* text;
    const char* again; ///< nullptr: the same
};

const RoundRow round_rows[] = {
    {"the real agent's",
     "(&(objectClass=serviceConnectionPoint)(keywords=77F6F69F-AD86-437c-B47E-9A2F161E7E61)"
     "(keywords=QmmEx)(keywords=90e49231-3838-4e5e-b2e4-8813fbf59a11)"
     "(CN=90e49231-3838-4e5e-b2e4-8813fbf59a11))",
     nullptr},
    {"or, not, presence", "(|(cn=*)(!(keywords=a)))", nullptr},
    {"absolute true and false, RFC 4526", "(|(&)(|))", nullptr},
    {"substrings", "(|(cn=a*)(cn=*a)(cn=*a*)(cn=a*b*c*d))", nullptr},
    {"escaped asterisk in a substring", "(cn=a\\2a*)", nullptr},
    {"order", "(&(uSNChanged>=17)(cn<=z))", nullptr},
    {"bits", "(userAccountControl:1.2.840.113556.1.4.803:=2)", nullptr},
    {"extensible without a name", "(:dn:2.5.13.5:=x)", nullptr},
    {"attribute option and OID", "(|(cn;lang-de=x)(2.5.4.3=x))", nullptr},
    {"white space between components", " (& (a=b)\r\n\t(c=d) ) ", "(&(a=b)(c=d))"},
    {"white space in a value stays", "(a= b )", nullptr},
    {"upper-case hex and raw UTF-8", "(cn=\\2A\u00e9)", "(cn=\\2a\\c3\\a9)"},
    {"raw bytes that are not UTF-8", "(cn=\xff)", "(cn=\\ff)"},
};

const Attributes& an_entry() {
    static const Attributes entry = {
        {"objectClass", {"top", "leaf", "connectionPoint", "serviceConnectionPoint"}},
        {"cn", {"Caf\u00c9 (1)*"}},
        {"keywords", {"QmmEx", "77F6F69F-AD86-437c-B47E-9A2F161E7E61", "Site=EMEA"}},
        {"userAccountControl", {"514"}},
        {"uSNChanged", {"900"}},
        {"objectGUID", {"AbCdEfGhIjKlMnOp"}},
        {"bytes", {"\xff\x00q"s}},
    };
    return entry;
}

struct MatchRow {
    std::string name;
    std::string filter;
    bool matches;
};

const MatchRow match_rows[] = {
    {"class without case", "(OBJECTCLASS=ServiceConnectionPoint)", true},
    {"a superclass", "(objectClass=connectionPoint)", true},
    {"a class it has not", "(objectClass=computer)", false},
    {"value without case", "(keywords=qmmex)", true},
    {"beyond ASCII too", "(cn=caf\u00e9 \\281\\29\\2a)", true},
    {"a part is not the whole", "(keywords=Qmm)", false},
    {"absent attribute", "(serviceClassName=x)", false},
    {"present", "(keywords=*)", true},
    {"not present", "(serviceClassName=*)", false},
    {"not of absent", "(!(serviceClassName=x))", true},
    {"all", "(&(keywords=qmmex)(keywords=site=emea))", true},
    {"all but one", "(&(keywords=qmmex)(keywords=other))", false},
    {"any", "(|(keywords=other)(keywords=qmmex))", true},
    {"true and false", "(&(&)(!(|)))", true},
    {"initial", "(keywords=site*)", true},
    {"final", "(keywords=*emea)", true},
    {"any part", "(keywords=*-ad86-*)", true},
    {"parts in order", "(keywords=77f6*437c*7e61)", true},
    {"parts out of order", "(keywords=77f6*9a2f*437c*7e61)", false},
    {"initial and final may not overlap", "(keywords=qmm*mex)", false},
    {"an escaped asterisk is no wildcard", "(cn=c\\2a)", false},
    {"numbers as numbers", "(uSNChanged>=1000)", false},
    {"numbers, less", "(uSNChanged<=1000)", true},
    {"text order", "(keywords>=z)", false},
    {"bits set", "(userAccountControl:1.2.840.113556.1.4.803:=2)", true},
    {"bits not all set", "(userAccountControl:1.2.840.113556.1.4.803:=3)", false},
    {"a rule that is not known is not true", "(cn:2.5.13.5:=x)", false},
    {"nor is its negation", "(!(cn:2.5.13.5:=x))", false},
    {"undefined or true", "(|(cn:2.5.13.5:=x)(cn=*))", true},
    {"undefined and false, negated", "(!(&(cn:2.5.13.5:=x)(cn=no)))", true},
    {"octets with case", "(objectGUID=AbCdEfGhIjKlMnOp)", true},
    {"octets in another case", "(objectGUID=abcdefghijklmnop)", false},
    {"bytes that are not UTF-8, and NUL", "(bytes=\\ff\\00Q)", true},
    {"a NUL ends nothing", "(bytes=\\ff)", false},
};

std::string nested(std::size_t depth, const std::string& op) {
    std::string text;
    for (std::size_t i = 1; i < depth; ++i) {
        text += "(" + op;
    }
    text += "(cn=x)";
    return text + std::string(depth - 1, ')');
}

/// A random filter of any shape; values of all bytes.
class Generator {
  public:
    explicit Generator(unsigned seed) : random_(seed) {}

    Filter filter(int depth) {
        const char* const names[] = {"cn", "keywords", "serviceBindingInformation", "2.5.4.3",
                                     "x;y-z"};
        const std::string name = names[below(5)];
        switch (below(depth > 0 ? 8 : 5)) {
        case 0:
            return equals(name, value());
        case 1:
            return present(name);
        case 2: {
            Filter f = starts_with(name, value() + "i");
            for (auto n = below(3); n > 0; --n) {
                f.parts.insert(f.parts.begin() + 1, value() + "a");
            }
            f.parts.back() = value();
            return f;
        }
        case 3: {
            Filter f = equals(name, value());
            f.kind = below(2) == 0 ? Filter::Kind::less_or_equal : Filter::Kind::greater_or_equal;
            return f;
        }
        case 4:
            return has_bits(name, below(1U << 31U));
        case 5:
            return all_of(children(depth));
        case 6:
            return any_of(children(depth));
        default:
            return negation(filter(depth - 1));
        }
    }

    unsigned below(unsigned n) { return static_cast<unsigned>(random_() % n); }

  private:
    std::string value() {
        std::string out;
        for (auto n = below(12); n > 0; --n) {
            out += static_cast<char>(below(256));
        }
        return out;
    }
    std::vector<Filter> children(int depth) {
        std::vector<Filter> out;
        for (auto n = below(4); n > 0; --n) {
            out.push_back(filter(depth - 1));
        }
        return out;
    }
    std::mt19937 random_;
};

} // namespace

TEST_CASE("filter: every special character of a value is escaped, and read back") {
    for (const auto& row : text_rows) {
        CAPTURE(row.name);
        CHECK(to_string(equals("cn", row.value)) == row.text);
        const auto back = parse_filter(row.text);
        REQUIRE(back);
        CHECK(*back == equals("cn", row.value));
    }
}

TEST_CASE("filter: text is read and written again") {
    for (const auto& row : round_rows) {
        CAPTURE(row.name);
        const auto filter = parse_filter(row.text);
        REQUIRE_MESSAGE(filter, filter.error().message);
        CHECK(to_string(*filter) == (row.again != nullptr ? row.again : row.text));
    }
}

TEST_CASE("filter: what is wrong is refused with its place") {
    for (const auto& row : bad_rows) {
        CAPTURE(row.name);
        const auto filter = parse_filter(row.text);
        REQUIRE(!filter);
        CHECK(filter.error().kind == ErrorKind::usage);
        CHECK_MESSAGE(filter.error().message.find(row.message) != std::string::npos,
                      filter.error().message);
        CHECK(filter.error().message.find('\x1b') == std::string::npos);
    }
}

TEST_CASE("filter: depth and length have limits") {
    for (const std::string op : {"&", "|", "!"}) {
        CAPTURE(op);
        CHECK(parse_filter(nested(64, op)));
        const auto deeper = parse_filter(nested(65, op));
        REQUIRE(!deeper);
        CHECK(deeper.error().message.find("nested deeper than 64") != std::string::npos);
        CHECK(!parse_filter(nested(1000, op)));
        CHECK(!parse_filter(nested(100'000, op), {.max_depth = 64, .max_length = 1U << 30U}));
    }
    CHECK(parse_filter(nested(8, "&"), {.max_depth = 8}));
    CHECK(!parse_filter(nested(9, "&"), {.max_depth = 8}));
    CHECK(parse_filter("(cn=" + std::string(65531, 'x') + ")"));
    const auto longer = parse_filter("(cn=" + std::string(65532, 'x') + ")");
    REQUIRE(!longer);
    CHECK(longer.error().message.find("65537 bytes") != std::string::npos);
}

TEST_CASE("filter: the builders' substrings stay in the grammar") {
    CHECK(to_string(starts_with("cn", "")) == "(cn=*)");
    CHECK(to_string(starts_with("cn", "a*")) == "(cn=a\\2a*)");
    Filter gaps = starts_with("cn", "a");
    gaps.parts = {"a", "", "b"};
    CHECK(to_string(gaps) == "(cn=a*b)");
}

TEST_CASE("filter: evaluation") {
    for (const auto& row : match_rows) {
        CAPTURE(row.name);
        const auto filter = parse_filter(row.filter);
        REQUIRE_MESSAGE(filter, filter.error().message);
        CHECK(matches(*filter, an_entry()) == row.matches);
    }
}

TEST_CASE("filter: any tree survives being written and read") {
    const unsigned seed = std::random_device{}();
    CAPTURE(seed);
    Generator generator(seed);
    for (int i = 0; i < 2000; ++i) {
        const Filter filter = generator.filter(5);
        const std::string text = to_string(filter);
        CAPTURE(text);
        const auto back = parse_filter(text);
        REQUIRE_MESSAGE(back, back.error().message);
        REQUIRE(*back == filter);
    }
}

TEST_CASE("filter: random text is read or refused, and what is read can be written") {
    const unsigned seed = std::random_device{}();
    CAPTURE(seed);
    Generator generator(seed);
    constexpr std::string_view alphabet = "(()))&|!*=\\:<>~a2 \r\x1b\xff\0"sv;
    for (int i = 0; i < 20000; ++i) {
        std::string text = "(";
        for (auto n = generator.below(14); n > 0; --n) {
            text += alphabet[generator.below(static_cast<unsigned>(alphabet.size()))];
        }
        text += ")";
        CAPTURE(text);
        const auto filter = parse_filter(text);
        if (filter) {
            const auto again = parse_filter(to_string(*filter));
            REQUIRE(again);
            REQUIRE(*again == *filter);
        }
    }
}

} // namespace scp
