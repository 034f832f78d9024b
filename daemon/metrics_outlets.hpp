#pragma once

#include "daemon/metrics.hpp"
#include "settings/settings.hpp"

#include <memory>
#include <string>

namespace prometheus {
class Exposer;
}

namespace scp {

/// Replaces a file as a whole, on a thread of its own: a file system that hangs keeps nobody
/// waiting. Tells when that begins to fail, and when it goes well again.
class TextfileWriter {
  public:
    TextfileWriter();
    /// Waits for nothing.
    ~TextfileWriter();
    TextfileWriter(const TextfileWriter&) = delete;
    TextfileWriter& operator=(const TextfileWriter&) = delete;
    /// What still waits is written no more.
    void write(std::string path, std::string text);

  private:
    struct Shared;
    /// Shared with the thread, which outlives this where the file system hangs.
    std::shared_ptr<Shared> shared_;
};

/// Where metrics can be read: a port, a file, both or neither. What cannot be had is told once,
/// stops nothing, and is tried again after every cycle.
class MetricsOutlets {
  public:
    explicit MetricsOutlets(const Metrics& metrics);
    ~MetricsOutlets();
    MetricsOutlets(const MetricsOutlets&) = delete;
    MetricsOutlets& operator=(const MetricsOutlets&) = delete;

    void use(const MetricsSettings& settings);
    void cycle_ended();

  private:
    void listen();

    const Metrics& metrics_;
    MetricsSettings settings_{.listen = "", .textfile = ""};
    std::string failed_; ///< why there is no port, as it was told last
    std::unique_ptr<prometheus::Exposer> port_;
    TextfileWriter file_;
};

/// As a whole or not at all; others may read it. Empty, or what went wrong.
[[nodiscard]] std::string replace_file(const std::string& path, const std::string& text);

} // namespace scp
