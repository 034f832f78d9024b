#include "directory/libldap/connector.hpp"
#include "history/state_dir.hpp"
#include "scpctl/bus.hpp"
#include "scpctl/program.hpp"
#include "scpctl/signals.hpp"

#include <chrono>
#include <iostream>

#include <unistd.h>

/// Four KDCs that are silent, at 10 s each in libkrb5, before one that answers.
constexpr std::chrono::seconds ticket_patience{45};

int main(int argc, char** argv) {
    scp::Signals signals;
    const scp::Surroundings around{
        .out = std::cout,
        .err = std::cerr,
        .out_is_terminal = ::isatty(STDOUT_FILENO) == 1,
        .err_is_terminal = ::isatty(STDERR_FILENO) == 1,
        .in_is_terminal = ::isatty(STDIN_FILENO) == 1,
        .make_connector = [] { return scp::make_ldap_connector(ticket_patience); },
        .environment = scp::process_environment,
        .read_answer = [&] { return signals.read_line(STDIN_FILENO); },
        .stop = signals.stop(),
        .find_daemon = [&] { return scp::find_running_daemon(signals.stop()); },
    };
    return scp::run_scpctl({argv + 1, argv + argc}, around);
}
