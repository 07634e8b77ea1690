// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "messaging/embedded/log_file.hpp"

#include "base/unique_fd.hpp"
#include "messaging/embedded/system_error.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>

namespace tensorpool::messaging::embedded {
namespace {

[[noreturn]] void fail_creation(int dir_fd, const LogName& name, int error, const char* call,
                                std::uint64_t bytes) {
    ::unlinkat(dir_fd, name.data(), 0);
    if (error == ENOSPC) {
        throw Error(
            ErrorCode::NoSpace,
            fmt::format("message log: {} bytes do not fit into the messaging directory's file system; "
                        "free space there or lower term-length",
                        bytes));
    }
    throw system_error(call, name.data(), error);
}

}  // namespace

LogName log_name(const LogIdentity& identity) noexcept {
    LogName name{};
    std::snprintf(name.data(), name.size(), "log-%03u-%016" PRIx64, identity.slot & 0xFFFU,
                  static_cast<std::uint64_t>(identity.session_id));
    return name;
}

std::optional<LogIdentity> parse_log_name(const char* name) noexcept {
    LogIdentity identity;
    std::uint64_t session = 0;
    if (std::sscanf(name, "log-%3u-%16" SCNx64, &identity.slot, &session) != 2) return std::nullopt;
    identity.session_id = static_cast<std::int64_t>(session);
    if (std::strcmp(name, log_name(identity).data()) != 0) return std::nullopt;
    return identity;
}

LogFile create_log(int dir_fd, const LogIdentity& identity, std::uint64_t cells, mode_t mode,
                   bool relaxed_writer) {
    const LogName name = log_name(identity);
    const std::uint64_t bytes = log_file_bytes(cells);
    const base::UniqueFd fd(
        ::openat(dir_fd, name.data(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
    if (!fd) throw system_error("open", name.data(), errno);
    // The umask may have taken group bits away.
    if (::fchmod(fd.get(), mode) != 0) fail_creation(dir_fd, name, errno, "fchmod", bytes);
    // Reserved now: a sparse log would kill the writer with SIGBUS when the file system fills up later.
    if (const int error = ::posix_fallocate(fd.get(), 0, static_cast<off_t>(bytes)); error != 0) {
        fail_creation(dir_fd, name, error, "fallocate", bytes);
    }
    LogFile log{Mapping::map(fd.get(), bytes, PROT_READ | PROT_WRITE, MAP_POPULATE), cells};
    if (!log.mapping) fail_creation(dir_fd, name, errno, "mmap", bytes);
    LogHeader header{};
    header.magic = kLogMagic;
    header.version = kLogVersion;
    header.stream_id = identity.stream_id;
    header.session_id = identity.session_id;
    header.relaxed_writer = relaxed_writer ? 1 : 0;
    std::memcpy(log.mapping.data(), &header, sizeof(header));
    return log;
}

std::optional<LogFile> open_log(int dir_fd, const LogIdentity& identity, OpenFailure& failure) noexcept {
    const LogName name = log_name(identity);
    const base::UniqueFd fd(::openat(dir_fd, name.data(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!fd) {
        failure = errno == ENOENT                                         ? OpenFailure::Gone
                  : errno == EMFILE || errno == ENFILE || errno == ENOMEM ? OpenFailure::TryLater
                                                                          : OpenFailure::NotALog;
        return std::nullopt;
    }
    failure = OpenFailure::NotALog;
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
    const auto bytes = static_cast<std::uint64_t>(status.st_size);
    const std::uint64_t cells = cells_of_file(bytes);
    if (cells == 0) return std::nullopt;
    LogFile log{Mapping::map(fd.get(), bytes, PROT_READ), cells};
    if (!log.mapping) {
        failure = OpenFailure::TryLater;
        return std::nullopt;
    }
    LogHeader header;
    std::memcpy(&header, log.mapping.data(), offsetof(LogHeader, tail));
    if (header.magic != kLogMagic || header.version != kLogVersion ||
        header.stream_id != identity.stream_id || header.session_id != identity.session_id) {
        return std::nullopt;
    }
    return log;
}

}  // namespace tensorpool::messaging::embedded
