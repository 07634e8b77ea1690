// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "tp/raw_dump.hpp"

#include "wire/cursor.hpp"

#include <tensorpool/error.hpp>

#include <fmt/format.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

namespace tensorpool::apps {

void RawDumpOptions::add_to(const cli::Command& command) {
    command.add_flag("--raw", to_stderr, "also dump every fragment in hex on stderr");
    command.add_option("--raw-file", file, "the same into a file").option_text("FILE");
}

RawDump::RawDump(const RawDumpOptions& options) : to_stderr_(options.to_stderr) {
    if (options.file.empty()) return;
    file_.reset(std::fopen(options.file.c_str(), "we"));
    if (!file_)
        throw Error(ErrorCode::SystemError,
                    fmt::format("--raw-file {}: {}", options.file, std::strerror(errno)));
}

void RawDump::write(const std::string& label, std::span<const std::byte> bytes) {
    if (!to_stderr_ && !file_) return;
    wire::MessageHeader header{};
    if (bytes.size() >= sizeof(header)) std::memcpy(&header, bytes.data(), sizeof(header));
    std::string line =
        fmt::format("RAW {} len={} schema={} template={} block_length={} version={} data=", label,
                    bytes.size(), std::uint16_t{header.schema_id}, std::uint16_t{header.template_id},
                    std::uint16_t{header.block_length}, std::uint16_t{header.version});
    for (const std::byte byte : bytes) line += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
    if (to_stderr_) std::fprintf(stderr, "%s\n", line.c_str());
    if (!file_) return;
    std::fprintf(file_.get(), "%s\n", line.c_str());
    std::fflush(file_.get());  // somebody may be watching it grow
}

}  // namespace tensorpool::apps
