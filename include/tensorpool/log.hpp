// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace tensorpool {

enum class LogLevel { Debug = 10, Info = 20, Warn = 30, Error = 40 };

/// Where the library's records go. The library never prints: without a sink records are discarded.
/// `write` may be called from any thread that drives a role; it must not throw.
class LogSink {
public:
    virtual ~LogSink() = default;
    LogSink() = default;
    LogSink(const LogSink&) = delete;
    LogSink& operator=(const LogSink&) = delete;

    /// `module` is one of the names of OBS-019 ("Producer", "Driver", ...); `message` is one line.
    virtual void write(LogLevel level, std::string_view module, std::string_view message) noexcept = 0;
};

/// Installs the process-wide sink and the lowest level it wants; nullptr turns logging off.
/// The sink must outlive every role. Thread-safe.
void set_log_sink(LogSink* sink, LogLevel lowest = LogLevel::Info) noexcept;

}  // namespace tensorpool
