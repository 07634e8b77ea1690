// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "messaging/embedded/counters_file.hpp"
#include "messaging/embedded/directory.hpp"
#include "messaging/embedded/registry.hpp"

#include <tensorpool/clock.hpp>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>

namespace tensorpool::messaging::embedded {

/// What a client shares with its publications and subscriptions: the streams it takes part in, and its wake
/// word. Set-up, closing and housekeeping take the mutex first and the directory's lock second. Thread-safe.
class Core {
public:
    /// As Directory for the first two.
    Core(std::string path, bool group_access, const Clock& clock, Nanos liveness_interval_ns)
        : directory_(std::move(path), group_access),
          clock_(clock),
          liveness_interval_ns_(liveness_interval_ns) {}

    /// Runs `set_up(StreamRegistry&)` with the lock held and counts one more user of the stream. A throw
    /// undoes the count.
    template <typename SetUp>
    auto join_stream(std::int32_t stream_id, SetUp&& set_up) {
        const std::lock_guard guard(mutex_);
        const DirectoryLock lock = directory_.lock();
        StreamRegistry& registry = enter(stream_id, lock);
        try {
            return set_up(registry);
        } catch (...) {
            leave(registry, &lock);
            throw;
        }
    }

    /// Runs `tear_down()` with the lock held, where it can be had, and takes one user away.
    template <typename TearDown>
    void leave_stream(StreamRegistry& registry, TearDown&& tear_down) noexcept {
        const std::lock_guard guard(mutex_);
        const auto lock = directory_.lock_existing();
        tear_down();
        leave(registry, lock ? &*lock : nullptr);
    }

    /// Looks for peers that died, at most once per interval; whoever notices cleans up for everyone.
    int check_peers(Nanos now_ns) noexcept;

    /// The counters of this process, made by the first who asks. Throws Error.
    [[nodiscard]] std::shared_ptr<CountersFile> counters();
    /// As Client::for_each_counter. Removes what the dead left on the way.
    void for_each_counter(CounterHandler handler);

    void remove_directory_if_unused() noexcept;

    /// Async-signal-safe.
    void wake() noexcept;
    [[nodiscard]] std::uint32_t& wake_word() noexcept { return wake_word_; }
    [[nodiscard]] const Clock& clock() const noexcept { return clock_; }
    [[nodiscard]] const Directory& directory() const noexcept { return directory_; }

private:
    struct Stream {
        std::unique_ptr<StreamRegistry> registry;
        int users = 0;
        bool loss_reported = false;
    };

    StreamRegistry& enter(std::int32_t stream_id, const DirectoryLock& lock);
    void leave(StreamRegistry& registry, const DirectoryLock* lock) noexcept;
    void report_if_removed(Stream& stream) noexcept;
    int reap_dead_counters() noexcept;

    const Directory directory_;
    const Clock& clock_;
    const Nanos liveness_interval_ns_;
    std::atomic<Nanos> next_check_ns_{0};
    std::mutex mutex_;
    std::map<std::int32_t, Stream> streams_;
    std::weak_ptr<CountersFile> counters_;  ///< kept by the counters themselves
    int checks_until_reap_ = 0;
    std::uint32_t wake_word_ = 0;
};

}  // namespace tensorpool::messaging::embedded
