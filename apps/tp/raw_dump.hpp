// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/command_line.hpp"

#include <cstddef>
#include <cstdio>
#include <memory>
#include <span>
#include <string>

namespace tensorpool::apps {

/// `--raw`, `--raw-file` of a listener (TOOL-010).
struct RawDumpOptions {
    bool to_stderr = false;
    std::string file;

    void add_to(const cli::Command& command);
};

/// Every fragment as it came, also those that nobody can decode.
class RawDump {
public:
    /// Throws Error when the file cannot be made.
    explicit RawDump(const RawDumpOptions& options);
    void write(const std::string& label, std::span<const std::byte> bytes);

private:
    struct CloseFile {
        void operator()(std::FILE* file) const noexcept { std::fclose(file); }
    };
    std::unique_ptr<std::FILE, CloseFile> file_;
    bool to_stderr_;
};

}  // namespace tensorpool::apps
