#pragma once

#include "base/result.hpp"

#include <compare>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace scp {

/// One attribute type and value of an RDN; the value is unescaped.
struct Ava {
    std::string type;
    std::string value;
};

/// A distinguished name, RFC 4514. Keeps the text as the server wrote it for output; compares by
/// folded types and values, so two spellings of one name are equal. A multi-valued RDN is kept as
/// written. Cheap to copy: a name does not change, and its copies share it.
class Dn {
  public:
    Dn() = default;
    Dn(const Dn&) = default; // and no move: what a name is taken from is still a name
    Dn& operator=(const Dn&) = default;
    ~Dn() = default;
    /// Fails with ErrorKind::usage and the position of the fault. Accepts the empty name (the
    /// RootDSE).
    [[nodiscard]] static Result<Dn> parse(std::string_view text);
    /// "emea.corp.test" → DC=emea,DC=corp,DC=test
    [[nodiscard]] static Dn of_domain(std::string_view dns_name);

    [[nodiscard]] const std::string& text() const { return name_->text; }
    [[nodiscard]] bool empty() const { return name_->rdns.empty(); }
    [[nodiscard]] std::size_t depth() const { return name_->rdns.size(); }
    /// First Ava of the leftmost RDN; both empty for the empty name.
    [[nodiscard]] const std::string& rdn_type() const;
    [[nodiscard]] const std::string& rdn_value() const;
    /// The leftmost RDN as text, escaped.
    [[nodiscard]] std::string rdn() const;
    [[nodiscard]] Dn parent() const;
    /// A child with one escaped RDN: Dn("DC=x").child("CN", "a,b") → CN=a\,b,DC=x
    [[nodiscard]] Dn child(std::string_view type, std::string_view value) const;
    /// `relative` (e.g. CN=scpd,CN=System) prepended to this name.
    [[nodiscard]] Dn descendant(const Dn& relative) const;
    /// This name or below it.
    [[nodiscard]] bool is_within(const Dn& ancestor) const;
    /// The part of this name left of `ancestor`; nullopt where it does not lie within.
    [[nodiscard]] std::optional<Dn> relative_to(const Dn& ancestor) const;
    /// DC=emea,DC=corp,DC=test → "emea.corp.test"; empty where an RDN is not a DC.
    [[nodiscard]] std::string domain_name() const;
    /// Folded form: equal names have equal keys. For maps and comparison, never for a server.
    [[nodiscard]] const std::string& key() const { return name_->key; }

    friend bool operator==(const Dn& a, const Dn& b) { return a.key() == b.key(); }
    friend std::strong_ordering operator<=>(const Dn& a, const Dn& b) {
        return a.key() <=> b.key();
    }

  private:
    struct Rdn {
        explicit Rdn(std::vector<Ava> of);
        std::vector<Ava> avas;
        std::string text, key;
    };
    using Rdns = std::vector<std::shared_ptr<const Rdn>>; ///< leftmost first; names share them
    struct Name {
        Rdns rdns;
        std::string text, key;
    };
    explicit Dn(Rdns rdns, std::string text = {});

    static const std::shared_ptr<const Name>& root();
    std::shared_ptr<const Name> name_ = root();
};

/// RFC 4514 section 2.4: the value as it stands in a DN.
[[nodiscard]] std::string escape_rdn_value(std::string_view value);

} // namespace scp
