#include "rows.hpp"

using namespace scp;
using namespace scp::settings_test;

TEST_CASE("Settings: what a later version brings is refused") {
    check_rows({
        {"log.format",
         with("log: {format: json}"),
         {R"(f:3:15: log.format: "json" is not in this version; accepted: text)"}},
        {"metrics",
         with("metrics: {listen: '127.0.0.1:9469', textfile: /x}"),
         {R"(f:3:19: metrics.listen: "127.0.0.1:9469" is not in this version; only off is accepted)",
          "f:3:47: metrics.textfile: is not in this version; leave it out"}},
    });
}
