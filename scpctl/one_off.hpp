#pragma once

#include "scpctl/context.hpp"

namespace scp {

/// Settings from connection flags alone: instance "cli", one forest "cli", no rules.
[[nodiscard]] Result<Settings> one_off_settings(const GlobalOptions& options);

/// Lays the connection flags over settings from a file. ErrorKind::usage where --server meets
/// several forests.
[[nodiscard]] Result<void> override_connection(Settings& settings, const GlobalOptions& options);

/// The container that --container names, relative to a domain: "CN=a,CN=System", or "same".
[[nodiscard]] Result<TargetContainer> parse_container(const std::string& text);

} // namespace scp
