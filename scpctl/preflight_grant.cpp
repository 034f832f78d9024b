#include "base/text.hpp"
#include "observe/security_descriptor.hpp"
#include "scpctl/preflight.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

// What these commands grant is the least that does: see ContainerRights. A group of its own, so
// that another service account needs a new member only, not a new grant (the new account has no
// right on what the old one owns).

namespace scp {

namespace {

bool lacks(const ContainerRights& rights) {
    return !rights.error &&
           (!rights.missing.empty() || (rights.told && (!rights.may_create || !rights.may_change ||
                                                        (rights.deletes && !rights.may_delete))));
}

/// For a POSIX shell, and for PowerShell, where a quote is doubled.
std::string quoted(const std::string& text, GrantTool tool) {
    std::string out = "'";
    for (const char c : text)
        out += c != '\'' ? std::string(1, c) : tool == GrantTool::samba_tool ? "'\\''" : "''";
    return out + "'";
}

class Writer {
  public:
    Writer(GrantTool tool, const std::string& group) : tool_(tool), group_(group) {}

    void domain(const DomainFacts& domain) {
        if (std::ranges::none_of(domain.containers, lacks))
            return;
        const bool configuration = domain.name.is_configuration();
        line(fmt::format("{}# {}: as {}{}", out_.empty() ? "" : "\n", domain.name.text(),
                         configuration ? "an enterprise administrator of this forest"
                                       : "an administrator of this domain",
                         tool_ != GrantTool::samba_tool ? ", in PowerShell"
                         : configuration                ? ", on the root's domain controller"
                                                        : ", on its domain controller"));
        if (made_.insert({domain.forest, domain.name.dns()}).second)
            group(domain);
        for (const ContainerRights& rights : domain.containers)
            if (lacks(rights)) {
                for (const Dn& container : rights.missing)
                    make(container);
                grant(rights.container, domain);
            }
    }
    std::string text() && { return std::move(out_); }

  private:
    void line(const std::string& text) { out_ += text + "\n"; }
    [[nodiscard]] std::string in_quotes(const std::string& text) const {
        return quoted(text, tool_);
    }

    /// Domain local: its members may come from any domain of the forest, and from trusted ones.
    void group(const DomainFacts& domain) {
        const std::string name = in_quotes(group_);
        if (tool_ == GrantTool::samba_tool)
            line("samba-tool group show " + name + " >/dev/null 2>&1 || samba-tool group add " +
                 name + " --group-scope=Domain");
        else
            line("if (-not (Get-ADGroup -Filter \"Name -eq " + name + "\")) { New-ADGroup -Name " +
                 name + " -GroupScope DomainLocal }");
        if (!domain.account)
            return line("# and make scpd's account a member of it");
        const std::string sid = domain.account->to_string();
        if (tool_ != GrantTool::samba_tool)
            return line("Set-ADGroup " + name + " -Add @{ member = '<SID=" + sid + ">' }");
        // Not "samba-tool group addmembers": it looks for the Schema below the domain, and so finds
        // no group in a child domain (samdb.py, Samba 4.17).
        line("printf '%s\\n' \"$(samba-tool group show " + name +
             " | grep '^dn:')\" 'changetype: modify' 'add: member' 'member: <SID=" + sid +
             ">' | ldbmodify -H /var/lib/samba/private/sam.ldb");
    }

    void make(const Dn& container) {
        const Dn parent = container.parent();
        if (tool_ != GrantTool::samba_tool)
            return line("New-ADObject -Type container -Name " + in_quotes(container.rdn_value()) +
                        " -Path " + in_quotes(parent.text()));
        line("printf '%s\\n' " + in_quotes("dn: " + container.text()) +
             " 'objectClass: container' | ldbadd -H /var/lib/samba/private/sam.ldb");
    }

    void grant(const Dn& container, const DomainFacts& domain) {
        const std::string dn = in_quotes(container.text());
        switch (tool_) {
        case GrantTool::dsacls: {
            const std::string who = domain.netbios + "\\" + group_;
            line("dsacls " + dn + " /G " + in_quotes(who + ":CC;serviceConnectionPoint"));
            line("dsacls " + dn + " /I:S /G " + in_quotes(who + ":RPWPSD;;serviceConnectionPoint"));
            return;
        }
        case GrantTool::powershell:
            line("$scp = [Guid]'" + std::string(scp_class_guid) + "'; $who = (Get-ADGroup " +
                 in_quotes(group_) + ").SID");
            line("$acl = Get-Acl -Path " + in_quotes("AD:" + container.text()));
            line("$acl.AddAccessRule((New-Object DirectoryServices.ActiveDirectoryAccessRule("
                 "$who, 'CreateChild', 'Allow', $scp, 'None')))");
            line("$acl.AddAccessRule((New-Object DirectoryServices.ActiveDirectoryAccessRule("
                 "$who, 'ReadProperty,WriteProperty,Delete', 'Allow', 'Descendents', $scp)))");
            line("Set-Acl -Path " + in_quotes("AD:" + container.text()) + " -AclObject $acl");
            return;
        case GrantTool::samba_tool:
            line("sid=$(samba-tool group show " + in_quotes(group_) +
                 " --attributes=objectSid | sed -n 's/^objectSid: //p')");
            line("samba-tool dsacl set --objectdn=" + dn + " --sddl=\"(OA;;CC;" + scp_class_guid +
                 ";;$sid)(OA;CIIO;RPWPSD;;" + scp_class_guid + ";$sid)\"");
        }
    }

    GrantTool tool_;
    std::string group_, out_;
    std::set<std::pair<std::string, DomainName>> made_; ///< where the group is, or was made
};

} // namespace

std::string grant_commands(const PreflightFacts& facts, GrantTool tool, const std::string& group) {
    Writer writer(tool, group);
    for (const DomainFacts& domain : facts.domains)
        writer.domain(domain);
    return std::move(writer).text();
}

} // namespace scp
