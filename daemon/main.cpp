#include "daemon/daemon.hpp"
#include "daemon/log.hpp"
#include "directory/libldap/connector.hpp"
#include "history/state_dir.hpp"
#include "settings/load.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <csignal>
#include <exception>
#include <iostream>

#include <malloc.h>
#include <unistd.h>

namespace {

constexpr int exit_usage = 2;

std::string settings_file_by_default() {
    const std::string named = scp::process_environment("SCPD_CONFIG");
    return !named.empty() ? named : "/etc/scpd/scpd.yaml";
}

/// Before any thread is made: the event loop alone takes these.
void block_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP})
        sigaddset(&signals, signal);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN); // a full quota is an error of the history, not our end
}

/// Before any thread is made. glibc would let our threads have up to eight arenas a processor, each
/// with holes that the others cannot fill: after 1,500 cycles these were 6 MB for 2 MB of content,
/// and grew. Nobody here allocates so much that one arena is a wait.
void share_one_heap() {
    mallopt(M_ARENA_MAX, 1);
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app{"Mirrors serviceConnectionPoints into the Active Directory domains where agents' "
                 "accounts live.",
                 "scpd"};
    scp::DaemonOptions options;
    std::string file = settings_file_by_default();
    std::string history = scp::default_history_dir(scp::process_environment, ::geteuid()).string();
    app.add_option("-c,--config", file, "Settings file")->capture_default_str()->type_name("FILE");
    app.add_option("--history", history, "Where the history of writes is kept")
        ->capture_default_str()
        ->type_name("DIR");
    options.state_file = scp::default_state_file(scp::process_environment, ::geteuid());
    app.set_version_flag("--version", "scpd " SCP_VERSION);
    app.footer("Signals: SIGHUP loads the settings anew, SIGTERM ends cleanly.\n"
               "EXIT STATUS: 0 ended as asked; 1 failed; 2 wrong flags or settings.\n"
               "See scpctl for looking, explaining and one-off repairs.");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : exit_usage;
    }
    block_signals();
    share_one_heap();

    scp::Loaded loaded = scp::load_settings(file);
    if (!loaded.problems.empty()) {
        for (const auto& problem : loaded.problems)
            std::cerr << problem.to_string() << '\n';
        std::cerr
            << "scpd: the settings have problems; nothing was started. Check them with: scpctl -c "
            << file << " config check\n";
        return exit_usage;
    }
    try {
        scp::set_up_log(loaded.settings.log);
        scp::log_event(
            {scp::EventKind::started, fmt::format("scpd {} started with {} (instance {})",
                                                  SCP_VERSION, file, loaded.settings.instance)});
        for (const auto& warning : loaded.warnings)
            scp::log_event({scp::EventKind::settings_doubtful, warning.to_string()});
        const auto connector = scp::make_ldap_connector();
        const int status =
            scp::Daemon({file, history, options.state_file}, std::move(loaded.settings), *connector)
                .run();
        scp::log_event({scp::EventKind::stopped, "stopped"});
        scp::finish_log();
        return status;
    } catch (const std::exception& error) {
        scp::log_event(
            {scp::EventKind::cannot_run, fmt::format("scpd cannot run: {}", error.what())});
        scp::finish_log();
        return 1;
    }
}
