#include "base/text.hpp"
#include "plan/roles.hpp"
#include "scpctl/named_object.hpp"
#include "scpctl/one_off.hpp"
#include "scpctl/verbs.hpp"
#include "scpctl/writing.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace scp {

namespace {

struct CreateOptions {
    std::string domain;
    std::string name;
    std::vector<std::string> keywords;
    std::vector<std::string> bindings;
    std::string container;
    std::string service_class;
    std::vector<std::string> attributes;
    std::string from;
    std::string rule;
    bool dry_run = false;
};

constexpr const char* unmarked_remark =
    "scpctl: it carries no marker, so to a rule that matches it, it is a source, or native where "
    "it lies in a target domain";

// Ranges of cn and keywords in AD's schema, in characters.
constexpr std::size_t longest_name = 64;
constexpr std::size_t longest_keyword = 256;

/// A value that the directory may hold: any text. Line ends in a binding are its owner's business.
Result<void> check_value(std::string_view option, const std::string& value) {
    if (!is_utf8(value))
        return fail(ErrorKind::usage,
                    fmt::format("{} {}: this is not UTF-8", option, printable(value)),
                    "values in the directory are Unicode; check the encoding of your terminal");
    if (value.empty())
        return fail(ErrorKind::usage, fmt::format("{} is empty", option),
                    "a directory holds no empty values");
    return {};
}

Result<void> check_word(std::string_view option, const std::string& value, std::size_t longest) {
    if (auto ok = check_argument(option, value); !ok)
        return ok;
    if (value.empty())
        return fail(ErrorKind::usage, fmt::format("{} is empty", option), "at least one character");
    if (const std::size_t length = display_width(value); length > longest)
        return fail(ErrorKind::usage, fmt::format("{} is {} characters long", option, length),
                    fmt::format("Active Directory takes {} at most", longest));
    return {};
}

/// Values that differ in case alone are one to the directory.
Result<Values> unique(std::string_view option, const std::vector<std::string>& values) {
    Values kept;
    std::map<std::string, std::string> seen;
    for (const std::string& value : values) {
        const auto [known, fresh] = seen.emplace(fold_case(value), value);
        if (!fresh && known->second != value)
            return fail(ErrorKind::usage,
                        fmt::format("{} {} and {} differ in case alone", option,
                                    printable(known->second), printable(value)),
                        "to the directory they are one value: give it once");
        if (fresh)
            kept.push_back(value);
    }
    return kept;
}

/// --attr A=V
Result<void> add_attribute(Attributes& content, const std::string& text) {
    const auto equal = text.find('=');
    const std::string name = text.substr(0, equal);
    const auto plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-';
    };
    if (equal == std::string::npos || name.empty() || !std::ranges::all_of(name, plain))
        return fail(ErrorKind::usage,
                    fmt::format("--attr {}: this is not ATTRIBUTE=VALUE", printable(text)),
                    "--attr vendor=Contoso");
    for (const char* own : {"objectClass", "cn", "name", "objectGUID", "objectCategory",
                            "distinguishedName", "nTSecurityDescriptor"})
        if (equal_ascii_nocase(name, own))
            return fail(ErrorKind::usage,
                        fmt::format("--attr {}: this is not for you to set", printable(name)), "");
    if (auto ok = check_value("--attr " + name, text.substr(equal + 1)); !ok)
        return ok;
    content[name].push_back(text.substr(equal + 1));
    return {};
}

Result<Attributes> content_of(const CreateOptions& options, const std::string& marker_attribute) {
    Attributes content;
    for (const std::string& keyword : options.keywords)
        if (auto ok = check_word("--keyword", keyword, longest_keyword); !ok)
            return fail(ok.error());
    for (const std::string& binding : options.bindings)
        if (auto ok = check_value("--binding", binding); !ok)
            return fail(ok.error());
    if (!options.service_class.empty()) {
        if (auto ok = check_argument("--class", options.service_class); !ok)
            return fail(ok.error());
        content["serviceClassName"] = {options.service_class};
    }
    content["keywords"] = options.keywords;
    content["serviceBindingInformation"] = options.bindings;
    for (const std::string& text : options.attributes)
        if (auto ok = add_attribute(content, text); !ok)
            return fail(ok.error());
    if (content.contains(marker_attribute))
        return fail(ErrorKind::usage, fmt::format("--attr {}: markers are there", marker_attribute),
                    "a marked copy: --from X --rule R");
    for (auto& [name, values] : content) {
        auto kept = unique(name, values);
        if (!kept)
            return fail(kept.error());
        values = std::move(*kept);
    }
    return content;
}

Result<void> check_options(const CreateOptions& options) {
    const auto missing = [](const char* what, const char* hint) {
        return fail(ErrorKind::usage, fmt::format("{} is missing", what), hint);
    };
    if (options.domain.empty())
        return missing("--domain", "the DNS name of the domain to write to");
    if (options.from.empty()) {
        if (!options.rule.empty())
            return fail(ErrorKind::usage, "--rule without --from",
                        "--rule marks a copy; say of what: --from DN|GUID");
        if (options.name.empty())
            return missing("--name", "the SCP's cn; or --from DN|GUID, to copy one");
        if (options.keywords.empty())
            return missing("--keyword", "agents look for keywords; at least one");
        if (options.bindings.empty())
            return missing("--binding",
                           "what agents read: serviceBindingInformation; at least one");
        return check_word("--name", options.name, longest_name);
    }
    if (!options.name.empty() || !options.keywords.empty() || !options.bindings.empty() ||
        !options.service_class.empty() || !options.attributes.empty())
        return fail(ErrorKind::usage,
                    "--from copies an SCP whole: --name, --keyword, --binding, --class and --attr "
                    "do not go with it",
                    "use either");
    if (!options.rule.empty() && !options.container.empty())
        return fail(ErrorKind::usage, "--container with --rule: the rule says where its copies go",
                    "leave --container away");
    return {};
}

Change creation_of(const Domain& domain, const Dn& container, const std::string& rdn_type,
                   const std::string& name, Attributes content) {
    Change change;
    change.op = Op::create;
    change.forest = domain.forest;
    change.domain = domain.name;
    change.nc = domain.nc;
    change.dn = domain.nc.descendant(container).child(rdn_type, name);
    change.reason = Reason::by_hand;
    change.after = std::move(content);
    return change;
}

Result<TargetContainer> container_of(const CreateOptions& options) {
    if (options.container.empty())
        return TargetContainer{TargetContainer::Kind::relative, *Dn::parse("CN=System")};
    auto container = parse_container(options.container);
    if (!container)
        return fail(ErrorKind::usage, "--container " + container.error().message,
                    container.error().hint);
    if (container->kind == TargetContainer::Kind::same)
        return fail(ErrorKind::usage, "--container same: this is a place, not a rule",
                    "a DN relative to the domain: CN=System");
    return container;
}

/// The domain, or with a container in the Configuration NC that of its forest.
Result<const Domain*> partition_of(const Topology& topology, const std::string& domain,
                                   const TargetContainer& container) {
    auto found = find_domain(topology, domain);
    if (!found || container.kind != TargetContainer::Kind::configuration)
        return found;
    const Forest& forest = *topology.find_forest((*found)->forest);
    if (!forest.configuration)
        return fail(ErrorKind::incomplete,
                    fmt::format("the root of the forest of {} is not known", printable(domain)),
                    "scpctl topology shows what could be read");
    return &*forest.configuration;
}

Result<HandWrite> plan_copy(Context& context, const Topology& topology,
                            const CreateOptions& options, const Domain& domain,
                            const Dn& container) {
    const auto source = find_source(context, topology, options.from);
    if (!source)
        return fail(source.error());
    if (!options.rule.empty()) {
        RuleOptions wanted;
        wanted.names = {options.rule};
        const auto rules = context.select_rules(wanted);
        if (!rules)
            return fail(rules.error());
        const auto place =
            partition_of(topology, domain.name.dns().text(), rules->front().container);
        if (!place)
            return fail(place.error());
        if (source->scp.domain == (*place)->name && source->scp.forest == (*place)->forest)
            return fail(ErrorKind::usage,
                        fmt::format("{} is in {} already", printable(source->scp.dn.text()),
                                    (*place)->name.text()),
                        "copies go into other domains");
        return plan_marked_copy(context, topology, rules->front(), source->scp, **place);
    }
    Rule whole;
    whole.attributes = default_attributes();
    Change change = creation_of(domain, container, source->scp.dn.rdn_type(), source->scp.name,
                                copied_content(source->scp, whole));
    change.source = SourceRef{source->scp.dn, source->scp.domain, source->scp.guid};
    if (source->scp.conflict)
        return fail(ErrorKind::usage,
                    fmt::format("{} is a replication conflict", printable(source->scp.dn.text())),
                    "copy the object that it conflicts with");
    return plan_creation(context, topology, std::move(change));
}

Result<Exit> run_create(Context& context, const CreateOptions& options) {
    if (auto ok = check_options(options); !ok)
        return fail(ok.error());
    if (!options.dry_run && context.out().format() == Format::ldif)
        return fail(ErrorKind::usage, "LDIF shows what would be written",
                    "create --dry-run -o ldif");
    const auto container = container_of(options);
    if (!container)
        return fail(container.error());
    const auto settings = context.settings();
    if (!settings)
        return fail(settings.error());
    auto content = content_of(options, (*settings)->marker_attribute);
    if (!content)
        return fail(content.error());
    if (auto ok = check_argument("--domain", options.domain); !ok)
        return fail(ok.error());
    const auto topology = context.topology();
    if (!topology)
        return fail(topology.error());
    const auto domain = partition_of(**topology, options.domain, *container);
    if (!domain)
        return fail(domain.error());
    if ((*domain)->error)
        return fail(*(*domain)->error);
    const auto write = options.from.empty()
                           ? plan_creation(context, **topology,
                                           creation_of(**domain, container->relative, "CN",
                                                       options.name, std::move(*content)))
                           : plan_copy(context, **topology, options, **domain, container->relative);
    if (!write)
        return fail(write.error());
    return finish_by_hand(context, **topology, *write, options.dry_run,
                          options.rule.empty() ? unmarked_remark : "");
}

RunVerb declare_create(CLI::App& app) {
    auto options = std::make_shared<CreateOptions>();
    const auto single = [&](const char* name, std::string& into, const char* help) {
        declare_single(app, name, into, help);
    };
    const auto repeatable = [&](const char* name, std::vector<std::string>& into,
                                const char* help) {
        app.add_option(name, into, help)->allow_extra_args(false)->type_name("");
    };
    single("--domain", options->domain, "D: the domain to write to");
    single("--name", options->name, "CN: its name");
    repeatable("--keyword", options->keywords, "K: repeatable");
    repeatable("--binding", options->bindings, "V: serviceBindingInformation; repeatable");
    single("--container", options->container,
           "RDN: where, relative to the domain; CN=System. configuration:RDN: in the Configuration "
           "NC");
    single("--class", options->service_class, "C: serviceClassName");
    repeatable("--attr", options->attributes, "A=V: any other attribute; repeatable");
    single("--from", options->from, "DN|GUID: copy this SCP, with its name, keywords and values");
    single("--rule", options->rule, "R: with --from: a copy as this rule makes it, marked");
    app.add_flag("-n,--dry-run", options->dry_run, "write nothing");
    return [options](Context& context) { return run_create(context, *options); };
}

} // namespace

Verb create_verb() {
    return {.name = "create",
            .summary = "one SCP by hand",
            .description = "Creates one serviceConnectionPoint, from values or as a copy of "
                           "another. Without --rule it carries no marker: "
                           "to rules\nit is then a source, or native. With --from and --rule it is "
                           "a copy as the rule makes it.",
            .exit_status = "0  created, or it exists and is equal\n3  something is there that "
                           "differs, or it was refused\n5  the write failed",
            .examples = "scpctl create --domain corp.test --name mage --keyword QmmEx --binding "
                        "'tcp://host:1024'\n"
                        "scpctl create --from 90e49231-3838-4e5e-b2e4-8813fbf59a11 --domain "
                        "corp.test --rule mage --dry-run",
            .schema = "scpd.write/1",
            .ldif = true,
            .declare = declare_create};
}

} // namespace scp
