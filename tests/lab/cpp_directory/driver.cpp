// One session of the libldap directory, told by a JSON document on stdin, with what came back as
// JSON on stdout: so that pytest, which owns the lab and its faults, can look at every operation.
// See tests/lab/test_directory*.py.

#include "base/text.hpp"
#include "directory/libldap/connector.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <iostream>
#include <iterator>
#include <thread>

using namespace scp;
using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;

namespace {

class Stopwatch {
  public:
    [[nodiscard]] long long ms() const {
        return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin_).count();
    }

  private:
    Clock::time_point begin_ = Clock::now();
};

/// Values come and go as base64 where they are not UTF-8.
Json to_json(const Values& values) {
    Json list = Json::array();
    for (const std::string& value : values) {
        list.push_back(is_utf8(value) ? Json(value) : Json{{"base64", to_base64(value)}});
    }
    return list;
}

Json to_json(const Error& error) {
    return {{"kind", to_string(error.kind)},
            {"message", error.message},
            {"hint", error.hint},
            {"code", error.ldap_code}};
}

Json references_of(const Found& found) {
    Json uris = Json::array();
    for (const Reference& reference : found.references) {
        uris.push_back(reference.uri);
    }
    return uris;
}

Json to_json(const Found& found) {
    Json entries = Json::array();
    for (const Entry& entry : found.entries) {
        Json attributes = Json::object();
        for (const auto& [name, values] : entry.attributes) {
            attributes[name] = to_json(values);
        }
        entries.push_back({{"dn", entry.dn.text()}, {"attributes", std::move(attributes)}});
    }
    return {{"entries", std::move(entries)},
            {"references", references_of(found)},
            {"incomplete", found.incomplete ? to_json(*found.incomplete) : Json()}};
}

Dn a_dn(const Json& json, const char* key) {
    return Dn::parse(json.value(key, "")).value();
}

ObjectRef an_object(const Json& json) {
    ObjectRef object{a_dn(json, "dn"), {}};
    if (json.contains("guid")) {
        object.guid = Guid::parse(json["guid"].get<std::string>());
    }
    return object;
}

Search a_search(const Json& json) {
    Search search;
    search.base = an_object(json);
    const std::string scope = json.value("scope", "subtree");
    search.scope = scope == "base" ? Scope::base : scope == "one" ? Scope::one : Scope::subtree;
    search.filter = parse_filter(json.value("filter", "(objectClass=*)")).value();
    search.attributes = json.value("attributes", std::vector<std::string>{});
    search.deleted = json.value("deleted", false);
    search.security = json.value("security", false);
    return search;
}

Attributes some_attributes(const Json& json) {
    Attributes attributes;
    for (const auto& [name, values] : json.items()) {
        attributes[name] = values.get<Values>();
    }
    return attributes;
}

Write a_write(const Json& json) {
    const std::string kind = json.at("write");
    if (kind == "add") {
        return AddEntry{a_dn(json, "dn"), some_attributes(json.at("attributes"))};
    }
    if (kind == "rename") {
        return RenameEntry{an_object(json), json.at("new_rdn")};
    }
    if (kind == "delete") {
        return DeleteEntry{an_object(json)};
    }
    ModifyEntry modify{an_object(json), {}};
    for (const Json& one : json.at("modifications")) {
        const std::string op = one.at("op");
        modify.modifications.push_back({op == "add"      ? Modification::Op::add
                                        : op == "remove" ? Modification::Op::remove
                                                         : Modification::Op::replace,
                                        one.at("attribute"), one.value("values", Values{})});
    }
    return modify;
}

Endpoint an_endpoint(const Json& json) {
    Endpoint endpoint;
    endpoint.uri = ServerUri::parse(json.at("uri").get<std::string>()).value();
    const std::string mode = json.value("tls", "ldaps");
    endpoint.tls.mode = mode == "none"       ? TlsSettings::Mode::none
                        : mode == "starttls" ? TlsSettings::Mode::starttls
                                             : TlsSettings::Mode::ldaps;
    endpoint.tls.ca_file = json.value("ca_file", "");
    endpoint.tls.cert_file = json.value("cert_file", "");
    endpoint.tls.key_file = json.value("key_file", "");
    endpoint.tls.min_version = json.value("min_version", "1.2");
    const std::string mechanism = json.value("mechanism", "simple");
    using Mechanism = AuthSettings::Mechanism;
    endpoint.auth.mechanism = mechanism == "gssapi"       ? Mechanism::gssapi
                              : mechanism == "gss-spnego" ? Mechanism::gss_spnego
                              : mechanism == "external"   ? Mechanism::external
                              : mechanism == "anonymous"  ? Mechanism::anonymous
                                                          : Mechanism::simple;
    endpoint.auth.principal = json.value("principal", "");
    endpoint.auth.keytab = json.value("keytab", "");
    endpoint.auth.bind_dn = json.value("bind_dn", "");
    endpoint.auth.password_file = json.value("password_file", "");
    endpoint.timeouts.connect = std::chrono::milliseconds(json.value("connect_ms", 5000));
    endpoint.timeouts.operation = std::chrono::milliseconds(json.value("operation_ms", 5000));
    return endpoint;
}

Json persist(Directory& session, const Json& json) {
    std::stop_source stop;
    const int wanted = json.value("changes", 1);
    int told = 0;
    auto ended = session.persist(
        a_dn(json, "dn"), parse_filter(json.value("filter", "(objectClass=*)")).value(),
        std::chrono::milliseconds(json.value("heartbeat_ms", 60000)), stop.get_token(), [&] {
            std::cerr << "change " << ++told << std::endl; // the test waits for these lines
            if (told == wanted) {
                stop.request_stop();
            }
        });
    return {{"told", told}, {"error", ended ? Json() : to_json(ended.error())}};
}

Json perform(Directory& session, const Json& json) {
    const std::string op = json.at("op");
    const Stopwatch watch;
    Json result;
    if (op == "search") {
        result = to_json(session.search(a_search(json)));
    } else if (op == "search_all") {
        std::vector<Search> searches;
        for (const Json& one : json.at("searches")) {
            searches.push_back(a_search(one));
        }
        result["found"] = Json::array();
        for (const Found& found : session.search_all(searches)) {
            result["found"].push_back(to_json(found));
        }
    } else if (op == "write") {
        std::vector<Write> writes;
        for (const Json& one : json.at("writes")) {
            writes.push_back(a_write(one));
        }
        result["results"] = Json::array();
        for (const auto& one : session.write(writes)) {
            result["results"].push_back(one ? Json() : to_json(one.error()));
        }
    } else if (op == "persist") {
        result = persist(session, json);
    } else {
        throw std::runtime_error("no such op: " + op);
    }
    result["ms"] = watch.ms();
    return result;
}

Json run(const Json& json) {
    auto connector = make_ldap_connector();
    Json out;
    if (json.contains("locate")) {
        auto servers = connector->locate(
            {.domain = json["locate"],
             .scheme = ServerUri::Scheme::ldap,
             .timeout = std::chrono::milliseconds(json.value("connect_ms", 5000))});
        out["error"] = servers ? Json() : to_json(servers.error());
        for (const LocatedServer& one : servers.value_or(std::vector<LocatedServer>{})) {
            out["servers"].push_back(one.uri.to_string());
        }
        return out;
    }
    std::stop_source stop;
    std::jthread stopper;
    if (const int after = json.value("stop_after_ms", 0); after > 0) {
        stopper = std::jthread([after, stop](const std::stop_token& unused) mutable {
            const auto until = Clock::now() + std::chrono::milliseconds(after);
            while (Clock::now() < until && !unused.stop_requested()) {
                std::this_thread::sleep_for(std::chrono::milliseconds(5));
            }
            stop.request_stop();
        });
    }
    const Stopwatch watch;
    auto session = connector->connect(an_endpoint(json), stop.get_token());
    out["connect_ms"] = watch.ms();
    out["error"] = session ? Json() : to_json(session.error());
    if (session) {
        const RootDse& dse = (*session)->root_dse();
        out["server"] = (*session)->server();
        out["takes_guid_names"] = (*session)->takes_guid_names();
        out["root_dse"] = {
            {"default", dse.default_naming_context.text()},
            {"configuration", dse.configuration_naming_context.text()},
            {"naming_contexts", dse.naming_contexts.size()},
            {"token_groups", dse.token_groups.size()},
            {"usn", dse.highest_committed_usn ? Json(*dse.highest_committed_usn) : Json()}};
        out["done"] = Json::array();
        for (const Json& one : json.value("do", Json::array())) {
            out["done"].push_back(perform(**session, one));
        }
    }
    return out;
}

} // namespace

int main() {
    try {
        const std::string text{std::istreambuf_iterator<char>(std::cin), {}};
        std::cout << run(Json::parse(text)).dump(-1, ' ', false, Json::error_handler_t::replace)
                  << '\n';
    } catch (const std::exception& error) {
        std::cerr << "directory_driver: " << error.what() << '\n';
        return 2;
    }
}
