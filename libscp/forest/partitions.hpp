#pragma once

#include "directory/directory.hpp"
#include "forest/topology.hpp"

#include <map>

namespace scp {

/// Reads the forest from any server of it: crossRefs of domains (systemFlags bit 0x2), their names
/// and parents. Leaves servers to the caller. ErrorKind::incomplete where the read has no proved
/// end or shows no domain.
[[nodiscard]] Result<Forest> read_partitions(const std::string& forest_name, Directory& server);

/// The DCs that the Configuration NC knows (nTDSDSA objects): by DN key of the NTDS Settings
/// object.
struct KnownDc {
    std::string dns_name;
    std::string site;
    bool gc = false;
    bool writable = true; ///< false: a read-only DC (nTDSDSARO)
};
using KnownDcs = std::map<std::string, KnownDc>;
/// Empty where it could not be read: nothing hangs on it but what `topology` shows and where the
/// PDC emulator is.
[[nodiscard]] KnownDcs read_dcs(const Dn& configuration_nc, Directory& server);

/// DN of the NTDS Settings object that holds the PDC emulator role of the domain; empty DN where
/// the server has no such role (not AD).
[[nodiscard]] Result<Dn> read_pdc_role(const Dn& nc, Directory& server);

/// trustedDomain objects of a domain.
[[nodiscard]] std::vector<Trust> read_trusts(const Dn& nc, Directory& server);

} // namespace scp
