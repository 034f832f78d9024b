#include "plan/order.hpp"

#include "base/hash.hpp"

#include <algorithm>
#include <array>
#include <tuple>

namespace scp {
namespace {

/// Length-prefixed, so that no two lists of parts run into one text.
std::string sized(std::initializer_list<std::string_view> parts) {
    std::string out;
    for (const auto part : parts) {
        out += std::to_string(part.size());
        out += ':';
        out += part;
    }
    return out;
}

/// Op, forest, naming context, DN or GUID, old → new values: what makes a change the same change.
std::string digest(const Change& change) {
    return sha256_hex(sized({to_string(change.op), change.forest, change.nc.key(),
                             change.guid ? change.guid->to_string() : change.dn.key(),
                             content_hash(change.before), content_hash(change.after),
                             change.new_dn ? change.new_dn->key() : ""}));
}

/// Containers come first, outer before inner: nothing can be created below what is not there.
auto order_of(const Change& change) {
    const bool container = change.op == Op::create_container;
    return std::tuple(change.forest, change.domain, container ? change.dn.depth() : SIZE_MAX,
                      change.dn.key(), change.op, change.id());
}

auto order_of(const Held& held) {
    return std::tuple(held.forest, held.domain, held.dn.key(), held.reason, held.rule, held.id());
}

/// The keys hold digests: each is made once.
template <class T, class Key> void sort_by_key(std::vector<T>& list, Key key_of) {
    std::vector<std::pair<decltype(key_of(list.front())), std::size_t>> keys;
    for (std::size_t i = 0; i < list.size(); ++i)
        keys.emplace_back(key_of(list[i]), i);
    std::ranges::sort(keys);
    std::vector<T> in_order;
    for (const auto& [key, index] : keys)
        in_order.push_back(std::move(list[index]));
    list = std::move(in_order);
}

} // namespace

std::string to_string(Op op) {
    static constexpr std::array names{"create", "update",           "rename",
                                      "delete", "create-container", "mark"};
    return names.at(static_cast<std::size_t>(op));
}

std::string Change::id() const {
    return digest(*this).substr(0, 12);
}

std::string Held::id() const {
    std::string of_sources;
    for (const auto& source : sources)
        of_sources += source.guid.to_string();
    return sha256_hex(sized({to_string(reason), lower_ascii(rule), forest, domain.text(), dn.key(),
                             change ? digest(*change) : "", of_sources}))
        .substr(0, 12);
}

std::string Plan::hash() const {
    std::vector<std::string> digests;
    for (const auto& change : changes)
        digests.push_back(digest(change));
    for (const auto& one : held)
        if (one.change &&
            (one.reason == Reason::limit_exceeded || one.reason == Reason::awaiting_approval))
            digests.push_back(digest(*one.change));
    std::ranges::sort(digests);
    std::string all;
    for (const auto& one : digests)
        all += one;
    return "sha256:" + sha256_hex(all);
}

void put_in_order(Plan& plan) {
    sort_by_key(plan.changes, [](const Change& change) { return order_of(change); });
    sort_by_key(plan.held, [](const Held& held) {
        return std::tuple_cat(order_of(held), std::tuple(held.detail));
    });
    const auto alike = [](const Held& a, const Held& b) { return a.id() == b.id(); };
    plan.held.erase(std::unique(plan.held.begin(), plan.held.end(), alike), plan.held.end());
}

} // namespace scp
