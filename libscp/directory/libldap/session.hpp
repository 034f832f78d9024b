#pragma once

#include "directory/directory.hpp"
#include "directory/libldap/link.hpp"

#include <map>

namespace scp {

/// A Directory over one Link.
class LdapSession : public Directory {
  public:
    /// Connects, binds and reads the RootDSE.
    [[nodiscard]] static Result<std::unique_ptr<Directory>>
    open(const Endpoint& endpoint, TicketStore& store, const std::stop_token& stop);

    [[nodiscard]] const RootDse& root_dse() const override { return root_dse_; }
    [[nodiscard]] const std::string& server() const override { return link_->server(); }
    [[nodiscard]] bool takes_guid_names() const override { return takes_guid_names_; }
    [[nodiscard]] Found search(const Search& search) override;
    [[nodiscard]] std::vector<Found> search_all(std::span<const Search> searches) override;
    [[nodiscard]] std::vector<Result<void>> write(std::span<const Write> writes) override;
    [[nodiscard]] Result<void> persist(const Dn& nc, const Filter& filter,
                                       std::chrono::milliseconds heartbeat, std::stop_token stop,
                                       const std::function<void()>& on_change) override;
    [[nodiscard]] Result<void> listen(std::span<const WatchedPlace> places) override;
    [[nodiscard]] Result<std::vector<Entry>> heard(std::chrono::milliseconds patience,
                                                   std::stop_token stop) override;

  private:
    LdapSession(std::unique_ptr<Link> link, std::chrono::milliseconds timeout)
        : link_(std::move(link)), timeout_(timeout) {}

    /// One request and what has come for it so far.
    struct Page {
        bool paged = false;
        bool done = false;
        std::string cookie; ///< not empty: there is more
    };
    Result<void> read_root_dse(Deadline deadline);
    Result<void> probe_guid_names(Deadline deadline);
    [[nodiscard]] std::string name_of(const ObjectRef& object) const;
    [[nodiscard]] bool is_paged(const Search& search) const;
    Result<int> send_search(const Search& search, bool paged, const std::string& cookie,
                            Deadline deadline);
    /// Takes one message of a search. An Error: the search is incomplete with it.
    Result<void> take(LDAPMessage* message, const Search& search, Found& found, Page& page);
    Result<void> take_entry(LDAPMessage* message, Found& found);
    Result<void> take_result(LDAPMessage* message, const Search& search, Found& found, Page& page);
    Result<void> finish_page(const Search& search, const Outcome& outcome, Page& page);
    Found run(const Search& search, Deadline deadline);
    void fetch_ranges(Found& found, const Search& search, Deadline deadline);
    Result<void> fetch_range(Entry& entry, const std::string& ranged_name, const Search& search,
                             Deadline deadline);
    [[nodiscard]] std::string describe(const Search& search) const;
    Error late(std::string_view what);
    /// What a request that should never end has ended with.
    Error ended(LDAPMessage* message, const std::string& what);
    Result<int> send_listen(const WatchedPlace& place);

    Result<int> send_write(const Write& write, Deadline deadline);
    [[nodiscard]] std::string describe(const Write& write) const;

    std::unique_ptr<Link> link_;
    std::chrono::milliseconds timeout_;
    RootDse root_dse_;
    std::map<int, WatchedPlace> listening_; ///< by message ID
    bool takes_guid_names_ = false;
    bool in_clear_ = false; ///< anonymous without TLS: reading is all that may be done
};

} // namespace scp
