// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

namespace tensorpool {

enum class LogLevel { Debug = 10, Info = 20, Warn = 30, Error = 40 };

/// One typed detail of a record: {"stream_id", 10000u}. Refers to its text, which lives as long as the
/// record.
struct LogField {
    using Value = std::variant<bool, std::int64_t, std::uint64_t, double, std::string_view>;

    std::string_view key;
    Value value;

    template <typename T>
    LogField(std::string_view name, const T& of) : key(name), value(value_of(of)) {}

private:
    template <typename T>
    static Value value_of(const T& of) {
        if constexpr (std::is_same_v<T, bool>) {
            return of;
        } else if constexpr (std::is_floating_point_v<T>) {
            return static_cast<double>(of);
        } else if constexpr (std::is_integral_v<T> && std::is_signed_v<T>) {
            return static_cast<std::int64_t>(of);
        } else if constexpr (std::is_integral_v<T>) {
            return static_cast<std::uint64_t>(of);
        } else {
            return std::string_view(of);
        }
    }
};

/// One record. Valid only during the call it is passed to.
struct LogRecord {
    LogLevel level = LogLevel::Info;
    std::string_view module;   ///< a name of OBS-019: "Producer", "Driver", ...
    std::string_view message;  ///< one line, complete without the fields
    std::span<const LogField> fields{};
};

/// Where the library's records go. The library never prints: without a sink records are discarded.
/// Called from any thread that drives a role; must not throw.
class LogSink {
public:
    virtual ~LogSink() = default;
    LogSink() = default;
    LogSink(const LogSink&) = delete;
    LogSink& operator=(const LogSink&) = delete;

    virtual void write(LogLevel level, std::string_view module, std::string_view message) noexcept = 0;
    /// For sinks that want the fields too; the default drops them.
    virtual void write_record(const LogRecord& record) noexcept {
        write(record.level, record.module, record.message);
    }
};

/// Installs the process-wide sink and the lowest level it wants; nullptr turns logging off.
/// The sink must outlive every role. Thread-safe.
void set_log_sink(LogSink* sink, LogLevel lowest = LogLevel::Info) noexcept;

enum class LogFormat : std::uint8_t { Json, Text };

/// What the TP_LOG variables say (OBS-017 to OBS-020).
struct LogSettings {
    bool on = false;                   ///< TP_LOG=1
    LogLevel level = LogLevel::Info;   ///< TP_LOG_LEVEL
    std::vector<std::string> modules;  ///< TP_LOG_MODULES; empty: all
    LogFormat format = LogFormat::Json;
    std::string file;    ///< TP_LOG_FILE: appended to; empty: stderr
    bool flush = false;  ///< TP_LOG_FLUSH=1: after every record

    /// Read at start: later changes of the environment change nothing.
    [[nodiscard]] static LogSettings from_environment();
};

/// OBS-018: 10, 20, 30, 40 or a name; 0 to 4 on the C scale. Anything else is Info.
[[nodiscard]] LogLevel parse_log_level(std::string_view text) noexcept;

/// A ready-made sink (spdlog underneath, thread-safe) for hosts that want the library's records as the
/// programs write them: one JSON object or one line of text a record. Install it with
/// set_log_sink(sink.get(), level). Throws Error when the file cannot be opened.
[[nodiscard]] std::unique_ptr<LogSink> make_log_sink(const LogSettings& settings);

}  // namespace tensorpool
