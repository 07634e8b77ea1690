// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include <tensorpool/error.hpp>
#include <tensorpool/log.hpp>

#include "base/text.hpp"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>

namespace tensorpool {
namespace {

std::string_view name_of(LogLevel level) noexcept {
    switch (level) {
        case LogLevel::Debug:
            return "debug";
        case LogLevel::Info:
            return "info";
        case LogLevel::Warn:
            return "warn";
        case LogLevel::Error:
            return "error";
    }
    return "info";
}

std::uint64_t utc_now_ns() noexcept {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(since).count());
}

/// JSON has no infinities.
std::string json_number(double value) {
    return std::isfinite(value) ? fmt::format("{}", value) : "null";
}

std::string json_value(const LogField::Value& value) {
    return std::visit(
        [](const auto& typed) -> std::string {
            using T = std::decay_t<decltype(typed)>;
            if constexpr (std::is_same_v<T, std::string_view>) {
                return base::json_string(typed);
            } else if constexpr (std::is_same_v<T, double>) {
                return json_number(typed);
            } else {
                return fmt::format("{}", typed);
            }
        },
        value);
}

/// OBS-021.
std::string json_line(const LogRecord& record) {
    std::string line = fmt::format("{{\"ts\":{},\"level\":\"{}\",\"module\":{},\"msg\":{},\"fields\":{{",
                                   utc_now_ns(), name_of(record.level), base::json_string(record.module),
                                   base::json_string(record.message));
    bool first = true;
    for (const LogField& field : record.fields) {
        if (!first) line += ',';
        first = false;
        line += base::json_string(field.key) + ':' + json_value(field.value);
    }
    return line + "}}";
}

/// Records quote what peers sent: one record stays one line, and the terminal its master.
std::string text_line(const LogRecord& record) {
    const std::uint64_t now_ns = utc_now_ns();
    const auto seconds = static_cast<std::time_t>(now_ns / 1'000'000'000);
    std::tm utc{};
    ::gmtime_r(&seconds, &utc);
    char stamp[32];
    std::strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &utc);
    return fmt::format("{}.{:03}Z {} {}: {}", stamp, now_ns / 1'000'000 % 1000, name_of(record.level),
                       record.module, base::printable(record.message));
}

class SpdlogSink final : public LogSink {
public:
    explicit SpdlogSink(const LogSettings& settings)
        : modules_(settings.modules), format_(settings.format), logger_("tensorpool", target(settings)) {
        logger_.set_pattern("%v");
        logger_.set_level(spdlog::level::trace);
        logger_.flush_on(settings.flush || settings.file.empty() ? spdlog::level::trace
                                                                 : spdlog::level::warn);
        logger_.set_error_handler([](const std::string&) {});  // a full disk must not become output of ours
    }
    ~SpdlogSink() override { logger_.flush(); }

    void write(LogLevel level, std::string_view module, std::string_view message) noexcept override {
        write_record({level, module, message, {}});
    }
    void write_record(const LogRecord& record) noexcept override {
        if (!modules_.empty() && std::find(modules_.begin(), modules_.end(), record.module) == modules_.end())
            return;
        try {
            logger_.log(record.level >= LogLevel::Warn ? spdlog::level::warn : spdlog::level::info,
                        format_ == LogFormat::Json ? json_line(record) : text_line(record));
        } catch (...) {  // out of memory: the record is lost
        }
    }

private:
    static spdlog::sink_ptr target(const LogSettings& settings) {
        if (settings.file.empty()) return std::make_shared<spdlog::sinks::stderr_sink_mt>();
        try {
            return std::make_shared<spdlog::sinks::basic_file_sink_mt>(settings.file);
        } catch (const spdlog::spdlog_ex& error) {
            throw Error(ErrorCode::SystemError,
                        fmt::format("log file {}: {}; TP_LOG_FILE must name a file that can be appended to",
                                    settings.file, error.what()));
        }
    }

    const std::vector<std::string> modules_;
    const LogFormat format_;
    spdlog::logger logger_;
};

}  // namespace

std::unique_ptr<LogSink> make_log_sink(const LogSettings& settings) {
    return std::make_unique<SpdlogSink>(settings);
}

}  // namespace tensorpool
