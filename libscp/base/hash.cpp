#include "base/hash.hpp"

#include <openssl/evp.h>

#include <array>
#include <cstdint>
#include <stdexcept>

namespace scp {
namespace {

void append_sized(std::string& out, std::string_view bytes) {
    auto size = static_cast<std::uint64_t>(bytes.size());
    for (int i = 0; i < 8; ++i, size >>= 8)
        out += static_cast<char>(size & 0xff);
    out += bytes;
}

} // namespace

std::string sha256_hex(std::string_view bytes) {
    // Fetched once: EVP_sha256() would look for its implementation at every call.
    static EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    if (sha256 == nullptr ||
        EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, sha256, nullptr) != 1)
        throw std::runtime_error("SHA-256 is not available in this OpenSSL");
    return to_hex({reinterpret_cast<const char*>(digest.data()), length});
}

std::string content_hash(const Attributes& content) {
    std::string bytes;
    for (const auto& [name, values] : content) {
        if (values.empty())
            continue;
        append_sized(bytes, lower_ascii(name));
        const Values in_order = sorted(values);
        append_sized(bytes, std::to_string(in_order.size()));
        for (const auto& value : in_order)
            append_sized(bytes, value);
    }
    return sha256_hex(bytes);
}

} // namespace scp
