#pragma once

#include "daemon/mailbox.hpp"

#include <doctest/doctest.h>

#include <vector>

#include <poll.h>

namespace scp::test {

/// The descriptor can be read within that time.
inline bool has_mail(const Mailbox& mailbox, std::chrono::milliseconds within) {
    pollfd waiting{mailbox.descriptor(), POLLIN, 0};
    return ::poll(&waiting, 1, static_cast<int>(within.count())) == 1;
}

/// What comes next; fails the test where nothing comes.
inline std::vector<Message> next_mail(Mailbox& mailbox) {
    REQUIRE(has_mail(mailbox, std::chrono::seconds{30}));
    return mailbox.take();
}

} // namespace scp::test
