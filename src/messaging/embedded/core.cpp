// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "messaging/embedded/core.hpp"

#include "base/log.hpp"
#include "messaging/embedded/waiter.hpp"

#include <tuple>

namespace tensorpool::messaging::embedded {
namespace {

// The counters of the dead harm nobody: readers skip them.
constexpr int kChecksPerReap = 20;

}  // namespace

StreamRegistry& Core::enter(std::int32_t stream_id, const DirectoryLock& lock) {
    const auto found = streams_.find(stream_id);
    if (found != streams_.end()) {
        found->second.registry->sweep();
        ++found->second.users;
        return *found->second.registry;
    }
    auto registry = std::make_unique<StreamRegistry>(directory_, lock, stream_id);
    Stream& stream = streams_[stream_id];
    stream.registry = std::move(registry);
    stream.users = 1;
    return *stream.registry;
}

void Core::leave(StreamRegistry& registry, const DirectoryLock* lock) noexcept {
    const auto found = streams_.find(registry.stream_id());
    if (found == streams_.end() || --found->second.users > 0) return;
    if (lock != nullptr) registry.remove_if_unused(*lock);
    streams_.erase(found);
}

int Core::check_peers(Nanos now_ns) noexcept {
    Nanos due = next_check_ns_.load(std::memory_order_relaxed);
    if (now_ns < due) return 0;
    // Of several threads one does the check.
    if (!next_check_ns_.compare_exchange_strong(due, now_ns + liveness_interval_ns_,
                                                std::memory_order_relaxed)) {
        return 0;
    }
    const std::unique_lock guard(mutex_, std::try_to_lock);
    if (!guard) return 0;
    int work = 0;
    if (--checks_until_reap_ < 0) {
        checks_until_reap_ = kChecksPerReap;
        work += reap_dead_counters();
    }
    for (auto& [stream_id, stream] : streams_) {
        report_if_removed(stream);
        if (!stream.registry->needs_sweep()) continue;
        const auto lock = directory_.try_lock();
        if (!lock) return work;  // somebody is at it, maybe with the same corpse: look again next time
        work += stream.registry->sweep();
    }
    return work;
}

int Core::reap_dead_counters() noexcept {
    if (!any_dead_counters(directory_)) return 0;
    const auto lock = directory_.try_lock();
    return lock ? reap_counters(*lock) : 0;
}

std::shared_ptr<CountersFile> Core::counters() {
    const std::lock_guard guard(mutex_);
    std::shared_ptr<CountersFile> file = counters_.lock();
    if (!file) {
        file = std::make_shared<CountersFile>(directory_);
        counters_ = file;
    }
    return file;
}

void Core::for_each_counter(CounterHandler handler) {
    std::uint64_t own_session = 0;
    {
        const std::lock_guard guard(mutex_);
        if (const auto file = counters_.lock()) own_session = file->session();
    }
    read_counters(directory_, own_session, handler);
    std::ignore = reap_dead_counters();
}

void Core::remove_directory_if_unused() noexcept {
    if (const auto lock = directory_.lock_existing()) reap_counters(*lock);
    directory_.remove_if_unused();
}

void Core::report_if_removed(Stream& stream) noexcept {
    if (stream.loss_reported || !stream.registry->removed_by_others()) return;
    stream.loss_reported = true;
    base::log(
        LogLevel::Error, "Client",
        "messaging: {}/stream-{} was removed while in use; programs started from now on cannot reach this "
        "one: restart it",
        directory_.path(), stream.registry->stream_id());
}

void Core::wake() noexcept {
    wake_all(wake_word_);
}

}  // namespace tensorpool::messaging::embedded
