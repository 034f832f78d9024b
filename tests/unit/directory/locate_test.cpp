#include "directory/libldap/locate.hpp"

#include <doctest/doctest.h>
#include <fmt/ranges.h>

#include <algorithm>

using namespace scp;

namespace {

std::string bytes_of_hex(std::string_view hex) {
    std::string out;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        out += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
    return out;
}

/// What a child domain's DC answered (Samba 4.17).
const std::string answer_of_child = bytes_of_hex(
    "307802010164730400306f306d04086e65746c6f676f6e3161045f17000000bd110000e2db41ac8e9956408a7f626f"
    "d921fc3b04636f727004746573740004656d6561c01803656d31c02304454d45410003454d3100001744656661756c"
    "742d46697273742d536974652d4e616d6500c03c05000000ffffffff300c02010165070a010004000400");
/// Of one that was asked for a domain that it does not serve.
const std::string answer_of_another = bytes_of_hex("300c02010165070a010004000400");

std::string with(std::string bytes, std::size_t at, char value) {
    bytes[at] = value;
    return bytes;
}

std::string told(const std::optional<NetlogonAnswer>& answer) {
    return answer ? fmt::format("{} {} {} {} {}", answer->dns_domain, answer->dns_host,
                                answer->dc_site, answer->client_site,
                                answer->writable ? "writable" : "read-only")
                  : "nothing";
}

} // namespace

TEST_CASE("netlogon: what a DC answers to a ping") {
    const auto opcode = answer_of_child.find(std::string("\x17\0\0\0", 4));
    const auto pointer = answer_of_child.find("\xc0\x18");
    REQUIRE(opcode != std::string::npos);
    REQUIRE(pointer != std::string::npos);
    const std::string child = "emea.corp.test em1.emea.corp.test Default-First-Site-Name "
                              "Default-First-Site-Name ";
    struct Row {
        std::string name, datagram, told;
    };
    const std::vector<Row> rows{
        {"a DC of the domain", answer_of_child, child + "writable"},
        {"a read-only DC", with(answer_of_child, opcode + 5, 0x10), child + "read-only"},
        {"it does not know the user that nobody asked for", with(answer_of_child, opcode, 25),
         child + "writable"},
        {"another opcode", with(answer_of_child, opcode, 19), "nothing"},
        {"a DC of another domain", answer_of_another, "nothing"},
        {"a name that points at itself",
         with(answer_of_child, pointer + 1, static_cast<char>(pointer - opcode)), "nothing"},
        {"a name that points behind the end", with(answer_of_child, pointer + 1, '\x7f'),
         "nothing"},
        {"another attribute", with(answer_of_child, answer_of_child.find("netlogon"), 'N'),
         child + "writable"},
        {"an attribute that nobody asked for",
         with(answer_of_child, answer_of_child.find("netlogon"), 'x'), "nothing"},
        {"the answer to another message", with(answer_of_child, 4, 2), "nothing"},
        {"no bytes", "", "nothing"},
        {"no LDAP", "HTTP/1.1 400 Bad Request", "nothing"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        CHECK(told(read_netlogon_answer(row.datagram)) == row.told);
    }
}

TEST_CASE("netlogon: no cut or bent answer does harm") {
    for (std::size_t length = 0; length < answer_of_child.size(); ++length)
        (void)read_netlogon_answer(std::string_view(answer_of_child).substr(0, length));
    for (std::size_t at = 0; at < answer_of_child.size(); ++at)
        for (const int value : {0x00, 0x01, 0x3f, 0x7f, 0x80, 0x84, 0xc0, 0xff})
            (void)read_netlogon_answer(with(answer_of_child, at, static_cast<char>(value)));
}

TEST_CASE("netlogon: the request is the search of [MS-ADTS] 6.3.3.2") {
    CHECK(netlogon_request("a.test") == bytes_of_hex("3048"   // LDAPMessage
                                                     "020101" // ID
                                                     "6343"   // SearchRequest
                                                     "0400"
                                                     "0a0100"
                                                     "0a0100" // the RootDSE, base, never
                                                     "020100"
                                                     "020100"
                                                     "010100" // no limits, values too
                                                     "a024"   // &
                                                     "a3130409446e73446f6d61696e"  // DnsDomain
                                                     "0406612e74657374"            // = a.test
                                                     "a30d04054e74566572"          // NtVer
                                                     "040406000000"                // = 5 and 5EX
                                                     "300a04084e65746c6f676f6e")); // Netlogon
}

TEST_CASE("located servers: the nearest that answers and can be written to comes first") {
    struct Row {
        std::string name;
        std::vector<PingedServer> pinged;
        std::string order; ///< host/tier, ! silent, - read-only
    };
    const auto server = [](const std::string& host, bool in_site, std::optional<bool> writable,
                           std::uint16_t priority = 0, std::uint16_t weight = 100) {
        PingedServer one{{priority, weight, 389, host}, in_site, std::nullopt};
        if (writable)
            one.answer = NetlogonAnswer{*writable, "corp.test", host, "hq", "hq"};
        return one;
    };
    const auto none = std::nullopt;
    const std::vector<Row> rows{
        {"DNS alone: priority, then weight, then name",
         {server("d", false, none, 1), server("c", false, none), server("b", false, none),
          server("a", false, none, 0, 50)},
         "b/0 c/0 a/0 d/1"},
        {"our site before priority",
         {server("far", false, true, 0), server("near", true, true, 5)},
         "near/0 far/1"},
        {"a read-only DC of our site after a writable one elsewhere",
         {server("branch", true, false), server("hq", false, true)},
         "hq/0 branch/1-"},
        {"who does not answer while others do comes last, and keeps its tier",
         {server("near", true, none), server("far", false, true)},
         "far/1 near/0!"},
        {"nobody answers: UDP may be filtered",
         {server("far", false, none), server("near", true, none)},
         "near/0 far/1"},
        {"a name that is none is left out",
         {server("a b", false, none), server("c", false, none)},
         "c/0"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        std::vector<std::string> order;
        for (const auto& one :
             rank_servers(row.pinged, {.domain = "corp.test", .scheme = ServerUri::Scheme::ldap}))
            order.push_back(fmt::format("{}/{}{}{}", one.uri.host, one.tier, one.silent ? "!" : "",
                                        one.writable ? "" : "-"));
        CHECK(fmt::format("{}", fmt::join(order, " ")) == row.order);
    }
}
