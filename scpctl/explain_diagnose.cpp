#include "scpctl/explain.hpp"

#include "base/text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

namespace scp {

namespace {

constexpr std::size_t most_commands = 10;

std::string shown(const Dn& dn) {
    return printable(dn.text(), 400);
}
std::string shown(const DomainName& domain) {
    return domain_in_words(domain);
}

const Values& bindings_of(const SeenScp& scp) {
    return values_of(scp.attributes, "serviceBindingInformation");
}

/// The account as a sentence names it: CORP\svc-mage and CN=svc-mage,… are "svc-mage".
std::string account_name(const ExplainQuestion& question) {
    const std::string& text = question.account;
    if (const auto backslash = text.find('\\');
        backslash != std::string::npos && text.find('=') == std::string::npos) {
        return printable(text.substr(backslash + 1), 64);
    }
    if (text.find('@') != std::string::npos && text.find('=') == std::string::npos) {
        return printable(text, 128);
    }
    return question.location ? printable(question.location->dn.rdn_value(), 64)
                             : printable(text, 128);
}

std::string agent(const ExplainQuestion& question) {
    return question.account.empty() ? "an agent's account"
                                    : "the agent's account " + account_name(question);
}

std::string domains_of(const std::vector<SeenScp>& scps) {
    std::set<std::string> names;
    for (const SeenScp& scp : scps) {
        names.insert(shown(scp.domain));
    }
    return fmt::format("{}", fmt::join(names, ", "));
}

std::string unread_text(const std::vector<UnreadDomain>& unread) {
    std::vector<std::string> parts;
    for (const UnreadDomain& domain : unread) {
        parts.push_back(fmt::format("{} ({})", printable(domain.name, 255), domain.why.message));
    }
    return fmt::format("{}", fmt::join(parts, "; "));
}

/// One question's judgement. Each case sets verdict, cause and cure.
class Diagnosis {
  public:
    explicit Diagnosis(const ExplainFacts& facts) : facts_(facts), question_(facts.question) {}

    ExplainResult run() {
        result_.question = question_;
        result_.as_agent = facts_.as_agent;
        result_.catalog = facts_.catalog;
        result_.catalog_error = facts_.catalog_error;
        for (const SeenScp& scp : facts_.found.scps) {
            result_.matches.push_back(scp.dn);
        }
        std::ranges::sort(result_.matches);
        result_.found = result_.matches.size();
        if (question_.unresolved.empty()) {
            result_.near_misses = near_misses(facts_);
        }
        if (!question_.unresolved.empty()) {
            unresolved();
        } else if (facts_.found.error && result_.found < 2) {
            unreadable();
        } else if (result_.found == 0) {
            none();
        } else if (result_.found == 1) {
            one();
        } else {
            several();
        }
        if (question_.location && question_.location->disabled) {
            result_.cause += " Besides, the account is disabled: it cannot log in.";
        }
        if (!question_.doubt.empty()) {
            result_.cause += fmt::format(" Whether this is the account meant is not certain: {}.",
                                         question_.doubt);
            result_.cure.emplace_back("# name the account by its DN or its SID to be certain");
        }
        return std::move(result_);
    }

  private:
    void show_command(const SeenScp& scp) {
        if (auto line =
                command(facts_, {"show", scp.guid ? scp.guid->to_string() : scp.dn.text()})) {
            result_.cure.push_back(std::move(*line));
        }
    }

    void unresolved() {
        // An account that is nowhere is an answer; one that might be in a domain nobody could read
        // is not.
        result_.verdict = facts_.unread.empty() ? Verdict::none : Verdict::unknown;
        result_.cause = fmt::format(
            "The account {} could not be found, so nobody can say in which domain its agent "
            "looks: {}.",
            account_as_named(question_), question_.unresolved);
        result_.cure.emplace_back(
            "# name the account as DOMAIN\\name, name@domain, by its DN or its SID");
        if (!facts_.unread.empty()) {
            result_.error = facts_.unread.front().why;
            topology();
        }
    }

    void unreadable() {
        result_.verdict = Verdict::unknown;
        result_.error = facts_.found.error;
        result_.search_incomplete = true;
        const bool log_in = facts_.as_agent && facts_.found.error->kind == ErrorKind::refused;
        result_.cause = fmt::format("{} {}{}: {}.",
                                    log_in ? "The agent's account cannot log in to"
                                           : "The agent's search cannot be made in",
                                    shown(question_.domain),
                                    log_in ? "" : ", so nothing is known of what it would find",
                                    facts_.found.error->message);
        if (!facts_.found.error->hint.empty()) {
            result_.cure.push_back("# " + facts_.found.error->hint);
        }
        topology();
    }

    void topology() {
        if (auto line = command(facts_, {"topology"})) {
            result_.cure.push_back(std::move(*line));
        }
    }

    void several() {
        result_.verdict = Verdict::several;
        const auto& scps = facts_.found.scps;
        const bool all_scps = std::ranges::all_of(scps, [](const SeenScp& scp) {
            return matches(equals("objectClass", "connectionPoint"), scp.attributes);
        });
        const auto marked =
            std::ranges::count_if(scps, [](const SeenScp& scp) { return scp.marked; });
        const bool agree = std::ranges::all_of(scps, [&](const SeenScp& scp) {
            return same_values(bindings_of(scp), bindings_of(scps.front()));
        });
        result_.cause =
            fmt::format("{} {} in {} match the agent's search, which expects one{}, and their "
                        "bindings {}: the agent may take "
                        "either.",
                        scps.size(), all_scps ? "SCPs" : "objects", shown(question_.domain),
                        marked > 0 ? fmt::format(" ({} of them bear scpd's marker)", marked) : "",
                        agree ? "agree" : "differ");
        result_.cure.emplace_back("# look at them and remove the one that is wrong:");
        for (std::size_t i = 0; i < std::min(scps.size(), most_commands); ++i) {
            show_command(scps[i]);
        }
    }

    /// The unmarked SCPs that match elsewhere: what an agent should be shown.
    [[nodiscard]] std::vector<SeenScp> sources() const {
        std::vector<SeenScp> out;
        for (const SeenScp& scp : facts_.candidates) {
            if (!scp.marked && !scp.conflict && is_elsewhere(scp) &&
                matches_filter(question_.filter, scp)) {
                out.push_back(scp);
            }
        }
        return out;
    }

    [[nodiscard]] bool is_elsewhere(const SeenScp& scp) const {
        return scp.domain != question_.domain || scp.forest != question_.forest;
    }

    [[nodiscard]] const SeenScp* source_of(const SeenScp& copy) const {
        const auto found = std::ranges::find_if(facts_.candidates, [&](const SeenScp& scp) {
            return copy.marker && scp.guid == copy.marker->source && !scp.marked;
        });
        return found == facts_.candidates.end() ? nullptr : &*found;
    }

    void one() {
        result_.verdict = Verdict::one;
        const SeenScp& match = facts_.found.scps.front();
        const SeenScp* source = source_of(match);
        if (bindings_of(match).empty()) {
            result_.cause = fmt::format(
                "The agent finds exactly one SCP, {}, but it has no bindings "
                "(serviceBindingInformation), so it does not say where the service is{}.",
                shown(match.dn),
                source != nullptr && !bindings_of(*source).empty()
                    ? fmt::format("; its source in {} has some", shown(source->domain))
                    : "");
            if (source != nullptr && !bindings_of(*source).empty()) {
                result_.cure = cure_by_copy(facts_, {*source});
            } else {
                result_.cure.emplace_back(
                    "# let the product publish itself again; what the SCP holds now:");
                show_command(match);
            }
            return;
        }
        if (source != nullptr && !same_values(bindings_of(match), bindings_of(*source))) {
            result_.cause = fmt::format(
                "The agent finds exactly one SCP, {}, but it is a copy gone stale: its bindings "
                "are not those of its source {} in {}.",
                shown(match.dn), shown(source->dn), shown(source->domain));
            result_.cure = cure_by_copy(facts_, {*source});
            return;
        }
        result_.cause =
            fmt::format("The agent finds exactly one SCP, {}, as it should.", shown(match.dn));
        for (const SeenScp& other : sources()) {
            if (!match.marked && !same_values(bindings_of(match), bindings_of(other))) {
                result_.cause += fmt::format(
                    " Another that matches, {} in {}, has other bindings: if the agent is led "
                    "astray, that may be the right one.",
                    shown(other.dn), shown(other.domain));
                break;
            }
        }
    }

    void none() {
        result_.verdict = Verdict::none;
        if (hidden() || edited_copy()) {
            return;
        }
        const std::vector<SeenScp> there = sources();
        if (!there.empty()) {
            elsewhere(there);
        } else if (!facts_.unread.empty()) {
            result_.verdict = Verdict::unknown;
            result_.error = facts_.unread.front().why;
            result_.cause = fmt::format(
                "No SCP that could be read matches the agent's search, but not everything could "
                "be read: {}.{}",
                unread_text(facts_.unread),
                facts_.catalog.value_or(0) > 0
                    ? " The global catalog shows one, so it exists in such a domain."
                    : "");
            topology();
        } else {
            nowhere();
        }
    }

    /// It is there, and the agent's account may not see it.
    bool hidden() {
        if (!facts_.by_us || facts_.by_us->scps.empty()) {
            return false;
        }
        const SeenScp& scp = facts_.by_us->scps.front();
        result_.cause =
            fmt::format("The SCP {} is in {}, where {} looks, but that account may not read it.",
                        shown(scp.dn), shown(question_.domain), agent(question_));
        const auto dn = shell_word(scp.dn.text());
        const auto grant = shell_word(question_.account + ":GR");
        if (dn && grant) {
            result_.cure.push_back("# on Windows, as an administrator: let the account read it");
            result_.cure.push_back(fmt::format("dsacls {} /G {}", *dn, *grant));
        }
        show_command(scp);
        return true;
    }

    /// A copy is there, but what the agent asks for has been edited away.
    bool edited_copy() {
        for (const SeenScp& scp : facts_.candidates) {
            if (is_elsewhere(scp) || !scp.marked || matches_filter(question_.filter, scp)) {
                continue;
            }
            const SeenScp* source = source_of(scp);
            if (source == nullptr || !matches_filter(question_.filter, *source)) {
                continue;
            }
            const auto miss = std::ranges::find_if(result_.near_misses, [&](const NearMiss& near) {
                return near.dn == scp.dn && near.domain == scp.domain;
            });
            result_.cause = fmt::format(
                "A copy of the SCP is in {}, {}, but it was changed so that the agent's search "
                "does not match it{}.",
                shown(question_.domain), shown(scp.dn),
                miss == result_.near_misses.end() || miss->differs.empty()
                    ? ""
                    : fmt::format(": {}", fmt::join(miss->differs, ", ")));
            result_.cure = cure_by_copy(facts_, {*source});
            return true;
        }
        return false;
    }

    void elsewhere(const std::vector<SeenScp>& there) {
        const std::string exists = there.size() == 1
                                       ? "The SCP exists"
                                       : fmt::format("{} SCPs that match exist", there.size());
        const std::string looked_in = shown(question_.domain);
        if (question_.account.empty()) {
            result_.cause = fmt::format(
                "{} in {}; an agent whose account lives in {} looks only there, and finds "
                "nothing.",
                exists, domains_of(there), looked_in);
            result_.cure.push_back(fmt::format("# if the agent's account lives in {}:", looked_in));
        } else {
            result_.cause =
                fmt::format("{} in {}, but {} lives in {}, and the agent looks only there.", exists,
                            domains_of(there), agent(question_), looked_in);
        }
        if (std::ranges::all_of(there,
                                [](const SeenScp& scp) { return bindings_of(scp).empty(); })) {
            result_.cause += " It has no bindings there either.";
        }
        std::ranges::move(cure_by_copy(facts_, there), std::back_inserter(result_.cure));
    }

    void nowhere() {
        const auto copy = std::ranges::find_if(facts_.candidates, [&](const SeenScp& scp) {
            return scp.marked && matches_filter(question_.filter, scp);
        });
        if (copy != facts_.candidates.end()) {
            result_.cause = fmt::format(
                "Only a copy made by scpd matches, {} in {}; its source is in no domain that is "
                "known here, and copies are not copied.",
                shown(copy->dn), shown(copy->domain));
            show_command(*copy);
            return;
        }
        if (result_.near_misses.empty()) {
            result_.cause = "No domain of the forest has an SCP that matches any part of the "
                            "agent's search: the "
                            "product has not published itself, or did so in a forest that is not "
                            "in the settings.";
            result_.cure.emplace_back(
                "# start the product's service, or its installer's repair, so that it publishes "
                "itself; the domains that were looked at:");
            topology();
            return;
        }
        const NearMiss& nearest = result_.near_misses.front();
        result_.cause = fmt::format(
            "No SCP in any domain matches the agent's whole search; the nearest, {} in {}: {}.",
            shown(nearest.dn), shown(nearest.domain), fmt::join(nearest.differs, ", "));
        const auto scp = std::ranges::find_if(facts_.candidates, [&](const SeenScp& candidate) {
            return candidate.dn == nearest.dn && candidate.domain == nearest.domain;
        });
        result_.cure.emplace_back(
            "# the agent may belong to another installation of the product; compare it with:");
        show_command(*scp);
    }

    const ExplainFacts& facts_;
    const ExplainQuestion& question_;
    ExplainResult result_;
};

} // namespace

std::string account_as_named(const ExplainQuestion& question) {
    return shell_word(question.account) ? question.account : printable(question.account, 256);
}

ExplainResult diagnose(const ExplainFacts& facts) {
    return Diagnosis(facts).run();
}

Exit explain_exit(std::span<const ExplainResult> results, bool partial) {
    const auto any = [&](Verdict verdict) {
        return std::ranges::any_of(
            results, [&](const ExplainResult& result) { return result.verdict == verdict; });
    };
    if (any(Verdict::unknown) && !partial) {
        return Exit::unreachable;
    }
    if (any(Verdict::none) || any(Verdict::unknown)) {
        return Exit::no;
    }
    return any(Verdict::several) ? Exit::several : Exit::ok;
}

} // namespace scp
