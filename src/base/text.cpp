// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace tensorpool::base {
namespace {

/// Bytes of the well-formed UTF-8 character that `text` begins with; 0 when there is none.
std::size_t utf8_length(std::string_view text, char32_t& character) {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const std::size_t length = at(0) < 0x80 ? 1 : at(0) >> 5 == 0x06 ? 2 : at(0) >> 4 == 0x0e ? 3 : 4;
    if (length > text.size() || (length == 4 && at(0) >> 3 != 0x1e)) return 0;
    character = length == 1 ? at(0) : at(0) & (0xffU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        if (at(i) >> 6 != 0x02) return 0;
        character = character << 6U | (at(i) & 0x3fU);
    }
    constexpr std::array<char32_t, 5> kSmallest{0, 0, 0x80, 0x800, 0x10000};
    const bool surrogate = character >= 0xd800 && character < 0xe000;
    return character < kSmallest[length] || surrogate || character > 0x10ffff ? 0 : length;
}

/// Control characters, and those that are invisible or turn the direction of what follows.
bool is_treacherous(char32_t c) {
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x061c || (c >= 0x200b && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
           (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe007f);
}

}  // namespace

std::string printable(std::string_view text) {
    std::string safe;
    while (!text.empty()) {
        char32_t character = 0;
        const std::size_t length = utf8_length(text, character);
        const std::string_view bytes = text.substr(0, std::max<std::size_t>(length, 1));
        text.remove_prefix(bytes.size());
        if (length == 0 || is_treacherous(character)) {
            for (const char c : bytes) safe += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        } else if (character == '\\') {
            safe += "\\\\";
        } else {
            safe += bytes;
        }
    }
    return safe;
}

std::string json_string(std::string_view text) {
    std::string json = "\"";
    while (!text.empty()) {
        char32_t character = 0;
        const std::size_t length = utf8_length(text, character);
        const std::string_view bytes = text.substr(0, std::max<std::size_t>(length, 1));
        text.remove_prefix(bytes.size());
        if (length == 0) {
            json += "\\ufffd";
        } else if (character == '"' || character == '\\') {
            json += '\\';
            json += bytes;
        } else if (is_treacherous(character) && character < 0x10000) {
            json += fmt::format("\\u{:04x}", static_cast<unsigned>(character));
        } else {
            json += bytes;
        }
    }
    return json + '"';
}

}  // namespace tensorpool::base
