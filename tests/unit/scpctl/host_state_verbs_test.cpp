// approve, pause and resume: the state file, without any directory.
#include "history/state.hpp"
#include "run.hpp"

#include <doctest/doctest.h>

#include <fstream>

using namespace scp;
using namespace scp::test;

namespace {

const std::string hash = "sha256:" + std::string(64, 'a');

struct Host : Program {
    Host() {
        environment["SCPD_CONFIG"] = (folder / "scpd.yaml").string();
        std::ofstream(folder / "scpd.yaml")
            << "instance: lab\nforests: [{name: corp, domain: corp.test}]\n"
               "rules: [{name: mage, match: {keywords: [K]}, accounts: [a@corp.test]}]\n";
    }
    [[nodiscard]] StateFile file() const { return StateFile(folder / "state/scpd/state.json"); }
    [[nodiscard]] HostState state() const { return file().read().value(); }
};

} // namespace

TEST_CASE("pause and resume write the state file and say what holds") {
    Host scpctl;
    Ran ran = scpctl({"pause", "MAGE", "--reason", "db1 moves"});
    CHECK(ran.code == 0);
    CHECK(ran.out.starts_with("rule mage is paused now\npaused: rule mage since "));
    CHECK(ran.out.find(": db1 moves\n") != std::string::npos);
    REQUIRE(scpctl.state().pauses.size() == 1);
    CHECK(scpctl.state().pauses[0].rule == "mage");
    CHECK(scpctl.state().pauses[0].who == this_user());

    CHECK(scpctl({"pause", "mage"}).out.starts_with("rule mage was paused already\n"));
    CHECK(scpctl({"pause"}).out.starts_with("all rules are paused now\npaused: all rules "));
    CHECK(scpctl.state().pauses.size() == 2);

    ran = scpctl({"resume"});
    CHECK(ran.code == 0);
    CHECK(ran.out.starts_with("the pause of all rules is over now\npaused: rule mage "));
    CHECK(scpctl({"resume"}).out.starts_with("not all rules were paused\npaused: rule mage "));
    CHECK(scpctl({"resume", "Mage"}).out == "the pause of rule mage is over now\n");
    CHECK(scpctl({"resume", "mage"}).out == "rule mage was not paused by itself\n");
    CHECK(scpctl.state() == HostState{});
}

TEST_CASE("a rule that was paused is resumed though it is not in the settings any more") {
    Host scpctl;
    CHECK(scpctl({"pause", "mage"}).code == 0);
    std::filesystem::remove(scpctl.folder / "scpd.yaml");
    CHECK(scpctl({"pause"}).code == 0); // nor do broken settings keep anybody from pausing all
    CHECK(scpctl({"pause", "mage"}).code == 2);
    CHECK(scpctl({"resume", "mage"}).code == 0);
    CHECK(scpctl({"resume"}).code == 0);
    CHECK(scpctl.state() == HostState{});
}

TEST_CASE("approve keeps the hash") {
    Host scpctl;
    const Ran ran = scpctl({"approve", "SHA256:" + std::string(64, 'A')});
    CHECK(ran.code == 0);
    CHECK(ran.out.starts_with("approved: " + hash));
    REQUIRE(scpctl.state().approvals.size() == 1);
    CHECK(scpctl.state().approvals[0].hash == hash);
    CHECK(scpctl({"approve", hash}).code == 0);
    CHECK(scpctl.state().approvals.size() == 1);
}

TEST_CASE("the documents of approve, pause and resume") {
    Host scpctl;
    scpctl({"approve", hash});
    const Json document = scpctl({"pause", "mage", "--reason", "r", "-o", "json"}).json();
    CHECK(document["schema"] == "scpd.state/1");
    CHECK(document["changed"] == true);
    CHECK(document["file"] == scpctl.file().path().string());
    REQUIRE(document["pauses"].size() == 1);
    CHECK(document["pauses"][0]["rule"] == "mage");
    CHECK(document["pauses"][0]["reason"] == "r");
    REQUIRE(document["approvals"].size() == 1);
    CHECK(document["approvals"][0]["hash"] == hash);
    CHECK(scpctl({"resume", "-o", "json"}).json()["changed"] == false);
    scpctl({"pause"});
    CHECK(scpctl({"resume", "mage", "-o", "json"}).json()["pauses"][0]["rule"].is_null());
}

TEST_CASE("approve, pause and resume: what is wrong with the arguments is exit 2, and nothing is "
          "written") {
    const std::vector<std::vector<std::string>> rows{
        {"approve"},
        {"approve", ""},
        {"approve", "sha256:12"},
        {"approve", std::string(64, 'a')},
        {"approve", "sha256:" + std::string(63, 'a') + "g"},
        {"approve", hash, hash},
        {"pause", "mag"},
        {"pause", ""},
        {"pause", "mage", "--reason", ""},
        {"pause", "mage", "--reason", "a\x1b[31m"},
        {"pause", "mage", "--reason", std::string(1001, 'a')},
        {"pause", "mage", "other"},
        {"pause", "--server", "ldaps://x"},
        {"resume", "mag"},
        {"resume", ""},
    };
    for (const auto& row : rows) {
        Host scpctl;
        std::string line;
        for (const auto& word : row)
            line += word.substr(0, 80) + " ";
        CAPTURE(line);
        const Ran ran = scpctl(row);
        CHECK(ran.code == 2);
        CHECK(ran.err.find("scpctl: ") != std::string::npos);
        CHECK(ran.err.find('\x1b') == std::string::npos);
        CHECK_FALSE(std::filesystem::exists(scpctl.file().path()));
    }
}

TEST_CASE("a state file that cannot be read is not written over: exit 5, and what to do") {
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{"pause"}, {"resume"}, {"pause", "mage"}, {"approve", hash}}) {
        CAPTURE(words.front());
        Host scpctl;
        REQUIRE(scpctl.file().make_folder());
        std::ofstream(scpctl.file().path()) << "{";
        std::vector<std::string> json = words;
        json.insert(json.end(), {"-o", "json"});
        const Ran ran = scpctl(json);
        CHECK(ran.code == 5);
        CHECK(ran.json()["error"]["kind"] == "io");
        CHECK(ran.err.find(scpctl.file().path().string()) != std::string::npos);
        CHECK(ran.err.find("mend the file") != std::string::npos);
        CHECK_FALSE(scpctl.file().read());
    }
}
