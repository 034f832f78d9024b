#include "scpctl/daemon.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

namespace scp {

Result<Json> read_status(RunningDaemon& daemon) {
    const auto text = daemon.status();
    if (!text)
        return fail(text.error());
    Json document = Json::parse(*text, nullptr, false);
    if (!document.is_object() || document.value("schema", "") != "scpd.status/1")
        return fail(ErrorKind::incomplete, "scpd's answer is no scpd.status/1",
                    "are scpd and scpctl of one version?");
    return document;
}

std::unique_ptr<RunningDaemon> daemon_for(Context& context) {
    auto daemon = context.around().find_daemon();
    if (!daemon)
        return nullptr;
    const bool named =
        !context.options().config.empty() || !context.around().environment("SCPD_CONFIG").empty();
    const auto settings = named ? context.settings() : Result<const Settings*>(nullptr);
    const auto status = named ? read_status(**daemon) : Result<Json>(Json::object());
    if (!named || !settings || !status)
        return std::move(*daemon); // who may not read may act all the same: polkit decides
    const std::string instance = status->value("instance", "");
    if (instance == (*settings)->instance)
        return std::move(*daemon);
    context.out().note(fmt::format("scpctl: scpd runs here for instance {}, not {}: it is left "
                                   "alone, and this is done without it",
                                   printable(instance), printable((*settings)->instance)));
    return nullptr;
}

Result<void> have_done(Context& context, RunningDaemon& daemon, const std::string& method,
                       const std::vector<std::string>& arguments) {
    return daemon.act(method, arguments, context.around().in_is_terminal);
}

Result<Exit> ask_daemon(Context& context, const std::string& method,
                        const std::vector<std::string>& arguments, const std::string& said) {
    const auto daemon = context.around().find_daemon();
    if (!daemon)
        return fail(daemon.error());
    if (const auto done = have_done(context, **daemon, method, arguments); !done)
        return fail(done.error());
    if (context.out().structured())
        context.out().document({{"schema", "scpd.request/1"}, {"method", method}, {"done", true}});
    else
        context.out().text(said + "\n");
    return Exit::ok;
}

} // namespace scp
