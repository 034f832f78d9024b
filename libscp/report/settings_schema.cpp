#include "report/settings_schema.hpp"

#include "base/time.hpp"
#include "settings/problems.hpp"
#include "settings/schema.hpp"
#include "settings/yaml.hpp"

#include <fmt/format.h>

#include <charconv>

namespace scp {

namespace {

constexpr const char* no_controls = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$";

/// What the text is to a parser that knows YAML's types, as editors do: a number, or itself.
Json typed(const std::string& text) {
    double number = 0;
    const char* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, number);
    return read.ec == std::errc() && read.ptr == end ? Json(number) : Json(text);
}

/// The words of a choice; those that look like numbers also as such, for they need no quotes.
Json words(const std::vector<std::string>& choices) {
    Json list = Json::array();
    for (const auto& choice : choices) {
        list.push_back(choice);
        if (auto number = typed(choice); number.is_number())
            list.push_back(std::move(number));
    }
    return list;
}

Json text_schema(Check check) {
    const TextForm form = check ? form_of(check) : TextForm{.bare = true};
    Json schema{{"type", form.bare ? Json{"string", "number", "boolean"} : Json("string")}};
    schema["pattern"] = form.pattern != nullptr ? form.pattern : no_controls;
    if (form.min_length > 0)
        schema["minLength"] = form.min_length;
    if (form.max_length > 0)
        schema["maxLength"] = form.max_length;
    return schema;
}

/// One value, or an item of a list of values.
Json value_schema(const KeyDoc& key) {
    switch (key.type) {
    case ValueType::integer:
        return {{"type", "integer"}, {"minimum", key.min}, {"maximum", key.max}};
    case ValueType::boolean:
        return {{"type", "boolean"}};
    case ValueType::duration:
        return {{"type", "string"}, {"pattern", "^[0-9]+(?:ms|s|m|h|d)$"}};
    case ValueType::choice:
        return {{"enum", words(key.choices)}};
    case ValueType::text:
        break;
    }
    if (key.choices.empty())
        return text_schema(key.check);
    return {{"anyOf", {Json{{"enum", words(key.choices)}}, text_schema(key.check)}}};
}

Json key_schema(const KeyDoc& key);

Json map_schema(const KeyDoc& map) { // NOLINT(misc-no-recursion): as deep as the table
    Json schema{{"type", "object"}};
    Json required = Json::array();
    Json properties = Json::object();
    Json others = false;
    for (const KeyDoc* member : keys_below(map.path)) {
        if (member->check_key) {
            schema["propertyNames"] = text_schema(member->check_key);
            others = key_schema(*member);
            continue;
        }
        const auto name = std::string(key_name(*member));
        properties[name] = key_schema(*member);
        if (member->required)
            required.push_back(name);
    }
    if (!properties.empty())
        schema["properties"] = std::move(properties);
    if (!required.empty())
        schema["required"] = std::move(required);
    schema["additionalProperties"] = std::move(others);
    return schema;
}

Json list_schema(const KeyDoc& list) { // NOLINT(misc-no-recursion)
    const KeyDoc* item = find_key(list.path + "[]");
    Json schema{{"type", "array"}, {"items", item ? key_schema(*item) : value_schema(list)}};
    if (list.min_items > 0)
        schema["minItems"] = list.min_items;
    if (list.unique)
        schema["uniqueItems"] = true;
    return schema;
}

/// Its default, as the types of the key have it.
Json preset(const KeyDoc& key) {
    ProblemList problems;
    const SettingsTree tree = read_yaml(key.preset, "", problems);
    if (tree.is_list()) {
        Json list = Json::array();
        for (const auto& item : tree.children)
            list.push_back(item.text);
        return list;
    }
    if (key.type == ValueType::boolean)
        return tree.text == "true";
    return key.type == ValueType::integer ? Json(std::stoll(tree.text)) : Json(tree.text);
}

std::string description(const KeyDoc& key) {
    if (key.type != ValueType::duration)
        return key.doc;
    return fmt::format("{} {} to {}.", key.doc, to_duration(std::chrono::milliseconds{key.min}),
                       to_duration(std::chrono::milliseconds{key.max}));
}

Json key_schema(const KeyDoc& key) { // NOLINT(misc-no-recursion)
    std::vector<Json> shapes;
    if ((key.shapes & value_shape) != 0)
        shapes.push_back(value_schema(key));
    if ((key.shapes & list_shape) != 0)
        shapes.push_back(list_schema(key));
    if ((key.shapes & map_shape) != 0)
        shapes.push_back(map_schema(key));
    // Nothing behind the colon: as if it were not there.
    const bool is_item = key.path.ends_with("[]");
    if (!is_item && !key.required && ((key.shapes & value_shape) == 0 || key.nullable))
        shapes.push_back({{"type", "null"}});
    Json schema{{"description", description(key)}};
    if (!key.preset.empty())
        schema["default"] = preset(key);
    if (shapes.size() == 1)
        schema.update(shapes.front());
    else
        schema["anyOf"] = shapes;
    return schema;
}

} // namespace

Json settings_schema() {
    Json schema{
        {"$schema", "https://json-schema.org/draft/2020-12/schema"},
        {"title", "Settings of scpd and scpctl: /etc/scpd/scpd.yaml"},
        {"description",
         "Drop-ins (scpd.d/*.yaml) have the same keys, but need none of them. What keys mean "
         "together is checked by: scpctl config check"}};
    schema.update(map_schema(*find_key("")));
    return schema;
}

} // namespace scp
