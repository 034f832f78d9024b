#pragma once

#include "history/history.hpp"
#include "support/dn.hpp"
#include "support/temporary_folder.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace scp::test {

inline const Guid guid_a = Guid::parse("90e49231-3838-4e5e-b2e4-8813fbf59a11").value();
inline const Guid guid_b = Guid::parse("77f6f69f-ad86-437c-b47e-9a2f161e7e61").value();

inline HistoryRecord an_update() {
    HistoryRecord record;
    Change& change = record.change;
    change.op = Op::update;
    change.rule = "mage";
    change.forest = "corp";
    change.domain = DomainName("corp.test");
    change.nc = dn("DC=corp,DC=test");
    change.dn = dn("CN=x,CN=scpd,CN=System,DC=corp,DC=test");
    change.guid = guid_a;
    change.reason = Reason::source_changed;
    change.source = SourceRef{dn("CN=x,CN=System,DC=emea,DC=corp,DC=test"),
                              DomainName("emea.corp.test"), guid_b};
    change.before = {{"keywords", {"k"}}, {"serviceBindingInformation", {"old"}}};
    change.after = {{"keywords", {"k"}}, {"serviceBindingInformation", {"new"}}};
    change.marker_before = "scpd1;i=prod;old";
    change.marker_after = "scpd1;i=prod;new";
    record.pre_image = change.before;
    (*record.pre_image)["description"] = {"by hand"};
    (*record.pre_image)["msDS-Settings"] = {change.marker_before, "somebody's"};
    return record;
}

inline std::vector<std::filesystem::path> files_in(const std::filesystem::path& dir) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(dir))
        files.push_back(entry.path());
    return files;
}

inline std::string contents(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    std::ostringstream text;
    text << stream.rdbuf();
    return text.str();
}

} // namespace scp::test
