// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/log.hpp>

#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace tensorpool::base {

/// True when a record of this level would reach a sink. One relaxed load.
[[nodiscard]] bool log_enabled(LogLevel level) noexcept;

/// Hands one finished line to the sink, if any.
void log_line(LogLevel level, std::string_view module, std::string_view message) noexcept;

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
