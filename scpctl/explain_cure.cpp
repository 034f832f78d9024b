#include "scpctl/explain.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace scp {

namespace {

/// What a terminal shows as it is: UTF-8 without controls and without what turns the direction of
/// text.
bool is_showable(std::string_view value) {
    std::string doubled;
    for (const char c : value) {
        doubled += c == '\\' ? "\\\\" : std::string(1, c);
    }
    return printable(value, std::numeric_limits<std::size_t>::max()) == doubled;
}

/// A value that begins with a dash would be taken for an option.
void add_option(std::vector<std::string>& words, const std::string& name,
                const std::string& value) {
    if (value.starts_with('-')) {
        words.push_back(name + "=" + value);
    } else {
        words.push_back(name);
        words.push_back(value);
    }
}

bool scp_is_within(const SeenScp& scp, const Dn& place) {
    return scp.dn.is_within(scp.nc.descendant(place));
}

const RuleReach* rule_for(const ExplainFacts& facts, const std::vector<SeenScp>& sources) {
    const RuleReach* best = nullptr;
    for (const RuleReach& reach : facts.rules) {
        const bool matches = std::ranges::any_of(
            sources, [&](const SeenScp& scp) { return rule_matches(reach.rule, scp); });
        if (matches && (best == nullptr || (reach.reaches && !best->reaches))) {
            best = &reach;
        }
    }
    return best;
}

std::string place_of(const SeenScp& scp) {
    return fmt::format("{} ({}{})", printable(scp.dn.text()),
                       scp.domain.is_configuration() ? "" : "domain ", domain_in_words(scp.domain));
}

/// What a person should look at before an SCP in a place that is not trusted is copied to agents.
void warn_of_place(const ExplainFacts& facts, const std::vector<SeenScp>& sources, const Rule& rule,
                   const std::string& who, std::vector<std::string>& cure) {
    for (const SeenScp& scp : sources) {
        if (in_trusted_place(scp, rule)) {
            continue;
        }
        cure.push_back(
            fmt::format("# {} does not lie where {} trusts SCPs: anybody who may write there can "
                        "have made it. Look at it first:",
                        place_of(scp), who));
        if (const auto show =
                command(facts, {"show", scp.guid ? scp.guid->to_string() : scp.dn.text()})) {
            cure.push_back(*show);
        }
    }
}

void note_container(const ExplainFacts& facts, const TargetContainer& container,
                    std::vector<std::string>& cure) {
    if (container.kind != TargetContainer::Kind::relative) {
        return;
    }
    const Dn dn = facts.question.base.descendant(container.relative);
    if (std::ranges::find(facts.missing_containers, dn) != facts.missing_containers.end()) {
        cure.push_back(fmt::format(
            "# the container of the copies is not there yet; an administrator makes it, e.g. "
            "in PowerShell: New-ADObject -Type container -Name '{}' -Path '{}'",
            printable(dn.rdn_value()), printable(dn.parent().text())));
    }
}

std::vector<std::string> cure_by_rule(const ExplainFacts& facts, const RuleReach& reach,
                                      const std::vector<SeenScp>& sources) {
    std::vector<std::string> cure;
    const Rule& rule = reach.rule;
    std::vector<SeenScp> of_rule;
    std::ranges::copy_if(sources, std::back_inserter(of_rule),
                         [&](const SeenScp& scp) { return rule_matches(rule, scp); });
    const bool trusted = std::ranges::any_of(
        of_rule, [&](const SeenScp& scp) { return in_trusted_place(scp, rule); });
    if (!trusted) {
        warn_of_place(facts, of_rule, rule, "rule " + rule.name, cure);
        cure.push_back(fmt::format(
            "# then, if it is right, add its place to rules[{}].trust.containers of the settings",
            rule.name));
    }
    if (!reach.reaches) {
        cure.push_back(
            facts.question.account.empty()
                ? fmt::format("# first add {} to rules[{}].targets.domains of the settings",
                              printable(facts.question.domain.text()), rule.name)
                : fmt::format("# first add {} to rules[{}].accounts of the settings",
                              is_showable(facts.question.account)
                                  ? facts.question.account
                                  : printable(facts.question.account),
                              rule.name));
    }
    if (rule.mode == Mode::observe) {
        cure.push_back(fmt::format(
            "# rule {} never writes in mode observe: set its mode to upsert first", rule.name));
    }
    if (rule.container.kind == TargetContainer::Kind::configuration) {
        cure.push_back(fmt::format(
            "# rule {} puts its copies into the Configuration NC, where this search does not look: "
            "first set its targets.container to a container of the domain",
            rule.name));
    }
    if (!rule.create_containers) {
        note_container(facts, rule.container, cure);
    }
    std::vector<std::string> words{"sync", "--rule", rule.name};
    if (auto line = command(facts, std::move(words))) {
        cure.push_back(*line);
    }
    return cure;
}

/// `create --from`, for what no rule can say.
std::optional<std::string> create_command(const ExplainFacts& facts, const SeenScp& source) {
    std::vector<std::string> words{"create", "--from",
                                   source.guid ? source.guid->to_string() : source.dn.text(),
                                   "--domain", facts.question.domain.text()};
    if (facts.wish && facts.wish->rule.container.kind == TargetContainer::Kind::relative &&
        std::ranges::find(facts.wish->flags, "--container") != facts.wish->flags.end()) {
        words.insert(words.end(), {"--container", facts.wish->rule.container.relative.text()});
    }
    return command(facts, std::move(words));
}

/// The rule that a one-off command makes: what this call asked for, else the defaults.
const Rule& one_off_rule_of(const ExplainFacts& facts) {
    static const Rule defaults = [] {
        Rule rule;
        rule.container.relative = default_container();
        rule.trust_containers = default_trust_containers();
        rule.trust_exclude = default_trust_exclude();
        return rule;
    }();
    return facts.wish ? facts.wish->rule : defaults;
}

/// The container that the copy would lie in is not there yet.
bool lacks_container(const ExplainFacts& facts, const Rule& rule) {
    return rule.container.kind == TargetContainer::Kind::relative &&
           std::ranges::find(facts.missing_containers,
                             facts.question.base.descendant(rule.container.relative)) !=
               facts.missing_containers.end();
}

std::optional<std::string> one_off_command(const ExplainFacts& facts, const SeenScp& source) {
    std::vector<std::string> keywords = keywords_of(facts.question.filter);
    if (keywords.empty()) {
        keywords = values_of(source.attributes, "keywords");
    }
    if (keywords.empty()) {
        return std::nullopt;
    }
    std::vector<std::string> words{"sync"};
    for (const auto& keyword : keywords) {
        add_option(words, "--keyword", keyword);
    }
    if (facts.question.account.empty()) {
        add_option(words, "--to", facts.question.domain.text());
    } else {
        add_option(words, "--account", facts.question.account);
    }
    const Rule& rule = one_off_rule_of(facts);
    if (facts.wish) {
        words.insert(words.end(), facts.wish->flags.begin(), facts.wish->flags.end());
    }
    if (!in_trusted_place(source, rule)) {
        const auto relative = source.dn.parent().relative_to(source.nc);
        const bool configuration = source.domain.is_configuration();
        const bool never =
            std::ranges::any_of(configuration ? rule.configuration_exclude : rule.trust_exclude,
                                [&](const Dn& place) { return scp_is_within(source, place); });
        if (!relative || relative->empty() || never) {
            return std::nullopt;
        }
        add_option(words, "--trust-container",
                   (configuration ? "configuration:" : "") + relative->text());
    }
    if (lacks_container(facts, rule) && !rule.create_containers) {
        words.emplace_back("--create-containers");
    }
    words.emplace_back("--yes");
    return command(facts, std::move(words));
}

} // namespace

bool in_trusted_place(const SeenScp& scp, const Rule& rule) {
    const auto within = [&](const Dn& place) { return scp_is_within(scp, place); };
    const bool configuration = scp.domain.is_configuration();
    return std::ranges::any_of(
               configuration ? rule.configuration_containers : rule.trust_containers, within) &&
           std::ranges::none_of(configuration ? rule.configuration_exclude : rule.trust_exclude,
                                within);
}

std::optional<std::string> shell_word(std::string_view value) {
    constexpr std::string_view plain =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/:@%+=,-";
    if (!is_showable(value)) {
        return std::nullopt;
    }
    if (!value.empty() && value.find_first_not_of(plain) == std::string_view::npos) {
        return std::string(value);
    }
    std::string out = "'";
    for (const char c : value) {
        out += c == '\'' ? "'\\''" : std::string(1, c);
    }
    return out + "'";
}

std::optional<std::string> command(const ExplainFacts& facts, std::vector<std::string> words) {
    const bool of_rule = words.size() > 1 && words[1] == "--rule";
    words.insert(of_rule ? words.end() : words.begin() + 1, facts.connection.begin(),
                 facts.connection.end());
    std::string line = "scpctl";
    for (const auto& word : words) {
        const auto quoted = shell_word(word);
        if (!quoted) {
            return std::nullopt;
        }
        line += " " + *quoted;
    }
    return line;
}

std::vector<std::string> cure_by_copy(const ExplainFacts& facts,
                                      const std::vector<SeenScp>& sources) {
    if (const RuleReach* reach = facts.wish ? nullptr : rule_for(facts, sources)) {
        return cure_by_rule(facts, *reach, sources);
    }
    const bool agree = std::ranges::all_of(sources, [&](const SeenScp& scp) {
        return same_values(values_of(scp.attributes, "serviceBindingInformation"),
                           values_of(sources.front().attributes, "serviceBindingInformation"));
    });
    std::vector<std::string> cure;
    if (facts.wish && facts.wish->rule.mode == Mode::observe) {
        cure.emplace_back("# mode observe writes nothing: leave --mode away");
    }
    if (!agree) {
        cure.emplace_back("# their bindings differ: copy the one that is right");
        for (const SeenScp& source : sources) {
            if (const auto line = create_command(facts, source)) {
                cure.push_back(*line + " # " + place_of(source));
            }
        }
        return cure;
    }
    const auto trusted = std::ranges::find_if(
        sources, [&](const SeenScp& scp) { return in_trusted_place(scp, one_off_rule_of(facts)); });
    const SeenScp& source = trusted != sources.end() ? *trusted : sources.front();
    warn_of_place(facts, {source}, one_off_rule_of(facts), "scpctl", cure);
    auto line = one_off_command(facts, source);
    if (!line) {
        line = create_command(facts, source);
    }
    if (line) {
        cure.push_back(*line);
    }
    return cure;
}

} // namespace scp
