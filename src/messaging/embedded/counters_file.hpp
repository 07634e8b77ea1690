// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/unique_fd.hpp"
#include "messaging/counters.hpp"
#include "messaging/embedded/counters_layout.hpp"
#include "messaging/embedded/directory.hpp"
#include "messaging/embedded/mapping.hpp"

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

namespace tensorpool::messaging::embedded {

/// The counters of this process. Thread-safe. Its file is named while it lives and removed with it; of a
/// process that was killed whoever notices removes it.
class CountersFile {
public:
    /// Makes the file, and the directory of them. Throws Error: NoSpace, SystemError, or MessagingError when
    /// kCounterFiles processes have one already.
    explicit CountersFile(const Directory& directory);
    ~CountersFile();
    CountersFile(const CountersFile&) = delete;
    CountersFile& operator=(const CountersFile&) = delete;

    /// Takes a free record. Throws Error: InvalidArgument for a key that is too long, MessagingError when all
    /// are taken.
    [[nodiscard]] std::uint32_t allocate(std::int32_t type_id, std::span<const std::byte> key,
                                         std::string_view label);
    void release(std::uint32_t index) noexcept;
    [[nodiscard]] std::int64_t& value(std::uint32_t index) noexcept { return record(index).value; }
    [[nodiscard]] std::uint64_t session() const noexcept { return session_; }

private:
    [[nodiscard]] CountersHeader& header() noexcept;
    [[nodiscard]] CounterRecord& record(std::uint32_t index) noexcept;
    void make(int counters_fd, const Directory& directory);

    const Directory& directory_;
    std::mutex mutex_;
    std::uint64_t session_ = 0;
    std::string name_;
    base::UniqueFd file_;  ///< holds the liveness lock
    Mapping mapping_;
};

/// Hands every counter of every living process to `handler`, in the order of their ids. What is there is
/// somebody else's: sizes are checked and everything is copied before it is looked at. Counters of
/// `own_session` are marked. Throws Error.
void read_counters(const Directory& directory, std::uint64_t own_session, CounterHandler handler);

/// Whether reap_counters() would find something. A few system calls per process that has counters.
[[nodiscard]] bool any_dead_counters(const Directory& directory) noexcept;

/// Under the directory's lock: removes the files of the dead, and the directory of counters when it is empty
/// then. Returns how many it removed.
int reap_counters(const DirectoryLock& lock) noexcept;

}  // namespace tensorpool::messaging::embedded
