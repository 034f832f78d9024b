#include "observe/search_domains.hpp"

#include <map>

namespace scp {

std::vector<Found> search_domains(std::span<const DomainSearch> searches, Sessions& sessions) {
    std::map<const Domain*, std::vector<std::size_t>> of;
    for (std::size_t i = 0; i < searches.size(); ++i)
        of[searches[i].domain].push_back(i);
    const std::vector<std::pair<const Domain*, std::vector<std::size_t>>> work(of.begin(),
                                                                               of.end());
    std::vector<Found> answers(searches.size());
    run_parallel(work.size(), static_cast<std::size_t>(sessions.settings().daemon.workers),
                 [&](std::size_t w) {
                     const auto& [domain, asked] = work[w];
                     const auto session = sessions.reader(domain->forest, domain->name);
                     std::vector<Search> batch;
                     for (const auto i : asked)
                         batch.push_back(searches[i].search);
                     auto found = session ? (*session)->search_all(batch) : std::vector<Found>();
                     for (std::size_t i = 0; i < asked.size(); ++i)
                         if (session)
                             answers[asked[i]] = std::move(found[i]);
                         else
                             answers[asked[i]].incomplete = session.error();
                 });
    return answers;
}

} // namespace scp
