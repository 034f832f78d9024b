#include "report/settings_schema.hpp"
#include "scpctl/context.hpp"
#include "scpctl/verbs.hpp"

#include <CLI/CLI.hpp>

namespace scp {

namespace {

Result<Exit> run_config_schema(Context& context) {
    Output& out = context.out();
    if (out.structured()) {
        Json document{{"schema", "scpd.config-schema/1"}};
        document.update(settings_schema());
        out.document(document);
    } else {
        out.text(to_json_text(settings_schema()));
    }
    return Exit::ok;
}

RunVerb declare_config_schema(CLI::App& app) {
    static_cast<void>(app);
    return run_config_schema;
}

} // namespace

Verb config_schema_verb() {
    return {.name = "config schema",
            .summary = "the settings as a JSON Schema (draft 2020-12), for editors and tools",
            .description =
                "Prints what the settings may be, as a JSON Schema: every key with its type, "
                "default and meaning. The shipped one is\n/usr/share/scpd/scpd.schema.json. What "
                "keys mean together is checked by scpctl config check.",
            .exit_status = "0  printed",
            .examples = "scpctl config schema > scpd.schema.json",
            .schema = "scpd.config-schema/1",
            .ldif = false,
            .connects = false,
            .declare = declare_config_schema};
}

} // namespace scp
