#pragma once

#include "base/hash.hpp"
#include "observe/observation.hpp"
#include "plan/roles.hpp"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>

namespace scp::test {

/// Guid number n: 00000000-0000-0000-0000-00000000000n, so that tests and golden files can name
/// objects by number.
inline Guid guid_number(unsigned long long n) {
    return *Guid::parse(fmt::format("00000000-0000-0000-0000-{:012x}", n));
}

inline Sid sid_number(unsigned n) {
    return *Sid::parse(fmt::format("S-1-5-21-1-2-3-{}", n));
}

inline const std::string corp_configuration =
    "configuration:corp.test"; ///< the root being corp.test

/// Of a domain, or a Configuration NC, by its name.
inline Dn nc_of(const std::string& name) {
    const DomainName domain(name);
    const Dn root = Dn::of_domain(domain.dns().text());
    return domain.is_configuration() ? root.child("CN", "Configuration") : root;
}

/// an_scp().in("emea.corp.test").with_keyword("x"): a source below CN=Product,CN=System of that
/// domain (CN=Product,CN=Services of a Configuration NC), unless said otherwise. The order of calls
/// does not matter, but for copy_of, which takes over what is set on it so far.
class ScpBuilder {
  public:
    ScpBuilder& in(const std::string& domain, const std::string& forest = "corp") {
        scp_.domain = DomainName(domain);
        scp_.forest = forest;
        scp_.nc = nc_of(domain);
        return *this;
    }
    /// Container, relative to the domain.
    ScpBuilder& below(const std::string& container) {
        container_ = *Dn::parse(container);
        return *this;
    }
    ScpBuilder& named(const std::string& name) {
        scp_.name = name;
        return *this;
    }
    ScpBuilder& number(unsigned long long n) {
        scp_.guid = guid_number(n);
        return *this;
    }
    ScpBuilder& with_keyword(const std::string& value) { return with("keywords", value); }
    ScpBuilder& with_binding(const std::string& value) {
        return with("serviceBindingInformation", value);
    }
    ScpBuilder& with(const std::string& attribute, const std::string& value) {
        scp_.attributes[attribute].push_back(value);
        return *this;
    }
    ScpBuilder& without(const std::string& attribute) {
        scp_.attributes.erase(attribute);
        return *this;
    }
    ScpBuilder& version(const std::string& time) {
        scp_.version = {SourceVersion::Kind::originating, time};
        return *this;
    }
    ScpBuilder& owned_by(unsigned n) {
        scp_.owner = sid_number(n);
        return *this;
    }
    /// A replication conflict object, as AD names it.
    ScpBuilder& conflict() {
        scp_.conflict = true;
        return *this;
    }
    /// Any value as a marker, well formed or not.
    ScpBuilder& marked(const std::string& value) {
        scp_.marked = true;
        scp_.marker_value = value;
        scp_.marker = parse_marker(value);
        scp_.attributes["msDS-Settings"] = {value};
        return *this;
    }
    ScpBuilder& marked(const Marker& marker) { return marked(to_string(marker)); }
    /// A faithful copy: content, name and marker as scpd would have written them.
    ScpBuilder& copy_of(const Scp& source, const Rule& rule, const std::string& instance = "prod") {
        scp_.name = source.name;
        for (auto& [name, values] : copied_content(source, rule))
            scp_.attributes[name] = values;
        Marker marker;
        marker.instance = instance;
        marker.rule = rule.name;
        marker.source = source.guid;
        marker.origin = source.domain;
        marker.sel = selector_hash(rule);
        marker.attrs = attributes_hash(rule);
        marker.hash = content_hash(copied_content(scp_, rule));
        marker.version = source.version;
        container_ = rule.container.relative;
        return marked(marker);
    }

    [[nodiscard]] Scp build() const {
        Scp scp = scp_;
        if (scp.conflict)
            scp.name += "\nCNF:" + scp.guid.to_string();
        const Dn product = *Dn::parse(scp.domain.is_configuration() ? "CN=Product,CN=Services"
                                                                    : "CN=Product,CN=System");
        scp.dn = scp.nc.descendant(container_.value_or(product)).child("CN", scp.name);
        scp.attributes["cn"] = {scp.name};
        scp.attributes["objectClass"] = {"top", "leaf", "connectionPoint",
                                         "serviceConnectionPoint"};
        return scp;
    }
    operator Scp() const { return build(); } // NOLINT: a builder stands for what it builds

  private:
    Scp scp_;
    std::optional<Dn> container_;
};

inline ScpBuilder an_scp() {
    return ScpBuilder().named("svc").number(1).in("emea.corp.test").version("2026-01-01T00:00:00Z");
}

/// Rule "mage": keyword mage, anything below CN=System but CN=Policies, copies to
/// CN=scpd,CN=System.
inline Rule a_rule(const std::string& name = "mage") {
    Rule rule;
    rule.name = name;
    rule.keywords = {"mage"};
    rule.trust_containers = {*Dn::parse("CN=System")};
    rule.trust_exclude = {*Dn::parse("CN=Policies,CN=System")};
    rule.container.relative = *Dn::parse("CN=scpd,CN=System");
    rule.attributes = {"serviceBindingInformation", "serviceClassName", "description"};
    return rule;
}

} // namespace scp::test
