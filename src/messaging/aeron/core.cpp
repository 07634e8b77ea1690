// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "messaging/aeron/core.hpp"

#include "base/log.hpp"
#include "messaging/aeron/error_text.hpp"
#include "messaging/embedded/waiter.hpp"

#include <tensorpool/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

namespace tensorpool::messaging::aeron {
namespace {

constexpr Nanos kWorkIntervalNs = kNanosPerMilli;
// For clocks that stand still, as in tests.
constexpr std::uint32_t kMostSkipped = 64;
constexpr int kResponsesPerService = 64;
constexpr Nanos kReconnectIntervalNs = 100 * kNanosPerMilli;
constexpr Nanos kRetryNs = kNanosPerSecond;
constexpr auto kNap = std::chrono::microseconds(50);

std::uint64_t timeout_ms_of(const AeronOptions& options) {
    if (options.driver_timeout_ns <= 0) return default_driver_timeout_ms();
    return static_cast<std::uint64_t>(std::max<Nanos>(1, options.driver_timeout_ns / kNanosPerMilli));
}

}  // namespace

Core::Core(const AeronOptions& options)
    : dir_(options.dir.empty() ? default_aeron_dir() : options.dir),
      driver_timeout_ms_(timeout_ms_of(options)),
      connect_timeout_ns_(options.connect_timeout_ns),
      clock_(options.clock != nullptr ? *options.clock : system_clock()) {
    connect();
}

void Core::connect() {
    const Nanos deadline = monotonic_now_ns() + connect_timeout_ns_;
    for (;;) {
        const DriverState state = look_at_driver(dir_, driver_timeout_ms_);
        if (state == DriverState::Alive) break;
        if (state == DriverState::Unusable || monotonic_now_ns() >= deadline) {
            throw Error(ErrorCode::MessagingError, "Aeron: " + describe(state, dir_));
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    session_ = std::make_shared<Session>(dir_, driver_timeout_ms_);
}

void Core::add(Resource& resource) {
    {
        const std::lock_guard guard(mutex_);
        service();
        entries_.push_back({.resource = &resource});
        if (session_ != nullptr) begin(entries_.back());
        if (settled(resource)) return;
    }
    for (;;) {
        {
            const std::lock_guard guard(mutex_);
            service();
            if (settled(resource)) return;
        }
        std::this_thread::sleep_for(kNap);
    }
}

void Core::add_later(Resource& resource) {
    const std::lock_guard guard(mutex_);
    entries_.push_back({.resource = &resource, .awaited = false});
    if (session_ != nullptr) begin(entries_.back());
}

bool Core::settled(const Resource& resource) {
    const auto entry = find(resource);
    if (entry->progress == Resource::Progress::Failed && session_ != nullptr) {
        const std::string why = std::move(entry->why);
        entries_.erase(entry);
        throw Error(ErrorCode::MessagingError, fmt::format("Aeron: {}: {}", resource.describe(), why));
    }
    const bool settled = entry->progress == Resource::Progress::Done || session_ == nullptr;
    if (settled) entry->awaited = false;
    return settled;
}

std::vector<Core::Entry>::iterator Core::find(const Resource& resource) noexcept {
    return std::find_if(entries_.begin(), entries_.end(),
                        [&](const Entry& entry) { return entry.resource == &resource; });
}

int Core::do_work(Nanos now_ns) noexcept {
    const std::uint32_t skipped = skipped_.load(std::memory_order_relaxed);
    if (now_ns < next_work_ns_.load(std::memory_order_relaxed) && skipped < kMostSkipped) {
        skipped_.store(skipped + 1, std::memory_order_relaxed);
        return 0;
    }
    const std::unique_lock guard(mutex_, std::try_to_lock);
    if (!guard) return 0;
    skipped_.store(0, std::memory_order_relaxed);
    next_work_ns_.store(now_ns + kWorkIntervalNs, std::memory_order_relaxed);
    return service();
}

void Core::nudge() noexcept {
    const Nanos now_ns = monotonic_now_ns();
    if (now_ns < next_nudge_ns_.load(std::memory_order_relaxed)) return;
    const std::unique_lock guard(mutex_, std::try_to_lock);
    if (!guard) return;
    next_nudge_ns_.store(now_ns + kWorkIntervalNs, std::memory_order_relaxed);
    service();
}

int Core::service() noexcept {
    if (session_ == nullptr) reconnect();
    if (session_ == nullptr) return 0;
    int work = 0;
    for (int i = 0; i < kResponsesPerService; ++i) {
        const int done = ::aeron_main_do_work(session_->client());
        if (done <= 0) break;
        work += done;
    }
    if (session_->closed()) {
        base::log(LogLevel::Warn, "Aeron",
                  "lost the media driver in {}: {}; everything comes back when it does", dir_,
                  session_->last_report());
        session_.reset();
        return work + 1;
    }
    for (Entry& entry : entries_) advance(entry);
    return work;
}

void Core::advance(Entry& entry) noexcept {
    if (entry.progress == Resource::Progress::Waiting) {
        entry.progress = entry.resource->advance();
        if (entry.progress == Resource::Progress::Failed) on_failure(entry);
        if (entry.progress == Resource::Progress::Done) entry.logged = false;
    } else if (entry.progress == Resource::Progress::Failed && !entry.awaited &&
               monotonic_now_ns() >= entry.retry_ns) {
        begin(entry);
    } else if (entry.progress == Resource::Progress::Done) {
        entry.resource->show();
    }
}

void Core::begin(Entry& entry) noexcept {
    entry.progress = entry.resource->begin(session_);
    if (entry.progress == Resource::Progress::Failed) on_failure(entry);
}

void Core::on_failure(Entry& entry) noexcept {
    try {
        entry.why = last_error();
        if (entry.awaited) return;
        entry.retry_ns = monotonic_now_ns() + kRetryNs;
        bool& logged = entry.resource->optional() ? complaint_made_ : entry.logged;
        if (std::exchange(logged, true)) return;
        base::log(LogLevel::Error, "Aeron", "{}: {}; trying again", entry.resource->describe(), entry.why);
    } catch (const std::bad_alloc&) {
        entry.why.clear();
    }
}

void Core::reconnect() noexcept {
    const Nanos now_ns = monotonic_now_ns();
    if (now_ns < next_connect_ns_) return;
    next_connect_ns_ = now_ns + kReconnectIntervalNs;
    if (look_at_driver(dir_, driver_timeout_ms_) != DriverState::Alive) return;
    try {
        session_ = std::make_shared<Session>(dir_, driver_timeout_ms_);
    } catch (const std::exception& error) {
        base::log(LogLevel::Warn, "Aeron", "{}", error.what());
        return;
    }
    base::log(LogLevel::Info, "Aeron", "connected to the media driver in {} again", dir_);
    complaint_made_ = false;
    for (Entry& entry : entries_) {
        // Whoever waits in add() has been told that it is there.
        entry.awaited = false;
        begin(entry);
    }
}

void Core::wake() noexcept {
    embedded::wake_all(wake_word_);
}

}  // namespace tensorpool::messaging::aeron
