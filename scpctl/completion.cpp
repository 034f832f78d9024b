#include "scpctl/completion.hpp"

#include "scpctl/command_line.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>

namespace scp {

namespace {

/// bash takes `=` for the end of a word: --mode = sync. Put together again, the last word aside,
/// which alone is replaced by what is found.
void rejoin(std::vector<std::string>& words) {
    for (std::size_t i = 1; i < words.size(); ++i) {
        if (words[i] != "=" || !words[i - 1].starts_with("--"))
            continue;
        if (i + 1 == words.size())
            words[i].clear();
        else
            words.erase(words.begin() + static_cast<std::ptrdiff_t>(i));
    }
}

class Completer {
  public:
    using Rules = std::function<std::vector<std::string>(const std::string&)>;

    explicit Completer(const Rules& rules) : rules_(rules) {
        declare_command_line(line_);
        app_ = &line_.app;
    }

    void pass(const std::string& word) {
        if (const CLI::Option* option = std::exchange(awaited_, nullptr))
            return value(*option, word);
        if (!only_arguments_ && word == "--") {
            only_arguments_ = true;
            return;
        }
        if (!only_arguments_ && word.size() > 1 && word.front() == '-')
            return this->option(word);
        const CLI::App* verb = only_arguments_ ? nullptr : subcommand(word);
        if (verb != nullptr)
            app_ = verb;
        else
            ++arguments_;
    }

    [[nodiscard]] Completions finish(const std::string& word) {
        Completions found;
        if (awaited_ != nullptr) {
            values(*awaited_, word, "", found);
        } else if (!only_arguments_ && word.starts_with("--") && word.find('=') != word.npos) {
            const auto name = word.substr(0, word.find('='));
            const auto* option = find(name);
            if (option != nullptr && takes_value(*option))
                values(*option, word.substr(name.size() + 1), name + "=", found);
        } else if (!only_arguments_ && word.starts_with('-')) {
            options(word, found);
        } else if (const auto names = app_->get_subcommands(nullptr); !names.empty()) {
            for (const CLI::App* verb : names)
                add(verb->get_name(), verb->get_description(), word, found);
        } else if (const auto* argument = next_argument()) {
            values(*argument, word, "", found);
        }
        return found;
    }

  private:
    [[nodiscard]] const CLI::App* subcommand(const std::string& name) const {
        for (const CLI::App* verb : app_->get_subcommands(nullptr))
            if (verb->get_name() == name)
                return verb;
        return nullptr;
    }

    [[nodiscard]] const CLI::Option* find(const std::string& name) const {
        for (const CLI::App* app = app_; app != nullptr; app = app->get_parent())
            if (const auto* option = app->get_option_no_throw(name))
                return option;
        return nullptr;
    }

    void option(const std::string& word) {
        const bool is_long = word.starts_with("--");
        const auto end = is_long ? std::min(word.find('='), word.size()) : std::size_t{2};
        const auto* option = find(word.substr(0, end));
        if (option == nullptr)
            return;
        given_.push_back(option);
        if (!takes_value(*option))
            return;
        if (end == word.size())
            awaited_ = option;
        else
            value(*option, word.substr(is_long ? end + 1 : end));
    }

    void value(const CLI::Option& option, const std::string& text) {
        if (option.check_lname("config"))
            config_ = text;
    }

    [[nodiscard]] const CLI::Option* next_argument() const {
        const CLI::Option* last = nullptr;
        std::size_t number = 0;
        for (const CLI::Option* option : app_->get_options()) {
            if (!option->get_positional())
                continue;
            last = option;
            if (number++ == arguments_)
                return option;
        }
        const bool repeats = last != nullptr && last->get_items_expected_max() > 1;
        return repeats ? last : nullptr;
    }

    void options(const std::string& word, Completions& found) const {
        for (const CLI::App* app = app_; app != nullptr; app = app->get_parent())
            for (const CLI::Option* option : app->get_options()) {
                if (option->get_lnames().empty() || (app != app_ && option->check_lname("help")) ||
                    (option->get_items_expected_max() <= 1 &&
                     std::ranges::find(given_, option) != given_.end()))
                    continue;
                add("--" + option->get_lnames().front(), option->get_description(), word, found);
            }
    }

    void values(const CLI::Option& option, const std::string& word, const std::string& before,
                Completions& found) const {
        const ValueHint hint = value_hint(option);
        const auto put = [&](const std::string& text) {
            if (text.starts_with(word))
                found.candidates.push_back({before + text, ""});
        };
        std::ranges::for_each(hint.choices, put);
        found.files = hint.placeholder == "FILE";
        found.directories = hint.placeholder == "DIR";
        if (option.check_lname("rule") || hint.placeholder == "RULE" ||
            hint.meaning.starts_with("RULE"))
            std::ranges::for_each(rules_(config_), put);
    }

    static void add(const std::string& name, const std::string& meaning, const std::string& word,
                    Completions& found) {
        if (name.starts_with(word))
            found.candidates.push_back({name, meaning});
    }

    const Rules& rules_;
    CommandLine line_;
    const CLI::App* app_ = nullptr;
    const CLI::Option* awaited_ = nullptr; ///< its value comes next
    std::vector<const CLI::Option*> given_;
    std::size_t arguments_ = 0;
    bool only_arguments_ = false;
    std::string config_;
};

} // namespace

Completions complete(std::vector<std::string> words,
                     const std::function<std::vector<std::string>(const std::string&)>& rules) {
    rejoin(words);
    if (words.empty())
        words.emplace_back();
    Completer completer(rules);
    for (std::size_t i = 0; i + 1 < words.size(); ++i)
        completer.pass(words[i]);
    return completer.finish(words.back());
}

} // namespace scp
