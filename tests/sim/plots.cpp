#include "sim/event.hpp"

#include <array>

// Short sequences that belong together, for what chance seldom brings: each leads to where one
// guard alone stands between a story and its harm. Everything else of the story goes on around it.

namespace scp::sim {
namespace {

using Below = std::function<unsigned(unsigned)>;

class Plot {
  public:
    Plot(Story& story, const Below& below) : story_(story), below_(below) {}

    /// What was read later is not newer: a DC lags, or was restored.
    void older_source() {
        if (story_.shape % 8 == 0)
            ++story_.shape; // two DCs are needed
        publish(0, name());
        move_account(1);
        const bool restored = below_(2) == 0;
        then(restored ? What::snapshot : What::time_passes, 300, 0, 0, 0);
        then(restored ? What::source_change : What::replication_stops, 5, 0, 1, 0).same = true;
        then(restored ? What::replication_stops : What::source_change, restored ? 400 : 5, 0, 1, 0)
            .same = true;
        then(restored ? What::restore : What::unreachable, 10, 0, 1, 0);
        cycles(2, 10);
    }

    /// A source that differs is where nobody can look.
    void unseen_source() {
        story_.shape = story_.shape / 8 * 8 + 1 + below_(2); // four domains
        const unsigned hidden = 1 + below_(3);
        const unsigned seen = (hidden + 1 + below_(3)) % 4;
        unsigned target = 0;
        while (target == hidden || target == seen)
            ++target;
        const unsigned one = name();
        then(std::array{What::unreachable, What::reads_hidden, What::partial_answers}.at(below_(3)),
             1, hidden + 1, 2 + below_(2), 0);
        publish(hidden, one);
        move_account(target);
        publish(seen, one);
        cycles(2, 200);
    }

    /// Somebody else is at a copy at the moment that it is written to.
    void at_one_moment() {
        publish(below_(4), name());
        move_account(below_(4));
        Event& other = then(some_hand(), 300, below_(64), below_(64), below_(64));
        other.same = true;
        other.moment = below_(3) == 0 ? Moment::planned : Moment::write;
        other.inside = static_cast<int>(below_(2));
        other.daemon = static_cast<int>(below_(2));
        for (unsigned changes = 1 + below_(2); changes > 0; --changes)
            then(std::array{What::source_change, What::edit_bindings, What::source_rename}.at(
                     below_(3)),
                 30, below_(64), below_(64), 0)
                .same = true;
        cycles(1, 30);
    }

    /// A copy goes, and somebody is at it meanwhile.
    void late_change() {
        story_.shape = story_.shape / 64 * 64 + 24 + story_.shape % 8; // mode sync
        publish(below_(4), name());
        move_account(below_(4));
        then(below_(3) == 0 ? What::source_unmatch : What::source_delete, 300, 0, 0, 0).same = true;
        const What hand = some_hand();
        for (int daemon = 0; daemon < 2; ++daemon) {
            Event& other = then(hand, 0, below_(64), below_(64), below_(64));
            other.same = true;
            other.daemon = daemon;
            other.moment = std::array{Moment::delete_planned, Moment::delete_planned, Moment::write,
                                      Moment::delete_write}
                               .at(below_(4));
        }
        cycles(3, 5);
        cycles(1, 1850); // after the grace
    }

    /// Somebody changes a copy back again and again.
    void fight() {
        publish(below_(4), name());
        move_account(below_(4));
        cycles(1, 60);
        const What hand = below_(3) == 0 ? What::edit_copy : What::edit_bindings;
        const int pause = std::array{30, 300, 700}.at(below_(3));
        for (unsigned rounds = 4 + below_(3); rounds > 0; --rounds) {
            then(hand, pause, 0, 0, 0).same = true;
            cycles(1, 1);
        }
    }

  private:
    [[nodiscard]] unsigned name() const { return below_(64); }

    Event& then(What what, int delay, unsigned a, unsigned b, unsigned c) const {
        Event event;
        event.what = what;
        event.delay = delay;
        event.a = a;
        event.b = b;
        event.c = c;
        story_.events.push_back(event);
        return story_.events.back();
    }
    void publish(unsigned domain, unsigned name) const {
        then(What::source_add, 2, domain, name, 0);
    }
    void move_account(unsigned domain) const { then(What::account_move, 2, 0, domain, 0); }
    void cycles(int count, int delay) const {
        for (int i = 0; i < count; ++i)
            for (int daemon = 0; daemon < 2; ++daemon)
                then(What::resync, delay, 0, 0, 0).daemon = daemon;
    }
    [[nodiscard]] What some_hand() const {
        return std::array{What::edit_copy,   What::edit_bindings, What::release_copy,
                          What::park_copy,   What::delete_copy,   What::rename_copy,
                          What::move_copy,   What::other_daemon,  What::other_daemon,
                          What::source_back, What::lose_answer,   What::kill}
            .at(below_(12));
    }

    Story& story_;
    const Below& below_;
};

} // namespace

void add_plot(Story& story, const Below& below) {
    Plot plot(story, below);
    switch (below(5)) {
    case 0:
        return plot.older_source();
    case 1:
        return plot.unseen_source();
    case 2:
        return plot.at_one_moment();
    case 3:
        return plot.fight();
    default:
        return plot.late_change();
    }
}

} // namespace scp::sim
