#include "unit/daemon/mail.hpp"

#include <string>
#include <thread>

using namespace scp;
using namespace scp::test;
using std::chrono::milliseconds;

namespace {

DomainChanged changed(const std::string& forest, int n) {
    return {{forest, DomainName("d" + std::to_string(n) + ".test")}};
}

} // namespace

TEST_CASE("mailbox: the descriptor is readable while there is mail, and only then") {
    Mailbox mailbox;
    CHECK_FALSE(has_mail(mailbox, milliseconds{0}));
    CHECK(mailbox.take().empty());

    mailbox.post(changed("corp", 1));
    mailbox.post(DomainIsBack{{"corp", DomainName("corp.test")}});
    CHECK(has_mail(mailbox, milliseconds{0}));
    const auto mail = mailbox.take();
    REQUIRE(mail.size() == 2);
    CHECK(std::get<DomainChanged>(mail[0]).domain.second == DomainName("d1.test"));
    CHECK(std::holds_alternative<DomainIsBack>(mail[1]));
    CHECK_FALSE(has_mail(mailbox, milliseconds{0}));
    CHECK(mailbox.take().empty());
}

TEST_CASE("mailbox: nothing is lost between threads, and each one's mail keeps its order") {
    constexpr std::size_t writers = 4;
    constexpr int each = 500;
    Mailbox mailbox;
    std::vector<std::jthread> threads;
    for (std::size_t writer = 0; writer < writers; ++writer)
        threads.emplace_back([&mailbox, name = std::to_string(writer)] {
            for (int n = 0; n < each; ++n)
                mailbox.post(changed(name, n));
        });

    std::vector<int> seen(writers, 0);
    for (std::size_t total = 0; total < writers * each;)
        for (const auto& message : next_mail(mailbox)) {
            const auto& [forest, domain] = std::get<DomainChanged>(message).domain;
            int& expected = seen.at(std::stoul(forest));
            CHECK(domain == DomainName("d" + std::to_string(expected) + ".test"));
            ++expected;
            ++total;
        }
    CHECK_FALSE(has_mail(mailbox, milliseconds{0}));
}
