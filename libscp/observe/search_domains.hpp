#pragma once

#include "forest/sessions.hpp"

#include <span>

namespace scp {

/// One search, of the server that this cycle reads a domain from.
struct DomainSearch {
    const Domain* domain = nullptr;
    Search search;
};

/// Pipelined in each domain, all domains at once. Answers in the order asked; those of a domain
/// that cannot be reached are incomplete.
[[nodiscard]] std::vector<Found> search_domains(std::span<const DomainSearch> searches,
                                                Sessions& sessions);

} // namespace scp
