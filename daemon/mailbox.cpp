#include "daemon/mailbox.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace scp {

Mailbox::Mailbox() : descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (descriptor_ < 0)
        throw std::system_error(errno, std::generic_category(), "eventfd");
}

Mailbox::~Mailbox() {
    close(descriptor_);
}

void Mailbox::post(Message message) {
    const std::scoped_lock guard(lock_);
    messages_.push_back(std::move(message));
    eventfd_write(descriptor_,
                  1); // can fail only when the counter is full, and then the reader is awake
}

std::vector<Message> Mailbox::take() {
    const std::scoped_lock guard(lock_);
    eventfd_t count = 0;
    eventfd_read(descriptor_, &count);
    return std::exchange(messages_, {});
}

} // namespace scp
