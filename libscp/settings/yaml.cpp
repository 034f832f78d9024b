#include "settings/yaml.hpp"

#include "base/text.hpp"
#include "settings/check.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <optional>
#include <set>
#include <sstream>

namespace scp {

namespace {

/// Builds the tree from the parser's events; it never recurses.
class TreeBuilder : public YAML::EventHandler {
  public:
    TreeBuilder(const std::string& file, ProblemList& problems, const YamlLimits& limits)
        : file_(file), problems_(problems), limits_(limits) {}

    [[nodiscard]] SettingsTree take() { return std::move(root_); }
    [[nodiscard]] const std::optional<TextPlace>& second_document() const {
        return second_document_;
    }

    void OnDocumentStart(const YAML::Mark& mark) override {
        if (documents_++ == 1)
            second_document_ = place(mark);
    }
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        refuse_anchor(mark, anchor);
        SettingsTree node;
        node.place = place(mark);
        add(std::move(node));
    }

    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
        problems_.add(place(mark), here(),
                      "aliases (*name) are not supported: write the value out");
        SettingsTree node;
        node.place = place(mark);
        node.valid = false;
        add(std::move(node));
    }

    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        refuse_anchor(mark, anchor);
        refuse_tag(mark, tag);
        SettingsTree node;
        node.kind = SettingsTree::Kind::text;
        node.text = value;
        node.quoted = tag == "!";
        node.place = place(mark);
        add(std::move(node));
    }

    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(SettingsTree::Kind::list, mark, tag, anchor);
    }
    void OnSequenceEnd() override { close(); }

    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(SettingsTree::Kind::map, mark, tag, anchor);
    }
    void OnMapEnd() override { close(); }

  private:
    struct Frame {
        SettingsTree node;
        std::optional<SettingsTree> key; ///< read, its value not yet
        std::set<std::string> seen;
    };

    [[nodiscard]] TextPlace place(const YAML::Mark& mark) const {
        return {file_, mark.line + 1, mark.column + 1};
    }

    void open(SettingsTree::Kind kind, const YAML::Mark& mark, const std::string& tag,
              YAML::anchor_t anchor) {
        refuse_anchor(mark, anchor);
        refuse_tag(mark, tag);
        if (frames_.size() >= limits_.depth)
            throw YAML::ParserException(mark, "nested more than " + std::to_string(limits_.depth) +
                                                  " deep");
        Frame frame;
        frame.node.kind = kind;
        frame.node.place = place(mark);
        frames_.push_back(std::move(frame));
    }

    void close() {
        auto node = std::move(frames_.back().node);
        frames_.pop_back();
        add(std::move(node));
    }

    void add(SettingsTree node) {
        if (++nodes_ > limits_.nodes)
            throw YAML::ParserException(YAML::Mark::null_mark(),
                                        "more than " + std::to_string(limits_.nodes) + " values");
        if (frames_.empty()) {
            if (documents_ <= 1)
                root_ = std::move(node);
            return;
        }
        auto& frame = frames_.back();
        if (frame.node.is_list())
            frame.node.children.push_back(std::move(node));
        else if (!frame.key)
            frame.key = std::move(node);
        else
            add_member(frame, std::move(node));
    }

    void add_member(Frame& frame, SettingsTree value) {
        auto key = std::move(*frame.key);
        frame.key.reset();
        if (key.kind != SettingsTree::Kind::text) {
            if (key.valid) // an alias has its problem already
                problems_.add(key.place, here(), "a key must be a word");
            return;
        }
        if (auto fault = text_fault(key.text)) {
            problems_.add(key.place, member_path(here(), key.text), "the key has " + *fault);
            return;
        }
        if (!frame.seen.insert(key.text).second) {
            problems_.add(key.place, member_path(here(), key.text),
                          "the key \"" + printable(key.text, 80) +
                              "\" is given twice here, first in line " +
                              std::to_string(frame.node.find(key.text)->key_place.line));
            return;
        }
        value.key = key.text;
        value.key_place = key.place;
        frame.node.children.push_back(std::move(value));
    }

    void refuse_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
        if (anchor != YAML::NullAnchor)
            problems_.add(
                place(mark), here(),
                "anchors (&name) are not supported: write the value out where it is needed");
    }

    void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
        if (!tag.empty() && tag != "?" && tag != "!")
            problems_.add(place(mark), here(),
                          "tags (" + printable(tag, 80) + ") are not supported");
    }

    /// The path of what is being read.
    [[nodiscard]] std::string here() const {
        std::string path;
        for (std::size_t i = 0; i < frames_.size(); ++i) {
            const auto& frame = frames_[i];
            if (frame.node.is_map() && frame.key)
                path = member_path(path, frame.key->text);
            else if (frame.node.is_list())
                path =
                    item_path(path, i + 1 < frames_.size() ? frames_[i + 1].node : SettingsTree{},
                              frame.node.children.size());
        }
        return path;
    }

    const std::string& file_;
    ProblemList& problems_;
    YamlLimits limits_;
    std::vector<Frame> frames_;
    SettingsTree root_;
    std::size_t nodes_ = 0;
    int documents_ = 0;
    std::optional<TextPlace> second_document_;
};

} // namespace

SettingsTree read_yaml(const std::string& text, const std::string& file, ProblemList& problems,
                       const YamlLimits& limits) {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    TreeBuilder builder(file, problems, limits);
    while (parser.HandleNextDocument(builder) && !builder.second_document()) {
    }
    if (builder.second_document())
        problems.add(*builder.second_document(), "",
                     "a second document begins here; settings are one document a file");
    return builder.take();
}

} // namespace scp
