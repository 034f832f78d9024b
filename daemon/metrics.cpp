#include "daemon/metrics.hpp"

#include "base/text.hpp"
#include "daemon/log_pipe.hpp"
#include "plan/rule_view.hpp"
#include "report/documents.hpp"

#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <mutex>

namespace scp {
namespace {

using Labels = prometheus::Labels;

/// Seconds. Cycles of a healthy forest are below one; those that meet a dead server take as long as
/// its time-outs.
const prometheus::Histogram::BucketBoundaries cycle_buckets{0.01, 0.05, 0.1, 0.25, 0.5, 1,  2.5,
                                                            5,    10,   30,  60,   120, 300};
const prometheus::Histogram::BucketBoundaries propagation_buckets{0.1, 0.25, 0.5, 1,   2.5, 5,
                                                                  10,  30,   60,  300, 900, 3600};

template <class Kind>
prometheus::Family<Kind>& family(prometheus::Registry& registry, const char* name,
                                 const char* help) {
    prometheus::detail::Builder<Kind> builder;
    return builder.Name(name).Help(help).Register(registry);
}

const char* result_of(const Change& change, const ApplyResults& results) {
    const auto found = results.find(change.id());
    if (found == results.end() || found->second.state == ChangeResult::State::skipped)
        return "skipped";
    return found->second.state == ChangeResult::State::done ? "done" : "failed";
}

bool is_done(const Change& change, const ApplyResults& results) {
    return std::string_view(result_of(change, results)) == "done";
}

/// A rule's name as the settings write it: a marker may name any.
std::string rule_label(std::string_view name, const Settings& settings) {
    const auto found = std::ranges::find_if(
        settings.rules, [&](const Rule& rule) { return equal_ascii_nocase(rule.name, name); });
    return found == settings.rules.end() ? "(other)" : found->name;
}

/// How the copies are that a cycle met.
class CopyStates {
  public:
    explicit CopyStates(const CycleReport& report) {
        for (const Held& held : all_held(report))
            held_.insert({held.forest, held.dn});
        for (const Change& change : report.plan.changes) {
            const bool done = is_done(change, report.results);
            if (done && change.op == Op::remove)
                deleted_.insert({change.forest, change.dn});
            else if (!done)
                failed_.insert({change.forest, change.dn});
        }
    }
    [[nodiscard]] bool is_deleted(const Scp& scp) const {
        return deleted_.contains({scp.forest, scp.dn});
    }
    [[nodiscard]] const char* of(const Scp& scp) const {
        const Key key{scp.forest, scp.dn};
        if (scp.marker->parked)
            return "parked";
        if (scp.marker->gone)
            return "retiring";
        return held_.contains(key) ? "held" : failed_.contains(key) ? "failed" : "in-sync";
    }

  private:
    using Key = std::pair<std::string, Dn>;
    std::set<Key> held_, failed_, deleted_;
};

} // namespace

void ChangeClock::seen(Time now) {
    next_ = next_.value_or(now);
}

void ChangeClock::cycle_began() {
    current_ = std::exchange(next_, std::nullopt);
}

std::optional<std::chrono::milliseconds> ChangeClock::cycle_ended(const CycleReport& report,
                                                                  Time now) {
    const auto since = std::exchange(current_, std::nullopt);
    bool written = false;
    bool all = !report.error;
    for (const Change& change : report.plan.changes) {
        const bool done = is_done(change, report.results);
        all = all && done;
        written = written || (done && change.op != Op::mark && change.op != Op::create_container);
    }
    if (since && !all)
        next_ = since; // older than anything seen meanwhile
    if (!since || !written)
        return std::nullopt;
    return std::chrono::duration_cast<std::chrono::milliseconds>(now - *since);
}

void Metrics::Gauges::show(const Values& values) {
    for (const auto& [labels, value] : values) {
        auto& gauge = shown_[labels];
        if (gauge == nullptr)
            gauge = &family_.Add(labels);
        gauge->Set(value);
    }
    std::erase_if(shown_, [&](const auto& one) {
        if (values.contains(one.first))
            return false;
        family_.Remove(one.second);
        return true;
    });
}

/// The library's registry has a lock for each family only: a cycle changes several.
struct Metrics::Shown : prometheus::Collectable {
    [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override {
        const std::lock_guard lock(whole);
        return registry.Collect();
    }
    mutable std::mutex whole;
    prometheus::Registry registry;
};

Metrics::Metrics()
    : shown_(std::make_shared<Shown>()),
      state_(family<prometheus::Gauge>(shown_->registry, "scpd_state",
                                       "How scpd is: 0 starting, 1 ok, 2 degraded, 3 paused.")
                 .Add({})),
      cycle_seconds_(family<prometheus::Histogram>(shown_->registry, "scpd_cycle_seconds",
                                                   "How long cycles took, from discovering the "
                                                   "forest to the last write.")
                         .Add({}, cycle_buckets)),
      propagation_seconds_(
          family<prometheus::Histogram>(shown_->registry, "scpd_propagation_seconds",
                                        "From a change that was seen until its copies were "
                                        "written.")
              .Add({}, propagation_buckets)),
      cycles_(family<prometheus::Counter>(shown_->registry, "scpd_cycles_total",
                                          "Cycles, by what they were due to.")),
      changes_(family<prometheus::Counter>(
          shown_->registry, "scpd_changes_total",
          "Writes, by rule, kind, and whether they were done, failed or skipped.")),
      operations_(family<prometheus::Counter>(
          shown_->registry, "scpd_ldap_operations_total",
          "What was asked of servers, by kind and by ok or the kind of error.")),
      held_(family<prometheus::Gauge>(shown_->registry, "scpd_held",
                                      "What the last cycle held, by rule and reason.")),
      complete_(family<prometheus::Gauge>(
          shown_->registry, "scpd_domain_complete",
          "1 where the last cycle read the domain to its proved end, else 0.")),
      last_seen_(family<prometheus::Gauge>(shown_->registry,
                                           "scpd_domain_last_seen_timestamp_seconds",
                                           "When the domain was last read to its proved end.")),
      copies_(family<prometheus::Gauge>(shown_->registry, "scpd_copies",
                                        "Copies, by rule: in-sync, held, failed, retiring or "
                                        "parked.")) {
    lost_ = &family<prometheus::Counter>(shown_->registry, "scpd_log_messages_lost_total",
                                         "Messages that the log's reader did not take in time.")
                 .Add({});
    family<prometheus::Gauge>(shown_->registry, "scpd_info", "1; which version this is.")
        .Add({{"version", SCP_VERSION}})
        .Set(1);
}

Metrics::~Metrics() = default;

void Metrics::operation(std::string_view operation, const Error* error) {
    operations_
        .Add({{"op", std::string(operation)}, {"result", error ? to_string(error->kind) : "ok"}})
        .Increment();
}

void Metrics::show_state(ServiceStatus::State state) {
    const auto number = [&] {
        switch (state) {
        case ServiceStatus::State::starting:
            return 0;
        case ServiceStatus::State::ok:
            return 1;
        case ServiceStatus::State::degraded:
            return 2;
        case ServiceStatus::State::paused:
            break;
        }
        return 3;
    };
    state_.Set(number());
}

void Metrics::cycle_ended(const CycleDone& done, const std::string& trigger,
                          const Settings& settings, const ServiceStatus& after,
                          std::chrono::steady_clock::time_point now) {
    const std::lock_guard lock(shown_->whole);
    const CycleReport& report = done.report;
    cycle_seconds_.Observe(std::chrono::duration<double>(done.took).count());
    cycles_.Add({{"trigger", trigger}}).Increment();
    if (const auto took = changes_seen_.cycle_ended(report, now))
        propagation_seconds_.Observe(std::chrono::duration<double>(*took).count());
    for (const Change& change : report.plan.changes)
        changes_
            .Add({{"rule", rule_label(change.rule, settings)},
                  {"op", to_string(change.op)},
                  {"result", result_of(change, report.results)}})
            .Increment();
    lost_->Increment(static_cast<double>(lost_messages()) - lost_->Value());
    show_state(after.state);
    show_held(report, settings);
    show_copies(report, settings, after);
    show_domains(after);
}

/// A reason that has ended stays at 0, as long as its rule is there.
void Metrics::show_held(const CycleReport& report, const Settings& settings) {
    std::erase_if(held_before_, [&](const Labels& labels) {
        return rule_label(labels.at("rule"), settings) != labels.at("rule");
    });
    Gauges::Values values;
    for (const Labels& labels : held_before_)
        values[labels] = 0;
    for (const Held& held : all_held(report))
        ++values[{{"rule", rule_label(held.rule, settings)}, {"reason", to_string(held.reason)}}];
    for (const auto& [labels, count] : values)
        held_before_.insert(labels);
    held_.show(values);
}

void Metrics::show_domains(const ServiceStatus& status) {
    Gauges::Values complete;
    Gauges::Values seen;
    for (const DomainStatus& domain : status.domains) {
        const Labels labels{{"domain", domain.domain}};
        complete[labels] = domain.error.empty() ? 1 : 0;
        if (domain.last_seen)
            seen[labels] = static_cast<double>(domain.last_seen->time_since_epoch().count());
    }
    complete_.show(complete);
    last_seen_.show(seen);
}

/// Of a domain that was not read whole, what it had before: which of its copies are missing is not
/// known.
void Metrics::show_copies(const CycleReport& report, const Settings& settings,
                          const ServiceStatus& status) {
    const CopyStates states(report);
    const PlanInput input{.settings = settings,
                          .rules = settings.rules,
                          .topology = report.topology,
                          .observation = report.observation};
    const auto owners = copy_owners(input);
    for (const DomainView& view : report.observation.domains) {
        if (!view.complete())
            continue;
        auto& count = copies_of_[{view.forest, view.domain}];
        count.clear();
        for (const Scp& scp : view.scps)
            if (scp.marker && equal_ascii_nocase(scp.marker->instance, settings.instance) &&
                owned_by_us(scp, view, owners) && !states.is_deleted(scp))
                ++count[{rule_label(scp.marker->rule, settings), states.of(scp)}];
    }
    for (const Change& change : report.plan.changes)
        if (change.op == Op::create && is_done(change, report.results))
            ++copies_of_[{change.forest, change.domain}]
                        [{rule_label(change.rule, settings), "in-sync"}];
    std::erase_if(copies_of_, [&](const auto& one) {
        return std::ranges::none_of(status.domains, [&](const DomainStatus& domain) {
            return one.first == DomainKey{domain.forest, DomainName(domain.domain)};
        });
    });
    Gauges::Values values;
    for (const Rule& rule : settings.rules)
        values[{{"rule", rule.name}, {"state", "in-sync"}}] = 0;
    for (const auto& [domain, counts] : copies_of_)
        for (const auto& [of, count] : counts)
            values[{{"rule", rule_label(of.first, settings)}, {"state", of.second}}] += count;
    copies_.show(values);
}

std::shared_ptr<prometheus::Collectable> Metrics::collectable() const {
    return shown_;
}

std::string Metrics::text() const {
    return prometheus::TextSerializer().Serializer::Serialize(shown_->Collect());
}

} // namespace scp
