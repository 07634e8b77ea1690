// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "common/report.hpp"

#include <fmt/format.h>

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

}  // namespace

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
