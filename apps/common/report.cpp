// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "common/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace tensorpool::apps {
namespace {

std::string scalar(const Report& value) {
    if (value.is_string()) return printable(value.get_ref<const std::string&>());
    if (value.is_null()) return "null";
    return value.dump();
}

/// A scalar beside others on one line: quoted where it would not end at the next space.
std::string inline_scalar(const Report& value) {
    std::string text = scalar(value);
    if (!value.is_string() || text.find_first_of(" ,[]\"") == std::string::npos) return text;
    std::string quoted = "\"";
    for (const char c : text) quoted += c == '"' ? "\\\"" : std::string(1, c);
    return quoted + "\"";
}

/// `a=1 b=2`, nested lists as `[a=1 b=2, a=3 b=4]`.
std::string inline_text(const Report& value) {
    if (value.is_array()) {
        std::string text = "[";
        for (const Report& item : value) text += (text.size() > 1 ? ", " : "") + inline_text(item);
        return text + "]";
    }
    if (!value.is_object()) return inline_scalar(value);
    std::string text;
    for (const auto& [key, member] : value.items())
        text += fmt::format("{}{}={}", text.empty() ? "" : " ", key, inline_text(member));
    return text;
}

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

std::string to_lines(const Report& report) {
    std::string text;
    for (const auto& [key, value] : report.items()) {
        const bool list_of_objects = value.is_array() && (value.empty() || value.front().is_object());
        if (!list_of_objects) {
            text += fmt::format("{}={}\n", key, value.is_primitive() ? scalar(value) : inline_text(value));
            continue;
        }
        text += fmt::format("{}={}\n", key, value.size());
        for (const Report& item : value) text += inline_text(item) + "\n";
    }
    return text;
}

std::string to_message_line(const Report& report) {
    Report members = report;
    const std::string type = members.value("type", "");
    members.erase("type");
    return type + " " + inline_text(members) + "\n";
}

std::string to_item_line(const Report& report) {
    Report members = report;
    members.erase("type");
    return inline_text(members) + "\n";
}

std::string to_json_line(const Report& report) {
    return report.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace) + "\n";
}

void print_report(const Report& report, bool json) {
    const std::string text = json ? to_json_line(report) : to_lines(report);
    std::ignore = std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
}

}  // namespace tensorpool::apps
