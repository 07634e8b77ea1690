// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "base/log.hpp"

#include <atomic>

namespace tensorpool {
namespace {

std::atomic<LogSink*> active_sink{nullptr};
std::atomic<LogLevel> lowest_level{LogLevel::Info};

}  // namespace

void set_log_sink(LogSink* sink, LogLevel lowest) noexcept {
    lowest_level.store(lowest, std::memory_order_relaxed);
    active_sink.store(sink, std::memory_order_release);  // pairs with the acquire in log_line
}

namespace base {

bool log_enabled(LogLevel level) noexcept {
    return active_sink.load(std::memory_order_relaxed) != nullptr &&
           level >= lowest_level.load(std::memory_order_relaxed);
}

void log_line(LogLevel level, std::string_view module, std::string_view message) noexcept {
    log_record({level, module, message, {}});
}

void log_record(const LogRecord& record) noexcept {
    LogSink* sink = active_sink.load(std::memory_order_acquire);  // pairs with set_log_sink
    if (sink != nullptr) sink->write_record(record);
}

}  // namespace base
}  // namespace tensorpool
