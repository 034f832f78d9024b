#include "directory/libldap/dial.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>

#include <algorithm>
#include <array>
#include <tuple>

namespace scp {
namespace {

struct SrvAnswer {
    int h_error = 0; ///< 0, or netdb.h's HOST_NOT_FOUND, NO_DATA, TRY_AGAIN, NO_RECOVERY
    std::vector<SrvRecord> records;
};

void read_answer(const unsigned char* packet, int length, std::vector<SrvRecord>& records) {
    ns_msg message;
    if (ns_initparse(packet, length, &message) != 0) {
        return;
    }
    for (int i = 0; i < ns_msg_count(message, ns_s_an); ++i) {
        ns_rr record;
        if (ns_parserr(&message, ns_s_an, i, &record) != 0 || ns_rr_type(record) != ns_t_srv ||
            ns_rr_rdlen(record) < 7) {
            continue;
        }
        const unsigned char* data = ns_rr_rdata(record);
        std::array<char, NS_MAXDNAME> target{};
        if (dn_expand(packet, packet + length, data + 6, target.data(), target.size()) < 0) {
            continue;
        }
        SrvRecord srv;
        srv.priority = static_cast<std::uint16_t>(ns_get16(data));
        srv.weight = static_cast<std::uint16_t>(ns_get16(data + 2));
        srv.port = static_cast<std::uint16_t>(ns_get16(data + 4));
        srv.target = target.data();
        if (srv.target.empty() || srv.target == "." || srv.port == 0) {
            continue; // RFC 2782: "." says that the service is decidedly not there
        }
        records.push_back(std::move(srv));
    }
}

SrvAnswer ask(const std::string& name) {
    SrvAnswer answer;
    struct __res_state state {};
    if (res_ninit(&state) != 0) {
        answer.h_error = NO_RECOVERY;
        return answer;
    }
    std::vector<unsigned char> packet(65536);
    const int length = res_nquery(&state, name.c_str(), ns_c_in, ns_t_srv, packet.data(),
                                  static_cast<int>(packet.size()));
    if (length < 0) {
        answer.h_error = state.res_h_errno;
    } else {
        read_answer(packet.data(), std::min(length, static_cast<int>(packet.size())),
                    answer.records);
    }
    res_nclose(&state);
    return answer;
}

} // namespace

bool comes_first(const SrvRecord& a, const SrvRecord& b) {
    return std::tuple(a.priority, -int{a.weight}, lower_ascii(a.target), a.port) <
           std::tuple(b.priority, -int{b.weight}, lower_ascii(b.target), b.port);
}

Result<std::vector<SrvRecord>> srv_lookup(const std::string& name, Deadline deadline,
                                          const std::stop_token& stop) {
    auto answer = run_abandonable([name] { return ask(name); }, deadline, stop);
    if (!answer) {
        if (stop.stop_requested()) {
            return fail(ErrorKind::interrupted, "looking for servers was interrupted");
        }
        return fail(ErrorKind::unreachable,
                    fmt::format("DNS did not answer in time for SRV {}", printable(name)),
                    "Check /etc/resolv.conf and the DNS servers.");
    }
    if (answer->h_error == TRY_AGAIN || answer->h_error == NO_RECOVERY) {
        return fail(ErrorKind::unreachable,
                    fmt::format("DNS: SRV {}: {}", printable(name), ::hstrerror(answer->h_error)),
                    "Check /etc/resolv.conf and the DNS servers.");
    }
    std::ranges::sort(answer->records, comes_first);
    return std::move(answer->records);
}

} // namespace scp
