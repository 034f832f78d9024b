#include "golden/scenario.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <map>
#include <set>
#include <stdexcept>

namespace scp::test {
namespace {

constexpr unsigned our_sid = 1000;

/// A typing mistake in a scenario must not make a test that tests nothing.
void only(const YAML::Node& node, const std::set<std::string>& keys) {
    for (const auto& pair : node)
        if (!keys.contains(pair.first.as<std::string>()))
            throw std::runtime_error("unknown key " + pair.first.as<std::string>());
}

/// corp → corp.test, emea → emea.corp.test, tree → tree.test, configuration → corp's; anything with
/// a dot as it is.
std::string domain_named(const std::string& word) {
    static const std::map<std::string, std::string> short_names{
        {"corp", "corp.test"}, {"tree", "tree.test"}, {"configuration", corp_configuration}};
    if (word.find('.') != std::string::npos)
        return word;
    const auto found = short_names.find(word);
    return found != short_names.end() ? found->second : word + ".corp.test";
}

/// other.example is the root of a forest of its own.
std::string forest_of(const std::string& domain) {
    return domain.ends_with("other.example") ? "other" : "corp";
}

std::vector<std::string> strings(const YAML::Node& node) {
    return node ? node.as<std::vector<std::string>>() : std::vector<std::string>{};
}

std::vector<DomainName> domains(const YAML::Node& node) {
    std::vector<DomainName> names;
    for (const auto& word : strings(node))
        names.emplace_back(domain_named(word));
    return names;
}

std::vector<Dn> dns(const YAML::Node& node) {
    std::vector<Dn> list;
    for (const auto& text : strings(node))
        list.push_back(*Dn::parse(text));
    return list;
}

Mode mode_named(const std::string& name) {
    static const std::map<std::string, Mode> modes{{"observe", Mode::observe},
                                                   {"create-only", Mode::create_only},
                                                   {"upsert", Mode::upsert},
                                                   {"sync", Mode::sync}};
    return modes.at(name);
}

bool is_number(const std::string& text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

/// A RID, or a name that `owner_names` tells of.
std::vector<AccountQuery> owners(World& world, const YAML::Node& list) {
    std::vector<AccountQuery> queries;
    for (const auto& word : strings(list)) {
        if (!is_number(word)) {
            queries.push_back({AccountQuery::Kind::sam, "", word});
            continue;
        }
        const Sid sid = sid_number(static_cast<unsigned>(std::stoul(word)));
        queries.push_back({AccountQuery::Kind::sid, "", sid.to_string()});
        world.observation.owners.push_back({queries.back(), sid, ""});
    }
    return queries;
}

/// Whose names are known, and who is in which groups.
void read_owners(World& world, const YAML::Node& names, const YAML::Node& members) {
    for (const auto& pair : names) {
        const auto led_to = pair.second.as<std::string>();
        ResolvedOwner owner{{AccountQuery::Kind::sam, "", pair.first.as<std::string>()}, {}, ""};
        if (is_number(led_to))
            owner.sid = sid_number(pair.second.as<unsigned>());
        else
            owner.unresolved = led_to;
        world.observation.owners.push_back(std::move(owner));
    }
    for (const auto& pair : members) {
        OwnerGroups groups{sid_number(pair.first.as<unsigned>()), {}, {}};
        if (pair.second.IsScalar())
            groups.error = Error{ErrorKind::unreachable, pair.second.as<std::string>(), "", 0};
        else
            for (const auto& group : strings(pair.second))
                groups.groups.push_back(sid_number(static_cast<unsigned>(std::stoul(group))));
        world.observation.owner_groups.push_back(std::move(groups));
    }
}

void read_rule(World& world, const YAML::Node& node) {
    only(node, {"name",
                "keywords",
                "glob",
                "accounts",
                "unresolved",
                "lost",
                "account_forest",
                "targets",
                "exclude",
                "trust",
                "trust_containers",
                "trust_exclude",
                "in",
                "configuration_containers",
                "configuration_exclude",
                "trust_owners",
                "container",
                "create_containers",
                "attributes",
                "mode",
                "prefer",
                "selected",
                "confirmations",
                "grace"});
    Rule rule = a_rule(node["name"].as<std::string>("mage"));
    if (node["keywords"])
        rule.keywords = strings(node["keywords"]);
    rule.name_glob = node["glob"].as<std::string>("*");
    const auto accounts =
        node["accounts"] ? strings(node["accounts"]) : std::vector<std::string>{"corp"};
    for (const auto& word : accounts)
        world.account(rule, domain_named(word), forest_of(domain_named(word)));
    if (const auto why = node["unresolved"]) {
        rule.accounts.push_back(
            {AccountQuery::Kind::sam, node["account_forest"].as<std::string>(""), "CORP\\nobody"});
        world.observation.accounts.push_back(
            {rule.name, rule.accounts.back(), {}, why.as<std::string>()});
    }
    if (node["lost"]) // an account that the observation does not speak of at all
        rule.accounts.push_back({AccountQuery::Kind::sam, "", node["lost"].as<std::string>()});
    rule.target_domains = domains(node["targets"]);
    rule.target_exclude = domains(node["exclude"]);
    rule.trust_domains = domains(node["trust"]);
    if (node["trust_containers"])
        rule.trust_containers = dns(node["trust_containers"]);
    if (node["trust_exclude"])
        rule.trust_exclude = dns(node["trust_exclude"]);
    if (node["in"]) {
        const auto in = strings(node["in"]);
        rule.in_domains = std::ranges::find(in, "domain") != in.end();
        rule.in_configuration = std::ranges::find(in, "configuration") != in.end();
    }
    rule.configuration_containers = node["configuration_containers"]
                                        ? dns(node["configuration_containers"])
                                        : default_configuration_containers();
    if (node["configuration_exclude"])
        rule.configuration_exclude = dns(node["configuration_exclude"]);
    rule.trust_owners = owners(world, node["trust_owners"]);
    const auto container = node["container"].as<std::string>("CN=scpd,CN=System");
    if (container == "same")
        rule.container.kind = TargetContainer::Kind::same;
    else if (const auto below = in_configuration(container))
        rule.container = {TargetContainer::Kind::configuration, *Dn::parse(*below)};
    else
        rule.container.relative = *Dn::parse(container);
    rule.create_containers = node["create_containers"].as<bool>(false);
    if (node["attributes"])
        rule.attributes = strings(node["attributes"]);
    rule.mode = mode_named(node["mode"].as<std::string>("upsert"));
    rule.prefer = domains(node["prefer"]);
    rule.prune_confirmations = node["confirmations"].as<int>(rule.prune_confirmations);
    rule.prune_grace =
        *parse_duration(node["grace"].as<std::string>(to_duration(rule.prune_grace)));
    world.add_rule(rule, node["selected"].as<bool>(true));
}

std::string hash_of(const YAML::Node& node, const std::string& otherwise) {
    return node ? sha256_hex(node.as<std::string>()) : otherwise;
}

void read_marker(ScpBuilder& builder, Marker marker, const YAML::Node& node) {
    only(node, {"instance", "rule", "source", "origin", "sel", "attrs", "hash", "version", "gone",
                "parked"});
    marker.instance = node["instance"].as<std::string>(marker.instance);
    marker.rule = node["rule"].as<std::string>(marker.rule);
    if (node["source"])
        marker.source = guid_number(node["source"].as<unsigned>());
    if (node["origin"])
        marker.origin = DomainName(domain_named(node["origin"].as<std::string>()));
    marker.sel = hash_of(node["sel"], marker.sel);
    marker.attrs = hash_of(node["attrs"], marker.attrs);
    marker.hash = hash_of(node["hash"], marker.hash);
    if (node["version"])
        marker.version = {SourceVersion::Kind::originating, node["version"].as<std::string>()};
    if (node["gone"])
        marker.gone = parse_rfc3339(node["gone"].as<std::string>());
    if (node["parked"])
        marker.parked = parse_rfc3339(node["parked"].as<std::string>());
    builder.marked(marker);
}

using Known = std::map<unsigned, Scp>;

void read_values(ScpBuilder& builder, const YAML::Node& node, bool copy) {
    if (node["keywords"])
        builder.without("keywords");
    for (const auto& value :
         node["keywords"] || copy ? strings(node["keywords"]) : std::vector<std::string>{"mage"})
        builder.with_keyword(value);
    if (node["bindings"])
        builder.without("serviceBindingInformation");
    for (const auto& value :
         node["bindings"] || copy ? strings(node["bindings"]) : std::vector<std::string>{"b1"})
        builder.with_binding(value);
    for (const auto& attribute : {"description", "serviceClassName"})
        if (node[attribute])
            builder.without(attribute).with(attribute, node[attribute].as<std::string>());
}

Scp read_scp(const World& world, const Known& as_it_was, const Known& known,
             const YAML::Node& node) {
    only(node,
         {"n", "in", "below", "name", "keywords", "bindings", "description", "serviceClassName",
          "version", "copy_of", "rule", "marker", "raw_marker", "owner", "conflict", "fate"});
    const auto domain = domain_named(node["in"].as<std::string>());
    auto builder = an_scp().in(domain, forest_of(domain)).number(node["n"].as<unsigned>());
    if (const auto source = node["copy_of"]) {
        const auto n = source.as<unsigned>();
        const Scp& original = as_it_was.contains(n) ? as_it_was.at(n) : known.at(n);
        const auto name = node["rule"].as<std::string>(world.settings.rules.front().name);
        const auto rule = std::ranges::find(world.settings.rules, name, &Rule::name);
        // A copy of a rule that is gone looks as the first one's with another name.
        builder.copy_of(original,
                        rule == world.settings.rules.end() ? world.settings.rules.front() : *rule);
        Marker marker = *Scp(builder).marker;
        marker.rule = name;
        read_marker(builder, marker,
                    node["marker"] ? node["marker"] : YAML::Node(YAML::NodeType::Map));
    }
    read_values(builder, node, node["copy_of"].IsDefined());
    if (node["raw_marker"])
        builder.marked(node["raw_marker"].as<std::string>());
    if (node["name"])
        builder.named(node["name"].as<std::string>());
    if (node["below"])
        builder.below(node["below"].as<std::string>());
    if (node["version"])
        builder.version(node["version"].as<std::string>());
    if (node["owner"])
        builder.owned_by(node["owner"].as<std::string>() == "us" ? our_sid
                                                                 : node["owner"].as<unsigned>());
    if (node["conflict"].as<bool>(false))
        builder.conflict();
    return builder;
}

SourceFate read_fate(const YAML::Node& node) {
    static const std::map<std::string, SourceFate::State> states{
        {"deleted", SourceFate::State::deleted},
        {"absent", SourceFate::State::absent},
        {"alive", SourceFate::State::alive},
        {"not-seen", SourceFate::State::not_seen}};
    only(node, {"n", "in", "state", "detail"});
    SourceFate fate;
    fate.source = guid_number(node["n"].as<unsigned>());
    fate.origin = DomainName(domain_named(node["in"].as<std::string>()));
    fate.state = states.at(node["state"].as<std::string>());
    fate.detail = node["detail"].as<std::string>("");
    return fate;
}

Confirmations read_confirmations(const YAML::Node& list) {
    Confirmations confirmations;
    for (const auto& node : list) {
        only(node, {"n", "in", "reason", "reads"});
        const auto domain = domain_named(node["in"].as<std::string>());
        const auto reason = parse_reason(node["reason"].as<std::string>());
        if (!reason)
            throw std::runtime_error("no such reason");
        confirmations[{forest_of(domain), DomainName(domain), guid_number(node["n"].as<unsigned>()),
                       *reason}] = node["reads"].as<int>();
    }
    return confirmations;
}

RetiredBefore read_retired(const YAML::Node& list) {
    RetiredBefore retired;
    for (const auto& node : list) {
        only(node, {"n", "in", "times", "at"});
        const auto domain = domain_named(node["in"].as<std::string>());
        retired[{forest_of(domain), DomainName(domain), guid_number(node["n"].as<unsigned>())}] = {
            node["times"].as<int>(), *parse_rfc3339(node["at"].as<std::string>())};
    }
    return retired;
}

/// These domains were read from another DC the time before, all others from the same one. Of one
/// that is down nobody knows.
void read_replicas(World& world, const std::vector<std::string>& elsewhere) {
    for (auto& view : world.observation.domains) {
        const std::string same = "dc1." + view.domain.text();
        world.replicas[{view.forest, view.domain}] = same;
        if (view.complete())
            view.replica = same;
    }
    for (const auto& name : elsewhere) {
        const auto domain = domain_named(name);
        world.replicas.at({forest_of(domain), DomainName(domain)}) = "dc2." + domain;
    }
}

/// What this host has repaired. A repair left the copy as the first rule would now, but for `left`
/// and `name`.
Past read_past(const World& world, const Known& known, const YAML::Node& list) {
    Past past;
    for (const auto& node : list) {
        only(node, {"n", "at", "changed", "name", "left", "parked"});
        const Scp& copy = known.at(node["n"].as<unsigned>());
        Marker marker = *copy.marker;
        marker.sel = selector_hash(world.settings.rules.front());
        marker.attrs = attributes_hash(world.settings.rules.front());
        auto builder = ScpBuilder();
        read_marker(builder, marker, node["left"] ? node["left"] : YAML::Node(YAML::NodeType::Map));
        auto& one = past[copy.guid];
        for (const auto& at : strings(node["at"]))
            (node["parked"].as<bool>(false) ? one.parked : one.repairs)
                .push_back({*parse_rfc3339(at), *Scp(builder).marker,
                            node["name"].as<std::string>("svc"), strings(node["changed"])});
    }
    return past;
}

std::set<Place> read_places(const YAML::Node& node) {
    std::set<Place> places;
    for (const auto& pair : node) {
        const auto domain = domain_named(pair.first.as<std::string>());
        for (const auto& relative : dns(pair.second))
            places.insert(
                {forest_of(domain), DomainName(domain), nc_of(domain).descendant(relative)});
    }
    return places;
}

void read_domains(World& world, const YAML::Node& root) {
    for (const auto& name : {"corp.test", "emea.corp.test", "apac.corp.test"})
        world.domain(name);
    for (const auto& pair : root["domains"]) {
        const auto name = domain_named(pair.first.as<std::string>());
        auto& view = world.domain(name, forest_of(name));
        if (const auto state = pair.second.as<std::string>(); state != "complete")
            view.incomplete = Error{ErrorKind::unreachable, state, "", 0};
    }
    for (const auto& word : strings(root["no_domains"]))
        std::erase_if(world.observation.domains, [&](const DomainView& view) {
            return view.domain.text() == domain_named(word);
        });
    for (const auto& word : strings(root["owners"])) {
        auto& view = world.domain(domain_named(word));
        view.has_owners = true;
        view.our_sids = {sid_number(our_sid)};
    }
    std::set<std::string> forests;
    for (const auto& view : world.observation.domains)
        forests.insert(view.forest);
    for (const auto& name : forests) {
        world.topology.forests.emplace_back();
        world.topology.forests.back().name = name;
    }
    for (const auto& name : strings(root["lost_forests"])) {
        Forest forest;
        forest.name = name;
        forest.error = Error{ErrorKind::unreachable, "no server of it answers", "", 0};
        world.topology.forests.push_back(forest);
    }
}

/// What a global catalog shows of a domain, or why it cannot tell.
void read_catalogs(World& world, const YAML::Node& node) {
    for (const auto& pair : node) {
        const DomainName domain(domain_named(pair.first.as<std::string>()));
        CatalogView view;
        view.forest = forest_of(domain.text());
        view.domain = domain;
        if (pair.second.IsScalar())
            view.incomplete = Error{pair.second.as<std::string>() == "none" ? ErrorKind::not_found
                                                                            : ErrorKind::incomplete,
                                    pair.second.as<std::string>(), "", 0};
        else
            for (const auto& name : strings(pair.second))
                view.scps.push_back(nc_of(domain.text()).child("CN", "Any").child("CN", name));
        world.observation.catalogs.push_back(std::move(view));
    }
}

} // namespace

World read_scenario(const std::string& yaml) {
    const YAML::Node root = YAML::Load(yaml);
    only(root,
         {"what",        "rules",     "domains",  "no_domains",     "owners",  "lost_forests",
          "as_it_was",   "scps",      "fates",    "objects",        "missing", "unreadable",
          "confirmed",   "clock_set", "repaired", "read_elsewhere", "catalog", "marker_owners",
          "owner_names", "members",   "retired"});
    World world;
    read_domains(world, root);
    read_catalogs(world, root["catalog"]);
    read_owners(world, root["owner_names"], root["members"]);
    world.settings.marker_owners = owners(world, root["marker_owners"]);
    if (!root["rules"])
        read_rule(world, YAML::Node(YAML::NodeType::Map));
    for (const auto& node : root["rules"])
        read_rule(world, node);
    Known as_it_was, known;
    for (const auto& node : root["as_it_was"])
        as_it_was[node["n"].as<unsigned>()] = read_scp(world, {}, {}, node);
    for (const auto& node : root["scps"]) {
        const Scp scp = read_scp(world, as_it_was, known, node);
        known[node["n"].as<unsigned>()] = scp;
        if (node["fate"].as<bool>(false)) // read by GUID, not by the rule's keywords
            world.observation.fates.push_back(
                {scp.guid, scp.domain, SourceFate::State::alive, scp, ""});
        else
            world.add(scp);
    }
    for (const auto& node : root["fates"])
        world.observation.fates.push_back(read_fate(node));
    world.confirmations = read_confirmations(root["confirmed"]);
    if (root["clock_set"])
        world.clock_set = parse_rfc3339(root["clock_set"].as<std::string>()).value();
    world.retired = read_retired(root["retired"]);
    read_replicas(world, strings(root["read_elsewhere"]));
    world.past = read_past(world, known, root["repaired"]);
    world.other_objects = read_places(root["objects"]);
    world.missing_containers = read_places(root["missing"]);
    world.unreadable = read_places(root["unreadable"]);
    return world;
}

} // namespace scp::test
