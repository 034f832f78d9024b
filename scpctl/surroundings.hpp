#pragma once

#include "directory/directory.hpp"
#include "scpctl/bus.hpp"

#include <functional>
#include <iosfwd>
#include <memory>
#include <stop_token>
#include <string>

namespace scp {

/// What scpctl meets outside itself, so that tests can run it in process.
struct Surroundings {
    std::ostream& out; ///< results
    std::ostream& err; ///< everything else
    bool out_is_terminal = false;
    bool err_is_terminal = false;
    bool in_is_terminal = false;
    std::function<std::unique_ptr<Connector>()> make_connector;
    std::function<std::string(const char* name)> environment; ///< empty where it is not set
    /// Reads one line of answer from the terminal; empty at its end or when interrupted.
    std::function<std::string()> read_answer;
    std::stop_token stop; ///< SIGINT, SIGTERM
    /// The scpd of this host; ErrorKind::unreachable where none runs.
    std::function<Result<std::unique_ptr<RunningDaemon>>()> find_daemon =
        []() -> Result<std::unique_ptr<RunningDaemon>> {
        return fail(ErrorKind::unreachable, "scpd does not run on this host");
    };
};

} // namespace scp
