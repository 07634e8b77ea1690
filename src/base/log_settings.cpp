// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include <tensorpool/log.hpp>

#include <algorithm>
#include <cstdlib>

namespace tensorpool {
namespace {

std::string_view environment(const char* name) noexcept {
    const char* const value = std::getenv(name);
    return value == nullptr ? std::string_view() : std::string_view(value);
}

std::string_view trimmed(std::string_view text) noexcept {
    const std::size_t begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::vector<std::string> split(std::string_view list) {
    std::vector<std::string> names;
    while (!list.empty()) {
        const std::size_t end = std::min(list.find(','), list.size());
        if (const std::string_view name = trimmed(list.substr(0, end)); !name.empty())
            names.emplace_back(name);
        list.remove_prefix(std::min(end + 1, list.size()));
    }
    return names;
}

}  // namespace

LogLevel parse_log_level(std::string_view text) noexcept {
    struct Name {
        std::string_view text;
        LogLevel level;
    };
    constexpr Name kNames[] = {
        {"10", LogLevel::Debug},     {"debug", LogLevel::Debug}, {"20", LogLevel::Info},
        {"info", LogLevel::Info},    {"30", LogLevel::Warn},     {"warn", LogLevel::Warn},
        {"warning", LogLevel::Warn}, {"40", LogLevel::Error},    {"error", LogLevel::Error},
        {"0", LogLevel::Error},      {"1", LogLevel::Warn},      {"2", LogLevel::Info},
        {"3", LogLevel::Debug},      {"4", LogLevel::Debug},     {"trace", LogLevel::Debug}};
    std::string lower(trimmed(text));
    for (char& c : lower) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    for (const Name& name : kNames) {
        if (lower == name.text) return name.level;
    }
    return LogLevel::Info;
}

LogSettings LogSettings::from_environment() {
    LogSettings settings;
    settings.on = environment("TP_LOG") == "1";
    settings.level = parse_log_level(environment("TP_LOG_LEVEL"));
    settings.modules = split(environment("TP_LOG_MODULES"));
    settings.format = environment("TP_LOG_FORMAT") == "text" ? LogFormat::Text : LogFormat::Json;
    settings.file = environment("TP_LOG_FILE");
    settings.flush = environment("TP_LOG_FLUSH") == "1";
    return settings;
}

}  // namespace tensorpool
