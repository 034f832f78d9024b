#include "rows.hpp"

using namespace scp;
using namespace scp::settings_test;

TEST_CASE("Settings: where log and metrics go") {
    check_rows({
        {"all that the contract shows",
         with("log: {level: info, target: auto, format: json}\n"
              "metrics: {listen: '127.0.0.1:9469', textfile: null}"),
         {}},
        {"off", with("metrics: {listen: off}"), {}},
        {"all addresses, and a file",
         with("metrics: {listen: '0.0.0.0:9469', textfile: /x/scpd.prom}"),
         {}},
        {"any free port", with("metrics: {listen: '127.0.0.1:0'}"), {}},
        {"a host name",
         with("metrics: {listen: 'localhost:9469'}"),
         {R"(f:3:19: metrics.listen: "localhost:9469" is no address to listen on: )"
          "IPv4 and port, such as 127.0.0.1:9469, or off"}},
        {"no port",
         with("metrics: {listen: 127.0.0.1}"),
         {R"(f:3:19: metrics.listen: "127.0.0.1" is no address to listen on: )"
          "IPv4 and port, such as 127.0.0.1:9469, or off"}},
        {"too large a port",
         with("metrics: {listen: '127.0.0.1:65536'}"),
         {R"(f:3:19: metrics.listen: "127.0.0.1:65536" is no address to listen on: )"
          "IPv4 and port, such as 127.0.0.1:9469, or off"}},
        {"two ports, as the HTTP server would take them",
         with("metrics: {listen: '127.0.0.1:1,8080'}"),
         {R"(f:3:19: metrics.listen: "127.0.0.1:1,8080" is no address to listen on: )"
          "IPv4 and port, such as 127.0.0.1:9469, or off"}},
        {"IPv6, which the HTTP server does not know",
         with("metrics: {listen: '[::1]:9469'}"),
         {R"(f:3:19: metrics.listen: "[::1]:9469" is no address to listen on: )"
          "IPv4 and port, such as 127.0.0.1:9469, or off"}},
        {"a file somewhere",
         with("metrics: {textfile: scpd.prom}"),
         {R"(f:3:21: metrics.textfile: "scpd.prom" is not an absolute path: scpd and scpctl run )"
          "in different folders"}},
    });
    CHECK(load_settings_text(with(""), "f").settings.metrics.listen == "127.0.0.1:9469");
    CHECK(load_settings_text(with("metrics: {listen: off}"), "f").settings.metrics.listen.empty());
    const auto given = load_settings_text(
        with("log: {format: json}\nmetrics: {listen: '127.0.0.2:1', textfile: /x}"), "f");
    CHECK(given.settings.metrics.listen == "127.0.0.2:1");
    CHECK(given.settings.metrics.textfile == "/x");
    CHECK(given.settings.log.format == LogSettings::Format::json);
    CHECK(load_settings_text(with("metrics: {textfile: null}"), "f").settings.metrics.textfile ==
          "");
}
