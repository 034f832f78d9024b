#include "settings/schema_keys.hpp"

namespace scp {

using enum ValueType;
using std::chrono::hours;

std::vector<KeyDoc> service_keys() {
    return {
        {.path = "limits", .shapes = map_shape, .doc = "A cycle over any of them is held whole."},
        {.path = "limits.changes",
         .type = integer,
         .preset = "100",
         .doc = "Most changes in one cycle.",
         .min = 0,
         .max = 1'000'000},
        {.path = "limits.deletes",
         .type = integer,
         .preset = "5",
         .doc = "Most deletes in one cycle.",
         .min = 0,
         .max = 1'000'000},
        {.path = "limits.delete_percent",
         .type = integer,
         .preset = "30",
         .doc = "Largest share of a rule's copies that one cycle may delete, where it has ten or "
                "more. Of fewer, never all, if they are two or more.",
         .min = 0,
         .max = 100},

        {.path = "daemon", .shapes = map_shape, .doc = "How scpd works."},
        {.path = "daemon.resync",
         .type = duration,
         .preset = "15m",
         .doc = "A full read and comparison this often.",
         .min = 100,
         .max = ms(hours{24 * 30})},
        {.path = "daemon.debounce",
         .type = duration,
         .preset = "500ms",
         .doc = "After a change, wait until it has been quiet for this long.",
         .min = 0,
         .max = ms(hours{1})},
        {.path = "daemon.max_wait",
         .type = duration,
         .preset = "5s",
         .doc = "But never longer than this.",
         .min = 0,
         .max = ms(hours{1})},
        {.path = "daemon.watch",
         .type = choice,
         .preset = "auto",
         .doc = "How changes are noticed. auto: the best that each server has; notify: change "
                "notifications, and usn beside them (AD); usn: uSNChanged (AD); syncrepl: RFC 4533 "
                "(OpenLDAP); poll: reading again.",
         .choices = {"auto", "notify", "usn", "syncrepl", "poll"}},
        {.path = "daemon.poll",
         .type = duration,
         .preset = "30s",
         .doc = "How often notify and usn look at uSNChanged and poll reads; how often a server is "
                "asked for a "
                "sign of life, though at least every 5 minutes.",
         .min = 100,
         .max = ms(hours{24})},
        {.path = "daemon.workers",
         .type = integer,
         .preset = "8",
         .doc = "Connections that work at once.",
         .min = 1,
         .max = 256},

        {.path = "marker", .shapes = map_shape, .doc = "How copies are told from sources."},
        {.path = "marker.attribute",
         .preset = "msDS-Settings",
         .doc = "Attribute of the copies that holds the marker; other values in it are left alone.",
         .check = check_marker_attribute},
        {.path = "marker.owners",
         .shapes = list_shape,
         .preset = "[]",
         .doc = "Who may own copies besides scpd's account and its groups: SIDs or DOMAIN\\name, "
                "groups too; for copies that another account of yours made.",
         .unique = true,
         .check = check_owner},

        {.path = "log", .shapes = map_shape, .doc = "The daemon's log."},
        {.path = "log.level",
         .type = choice,
         .preset = "info",
         .doc = "Least severity that is logged.",
         .choices = {"trace", "debug", "info", "warning", "error"}},
        {.path = "log.target",
         .type = choice,
         .preset = "auto",
         .doc = "auto: the journal where scpd runs as a service, else stderr.",
         .choices = {"auto", "journal", "stderr"}},
        {.path = "log.format",
         .type = choice,
         .preset = "text",
         .doc = "Of what goes to stderr. text: a line a message; json: an object a line, with the "
                "fields that the journal has.",
         .choices = {"text", "json"}},

        {.path = "metrics", .shapes = map_shape, .doc = "Metrics for Prometheus."},
        {.path = "metrics.listen",
         .preset = "127.0.0.1:9469",
         .doc = "IPv4 address and port where they are served by HTTP; or off. Anybody who can "
                "reach it can read the names of rules and domains.",
         .choices = {"off"},
         .check = check_listen_address},
        {.path = "metrics.textfile",
         .doc = "File that is replaced after every cycle, for node_exporter's textfile collector "
                "(which reads *.prom); null: none.",
         .nullable = true,
         .check = check_file},
    };
}

} // namespace scp
