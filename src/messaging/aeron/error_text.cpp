// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "messaging/aeron/error_text.hpp"

#include <aeronc.h>

namespace tensorpool::messaging::aeron {
namespace {

constexpr std::string_view kBlanks = " \t\r";

std::string_view trim(std::string_view line) {
    const auto first = line.find_first_not_of(kBlanks);
    if (first == std::string_view::npos) return {};
    return line.substr(first, line.find_last_not_of(kBlanks) - first + 1);
}

/// "[function, file.c:12] text" -> "text".
std::string_view without_source(std::string_view line) {
    if (!line.starts_with('[')) return line;
    const auto end = line.find(']');
    const std::string_view source = line.substr(0, end);
    if (end == std::string_view::npos || source.find(".c:") == std::string_view::npos) return line;
    return trim(line.substr(end + 1));
}

/// "(-7) not supported" names a number and a class of errors; the lines below it say what happened.
bool is_code(std::string_view line) {
    if (!line.starts_with('(')) return false;
    const auto end = line.find(')');
    return end != std::string_view::npos && end > 1 &&
           line.substr(1, end - 1).find_first_not_of("-0123456789") == std::string_view::npos;
}

bool says_something(std::string_view line) {
    // The client's own line above what the media driver answered.
    return !line.empty() && !line.ends_with("registration error");
}

}  // namespace

std::string one_line(std::string_view aeron_text) {
    std::string text;
    std::string code;
    while (!aeron_text.empty()) {
        const auto end = aeron_text.find('\n');
        const std::string_view raw = trim(aeron_text.substr(0, end));
        aeron_text.remove_prefix(end == std::string_view::npos ? aeron_text.size() : end + 1);
        if (is_code(raw)) {
            code = trim(raw.substr(raw.find(')') + 1));
            continue;
        }
        const std::string_view line = without_source(raw);
        if (!says_something(line)) continue;
        if (!text.empty()) text += "; ";
        text += line;
    }
    if (!text.empty()) return text;
    return code.empty() ? "unknown error" : code;
}

std::string last_error() {
    return one_line(::aeron_errmsg());
}

}  // namespace tensorpool::messaging::aeron
