#include "daemon/errands.hpp"

#include <utility>

namespace scp {

Errands::Errands(Mailbox& mailbox) : mailbox_(mailbox) {}

Errands::~Errands() = default;

void Errands::run(Work work, Then then) {
    static std::uint64_t last = 0; // of all objects, which share one mailbox; main thread alone
    const std::uint64_t id = ++last;
    then_.emplace(id, std::move(then));
    {
        const std::scoped_lock guard(lock_);
        errands_.push_back({id, std::move(work)});
    }
    more_.notify_one();
    if (!thread_.joinable())
        thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
}

bool Errands::finish(const ErrandDone& done) {
    auto found = then_.extract(done.id);
    if (found.empty())
        return false;
    found.mapped()(done.result);
    return true;
}

void Errands::serve(const std::stop_token& stop) {
    for (;;) {
        Errand errand;
        {
            std::unique_lock guard(lock_);
            if (!more_.wait(guard, stop, [this] { return !errands_.empty(); }))
                return;
            errand = std::move(errands_.front());
            errands_.pop_front();
        }
        mailbox_.post(ErrandDone{errand.id, errand.work(stop)});
        if (stop.stop_requested())
            return;
    }
}

} // namespace scp
