// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/log.hpp>

#include <string>
#include <vector>

namespace tensorpool::test {

/// Keeps every record, with the names of its fields, while it lives. For tests of one thread.
class RecordingLog final : public LogSink {
public:
    struct Kept {
        LogLevel level;
        std::string module;
        std::string message;
        std::vector<std::string> fields;
    };

    RecordingLog() { set_log_sink(this, LogLevel::Debug); }
    ~RecordingLog() override { set_log_sink(nullptr); }

    void write(LogLevel level, std::string_view module, std::string_view message) noexcept override {
        write_record({level, module, message, {}});
    }
    void write_record(const LogRecord& record) noexcept override {
        Kept kept{record.level, std::string(record.module), std::string(record.message), {}};
        for (const LogField& field : record.fields) kept.fields.emplace_back(field.key);
        records.push_back(std::move(kept));
    }

    /// Records whose message contains `text`.
    [[nodiscard]] std::vector<Kept> with(const std::string& text) const {
        std::vector<Kept> found;
        for (const Kept& record : records) {
            if (record.message.find(text) != std::string::npos) found.push_back(record);
        }
        return found;
    }

    std::vector<Kept> records;
};

}  // namespace tensorpool::test
