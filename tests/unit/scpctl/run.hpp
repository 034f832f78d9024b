#pragma once

#include "directory/memory.hpp"
#include "report/json.hpp"
#include "scpctl/program.hpp"
#include "support/temporary_folder.hpp"

#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace scp::test {

struct Ran {
    int code = 0;
    std::string out;
    std::string err;
    [[nodiscard]] Json json() const { return Json::parse(out, nullptr, false); }
};

/// scpctl in this process, over directories in memory.
class Program {
  public:
    Program() {
        environment["HOME"] = (folder / "home").string();
        environment["XDG_STATE_HOME"] = (folder / "state").string();
    }

    Ran operator()(const std::vector<std::string>& arguments) {
        std::ostringstream out;
        std::ostringstream err;
        struct Borrowed : Connector { // the program owns its connector, this test owns the forest
            explicit Borrowed(MemoryForest& to) : forest(to) {}
            Result<std::unique_ptr<Directory>> connect(const Endpoint& endpoint,
                                                       std::stop_token stop) override {
                return forest.connect(endpoint, std::move(stop));
            }
            Result<std::vector<LocatedServer>> locate(const LocateRequest& wanted) override {
                return forest.locate(wanted);
            }
            MemoryForest& forest;
        };
        const Surroundings around{
            .out = out,
            .err = err,
            .out_is_terminal = terminal,
            .err_is_terminal = terminal,
            .in_is_terminal = terminal,
            .make_connector = [this] { return std::make_unique<Borrowed>(forest); },
            .environment = [this](const char* name) { return environment[name]; },
            .read_answer = [this] { return answer; },
            .stop = stop.get_token(),
        };
        const int code = run_scpctl(arguments, around);
        return {code, out.str(), err.str()};
    }

    TemporaryFolder folder;
    MemoryForest forest;
    std::map<std::string, std::string> environment;
    std::string answer;
    std::stop_source stop;
    bool terminal = false;
};

} // namespace scp::test
