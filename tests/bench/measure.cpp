// What tests/bench/run compares, one pair a call; prints the median seconds of both, in one line.
//   measure plan             per decision: a large forest, a small one
//   measure apply URI CA_FILE BIND_DN PASSWORD_FILE CONTAINER
//                            creates: one at a time, pipelined
#include "apply/apply.hpp"
#include "directory/libldap/connector.hpp"
#include "support/temporary_folder.hpp"
#include "support/world.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <functional>
#include <string>
#include <vector>

using namespace scp;
using namespace scp::test;

namespace {

constexpr int rounds = 5;

double seconds_of(const std::function<void()>& work) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// Side by side, so that a busy machine slows both.
void compare(const std::function<double()>& first, const std::function<double()>& second) {
    std::vector<double> a, b;
    for (int round = 0; round < rounds; ++round) {
        a.push_back(first());
        b.push_back(second());
    }
    std::ranges::sort(a);
    std::ranges::sort(b);
    fmt::print("{} {}\n", a[rounds / 2], b[rounds / 2]);
}

/// Each rule's one source is wanted in all other domains, and half of the copies are there.
World forest_of(unsigned domains, unsigned rules) {
    World world;
    for (unsigned d = 0; d < domains; ++d)
        world.domain(fmt::format("d{}.test", d));
    for (unsigned r = 0; r < rules; ++r) {
        Rule rule = a_rule(fmt::format("rule{}", r));
        rule.keywords = {fmt::format("product{}", r)};
        for (unsigned d = 0; d < domains; ++d)
            world.account(rule, fmt::format("d{}.test", d));
        world.add_rule(rule);
        world.add(an_scp()
                      .in(fmt::format("d{}.test", r % domains))
                      .number(r + 1)
                      .named(fmt::format("svc{}", r))
                      .with_keyword(rule.keywords.front())
                      .with_binding("https://example.test"));
    }
    Plan all = world.plan();
    std::size_t n = 0;
    std::erase_if(all.changes, [&](const Change&) { return n++ % 2 == 0; });
    world.apply(all);
    static_cast<void>(world.plan()); // the places that are left are looked at
    return world;
}

double seconds_a_decision(const World& world) {
    std::size_t decisions = 0;
    const double took = seconds_of([&] {
        const Plan plan = make_plan(world.input());
        decisions = plan.changes.size() + plan.held.size() + plan.in_sync;
    });
    if (decisions == 0)
        throw std::runtime_error("nothing was decided");
    return took / static_cast<double>(decisions);
}

void measure_plan() {
    const World large = forest_of(200, 10);
    const World small = forest_of(20, 1);
    compare([&] { return seconds_a_decision(large); }, [&] { return seconds_a_decision(small); });
}

class OneSession : public WriteSessions {
  public:
    explicit OneSession(const Endpoint& endpoint) {
        auto session = connector_->connect(endpoint, {});
        if (!session)
            throw std::runtime_error(session.error().message);
        session_ = std::move(*session);
    }
    Result<Directory*> updater(const std::string&, const DomainName&) override {
        return session_.get();
    }
    Result<Directory*> creator(const std::string&, const DomainName&) override {
        return session_.get();
    }

  private:
    std::unique_ptr<Connector> connector_ = make_ldap_connector();
    std::unique_ptr<Directory> session_;
};

Change create_in(const Dn& container, int number) {
    Change change;
    change.op = Op::create;
    change.forest = "corp";
    change.domain = DomainName("corp.test");
    change.nc = container.parent().parent();
    change.dn = container.child("CN", fmt::format("bench{}", number));
    change.after = {{"keywords", {"bench"}}, {"serviceBindingInformation", {"b"}}};
    change.marker_after = "scpd1;bench";
    return change;
}

void measure_apply(const std::vector<std::string>& arguments) {
    constexpr int writes = 64;
    Endpoint endpoint;
    endpoint.uri = ServerUri::parse(arguments.at(0)).value();
    endpoint.tls.ca_file = arguments.at(1);
    endpoint.auth.mechanism = AuthSettings::Mechanism::simple;
    endpoint.auth.bind_dn = arguments.at(2);
    endpoint.auth.password_file = arguments.at(3);
    const Dn container = Dn::parse(arguments.at(4)).value();
    OneSession sessions(endpoint);
    const TemporaryFolder folder;
    const auto history = History::open(folder.path()).value();
    int number = 0;
    const auto apply_with = [&](std::size_t window) {
        Plan plan;
        for (int i = 0; i < writes; ++i)
            plan.changes.push_back(create_in(container, number++));
        ApplyOptions options;
        options.window = window;
        return seconds_of([&] {
            for (const auto& [id, result] : apply(plan, sessions, options, *history))
                if (result.state != ChangeResult::State::done)
                    throw std::runtime_error(result.error ? result.error->message : "not done");
        });
    };
    compare([&] { return apply_with(1); }, [&] { return apply_with(ApplyOptions().window); });
}

} // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    try {
        if (arguments.size() == 1 && arguments[0] == "plan")
            measure_plan();
        else if (arguments.size() == 6 && arguments[0] == "apply")
            measure_apply({arguments.begin() + 1, arguments.end()});
        else
            return 2;
    } catch (const std::exception& error) {
        fmt::print(stderr, "measure: {}\n", error.what());
        return 1;
    }
    return 0;
}
