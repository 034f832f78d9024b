#include "scpctl/log_lines.hpp"

#include <algorithm>
#include <istream>
#include <string>
#include <vector>

namespace scp {

namespace {

enum class Encoding { bytes, utf16_le, utf16_be };

struct Detected {
    Encoding encoding = Encoding::bytes;
    std::size_t skip = 0; ///< bytes of the byte order mark
};

/// By the mark; without one, by where the zero bytes of mostly Latin text stand.
Detected detect(std::string_view head) {
    if (head.starts_with("\xff\xfe")) {
        return {Encoding::utf16_le, 2};
    }
    if (head.starts_with("\xfe\xff")) {
        return {Encoding::utf16_be, 2};
    }
    if (head.starts_with("\xef\xbb\xbf")) {
        return {Encoding::bytes, 3};
    }
    const std::size_t pairs = std::min<std::size_t>(head.size(), 4096) / 2;
    std::size_t even = 0;
    std::size_t odd = 0;
    for (std::size_t i = 0; i < pairs; ++i) {
        even += static_cast<std::size_t>(head[2 * i] == '\0');
        odd += static_cast<std::size_t>(head[2 * i + 1] == '\0');
    }
    if (odd * 2 > pairs && even * 10 < pairs) {
        return {Encoding::utf16_le, 0};
    }
    if (even * 2 > pairs && odd * 10 < pairs) {
        return {Encoding::utf16_be, 0};
    }
    return {};
}

void append_utf8(std::string& out, std::uint32_t code) {
    const auto tail = [&](unsigned shift) {
        out += static_cast<char>(0x80U | ((code >> shift) & 0x3fU));
    };
    if (code < 0x80) {
        out += static_cast<char>(code);
    } else if (code < 0x800) {
        out += static_cast<char>(0xc0U | (code >> 6U));
        tail(0);
    } else if (code < 0x10000) {
        out += static_cast<char>(0xe0U | (code >> 12U));
        tail(6);
        tail(0);
    } else {
        out += static_cast<char>(0xf0U | (code >> 18U));
        tail(12);
        tail(6);
        tail(0);
    }
}

/// UTF-16 in pieces of any length → UTF-8. A surrogate without its other half becomes U+FFFD.
class Utf16 {
  public:
    explicit Utf16(bool big_endian) : big_endian_(big_endian) {}

    std::string_view decode(std::string_view piece) {
        out_.clear();
        for (const char c : piece) {
            const auto byte = static_cast<unsigned char>(c);
            if (!half_) {
                first_ = byte;
                half_ = true;
                continue;
            }
            half_ = false;
            take(big_endian_ ? static_cast<std::uint32_t>(first_ << 8U | byte)
                             : static_cast<std::uint32_t>(byte << 8U | first_));
        }
        return out_;
    }

  private:
    void take(std::uint32_t unit) {
        const bool low = unit >= 0xdc00 && unit <= 0xdfff;
        if (high_ != 0 && low) {
            append_utf8(out_, 0x10000 + ((high_ - 0xd800) << 10U) + (unit - 0xdc00));
            high_ = 0;
            return;
        }
        if (high_ != 0) {
            append_utf8(out_, 0xfffd);
            high_ = 0;
        }
        if (unit >= 0xd800 && unit <= 0xdbff) {
            high_ = unit;
        } else {
            append_utf8(out_, low ? 0xfffd : unit);
        }
    }

    bool big_endian_;
    bool half_ = false;
    unsigned first_ = 0;
    std::uint32_t high_ = 0;
    std::string out_;
};

/// Pieces of any length → lines. Keeps no more than one line of `limit` bytes.
class Splitter {
  public:
    using OnLine = std::function<void(std::uint64_t, std::string_view)>;
    Splitter(std::size_t limit, const OnLine& on_line, LineCounts& counts)
        : limit_(limit), on_line_(on_line), counts_(counts) {}

    void feed(std::string_view piece) {
        while (!piece.empty()) {
            const auto end = piece.find('\n');
            if (end == std::string_view::npos) {
                keep(piece);
                return;
            }
            if (kept_.empty() && !too_long_ && end <= limit_) {
                finish(piece.substr(0, end)); // the usual case: no copy
            } else {
                keep(piece.substr(0, end));
                finish(kept_);
            }
            piece.remove_prefix(end + 1);
        }
    }

    void end() {
        if (!kept_.empty() || too_long_) {
            finish(kept_);
        }
    }

  private:
    void keep(std::string_view part) {
        too_long_ = too_long_ || kept_.size() + part.size() > limit_;
        if (!too_long_) {
            kept_ += part;
        }
    }

    void finish(std::string_view line) {
        ++counts_.lines;
        if (too_long_) {
            ++counts_.long_lines;
        } else {
            on_line_(counts_.lines, line.ends_with('\r') ? line.substr(0, line.size() - 1) : line);
        }
        kept_.clear();
        too_long_ = false;
    }

    std::size_t limit_;
    const OnLine& on_line_;
    LineCounts& counts_;
    std::string kept_;
    bool too_long_ = false;
};

} // namespace

LineCounts for_each_line(std::istream& in, std::size_t limit, const std::stop_token& stop,
                         const std::function<void(std::uint64_t, std::string_view)>& on_line) {
    LineCounts counts;
    Splitter splitter(limit, on_line, counts);
    std::vector<char> buffer(std::size_t{256} * 1024);
    Detected detected;
    Utf16 utf16(false);
    for (bool first = true; in; first = false) {
        if (stop.stop_requested()) {
            counts.interrupted = true;
            return counts;
        }
        in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
        std::string_view piece(buffer.data(), static_cast<std::size_t>(in.gcount()));
        if (first) {
            detected = detect(piece);
            utf16 = Utf16(detected.encoding == Encoding::utf16_be);
            piece.remove_prefix(detected.skip);
        }
        splitter.feed(detected.encoding == Encoding::bytes ? piece : utf16.decode(piece));
    }
    splitter.end();
    counts.failed = in.bad();
    return counts;
}

} // namespace scp
