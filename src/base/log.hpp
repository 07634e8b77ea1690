// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/clock.hpp>
#include <tensorpool/log.hpp>

#include <fmt/format.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace tensorpool::base {

/// True when a record of this level would reach a sink. One relaxed load.
[[nodiscard]] bool log_enabled(LogLevel level) noexcept;

/// Hands one finished line to the sink, if any.
void log_line(LogLevel level, std::string_view module, std::string_view message) noexcept;

/// Hands one record to the sink, if any.
void log_record(const LogRecord& record) noexcept;

/// As log(), with typed fields for those who read records by machine:
///
///     log_with(LogLevel::Info, kModule, {{"stream_id", id}, {"epoch", epoch}}, "stream {}: mapped", id);
template <typename... Args>
void log_with(LogLevel level, std::string_view module, std::initializer_list<LogField> fields,
              fmt::format_string<Args...> format, Args&&... args) noexcept {
    if (!log_enabled(level)) return;
    try {
        const std::string message = fmt::format(format, std::forward<Args>(args)...);
        log_record({level, module, message, {fields.begin(), fields.size()}});
    } catch (...) {
        log_line(level, module, "a log record could not be formatted");
    }
}

/// Lets one record per period through and counts those it held back: for conditions that somebody else can
/// repeat as fast as they like (OBS-023). Not thread-safe.
class LogLimit {
public:
    explicit constexpr LogLimit(Nanos period_ns = kNanosPerSecond) noexcept : period_ns_(period_ns) {}

    /// Whether to log now.
    [[nodiscard]] bool pass(Nanos now_ns) noexcept {
        if (passed_ && now_ns - last_ns_ < period_ns_) {
            ++held_back_;
            return false;
        }
        passed_ = true;
        last_ns_ = now_ns;
        return true;
    }
    /// Records held back since the last call; call it for the one that passes.
    [[nodiscard]] std::uint64_t take_held_back() noexcept { return std::exchange(held_back_, 0); }

private:
    Nanos period_ns_;
    Nanos last_ns_ = 0;
    std::uint64_t held_back_ = 0;
    bool passed_ = false;
};

/// Formats and logs one line. Not for the per-frame path: formatting may allocate.
template <typename... Args>
void log(LogLevel level, std::string_view module, fmt::format_string<Args...> format,
         Args&&... args) noexcept {
    if (!log_enabled(level)) return;
    try {
        log_line(level, module, fmt::format(format, std::forward<Args>(args)...));
    } catch (...) {
        log_line(level, module, "a log record could not be formatted");
    }
}

}  // namespace tensorpool::base
