// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "messaging/embedded/log_layout.hpp"
#include "messaging/embedded/mapping.hpp"

#include <sys/types.h>

#include <array>
#include <optional>

namespace tensorpool::messaging::embedded {

/// A mapped log: writable for its publication, read-only for everyone else.
struct LogFile {
    Mapping mapping;
    std::uint64_t cells = 0;

    [[nodiscard]] const LogHeader& header() const noexcept {
        return *reinterpret_cast<const LogHeader*>(static_cast<const void*>(mapping.data()));
    }
};

/// Who a log belongs to. The file's name is made from it, and its header repeats it.
struct LogIdentity {
    std::int32_t stream_id = 0;
    unsigned slot = 0;  ///< the publication's slot in the stream's registry
    std::int64_t session_id = 0;
};

using LogName = std::array<char, 32>;
[[nodiscard]] LogName log_name(const LogIdentity& identity) noexcept;
/// Slot and session of a log's file name; empty when the name is none.
[[nodiscard]] std::optional<LogIdentity> parse_log_name(const char* name) noexcept;

/// Makes the log, with all its memory reserved and mapped in. Throws Error (NoSpace, SystemError) and leaves
/// no file behind.
[[nodiscard]] LogFile create_log(int dir_fd, const LogIdentity& identity, std::uint64_t cells, mode_t mode,
                                 bool relaxed_writer);

enum class OpenFailure : std::uint8_t {
    Gone,      ///< no such file: its publication has just closed
    NotALog,   ///< some other file; never look at it again
    TryLater,  ///< out of file descriptors or address space
};

/// Maps somebody else's log read-only. The ring's size comes from the file's size, never from its contents.
[[nodiscard]] std::optional<LogFile> open_log(int dir_fd, const LogIdentity& identity,
                                              OpenFailure& failure) noexcept;

}  // namespace tensorpool::messaging::embedded
