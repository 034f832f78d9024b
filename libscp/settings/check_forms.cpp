#include "settings/check.hpp"

#include <array>

namespace scp {

namespace {

struct FormOfCheck {
    Check check{};
    TextForm form{};
};

constexpr const char* dns_name = "^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
                                 "(?:\\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)+\\.?$";
constexpr const char* somewhere_or_configuration =
    "=|^same$|^[Cc][Oo][Nn][Ff][Ii][Gg][Uu][Rr][Aa][Tt][Ii][Oo][Nn]$";

constexpr std::array known_forms{
    FormOfCheck{
        check_label,
        {.pattern = "^[A-Za-z0-9._-]{1,64}$", .min_length = 1, .max_length = 64, .bare = true}},
    FormOfCheck{check_domain, {.pattern = dns_name, .min_length = 3, .max_length = 254}},
    FormOfCheck{check_server, {.pattern = "^[A-Za-z]+://[^@]*$"}},
    FormOfCheck{check_file, {.pattern = "^/"}},
    FormOfCheck{check_credential,
                {.pattern = "^[^/]+$", .min_length = 1, .max_length = 255, .bare = true}},
    FormOfCheck{check_keyword, {.min_length = 1, .max_length = 256, .bare = true}},
    FormOfCheck{check_relative_dn, {.pattern = "="}},
    FormOfCheck{check_container, {.pattern = somewhere_or_configuration}},
    FormOfCheck{check_dn, {.pattern = "="}},
    FormOfCheck{check_account, {.min_length = 1, .bare = true}},
    FormOfCheck{check_owner, {.pattern = "\\\\|^[Ss]-1-"}},
    FormOfCheck{check_filter, {.min_length = 1}},
    FormOfCheck{check_pattern, {.bare = true}},
    FormOfCheck{check_copied_attribute, {.min_length = 1}},
    FormOfCheck{check_marker_attribute, {.min_length = 1}},
};

} // namespace

TextForm form_of(Check check) {
    for (const FormOfCheck& known : known_forms)
        if (known.check == check)
            return known.form;
    return {.bare = true};
}

} // namespace scp
