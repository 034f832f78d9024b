#pragma once

#include "directory/memory.hpp"
#include "report/json.hpp"
#include "scpctl/program.hpp"

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <unistd.h>

namespace scp::test {

/// A folder of this test's own, gone with it.
class Folder {
  public:
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "scpctl-test-XXXXXX").string();
        path_ = ::mkdtemp(name.data());
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    [[nodiscard]] std::string operator/(const std::string& name) const {
        return (path_ / name).string();
    }
    std::string write(const std::string& name, const std::string& text) const {
        std::ofstream(path_ / name, std::ios::binary) << text;
        return *this / name;
    }

  private:
    std::filesystem::path path_;
};

struct Ran {
    int code = 0;
    std::string out;
    std::string err;
    [[nodiscard]] Json json() const { return Json::parse(out, nullptr, false); }
};

/// scpctl in this process, over directories in memory.
class Program {
  public:
    Program() { environment["HOME"] = folder / "home"; }

    Ran operator()(const std::vector<std::string>& arguments) {
        std::ostringstream out;
        std::ostringstream err;
        struct Borrowed : Connector { // the program owns its connector, this test owns the forest
            explicit Borrowed(MemoryForest& to) : forest(to) {}
            Result<std::unique_ptr<Directory>> connect(const Endpoint& endpoint,
                                                       std::stop_token stop) override {
                return forest.connect(endpoint, std::move(stop));
            }
            Result<std::vector<ServerUri>> locate(const std::string& domain,
                                                  ServerUri::Scheme scheme,
                                                  std::chrono::milliseconds timeout) override {
                return forest.locate(domain, scheme, timeout);
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
        std::vector<std::string> all = arguments;
        if (::geteuid() == 0) { // a superuser's history would be the machine's own
            all.insert(all.begin(), {"--history", folder / "history"});
        }
        const int code = run_scpctl(all, around);
        return {code, out.str(), err.str()};
    }

    Folder folder;
    MemoryForest forest;
    std::map<std::string, std::string> environment;
    std::string answer;
    std::stop_source stop;
    bool terminal = false;
};

} // namespace scp::test
