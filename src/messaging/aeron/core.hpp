// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "messaging/aeron/session.hpp"

#include <tensorpool/clock.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace tensorpool::messaging::aeron {

/// Something that lives in a media driver and must be registered again with the next one. The core calls it
/// with its mutex held.
class Resource {
public:
    virtual ~Resource() = default;

    enum class Progress : std::uint8_t { Waiting, Done, Failed };

    /// Asks `session`'s media driver for it. Failed: last_error() says why.
    virtual Progress begin(std::shared_ptr<Session> session) noexcept = 0;
    /// Looks for the answer.
    virtual Progress advance() noexcept = 0;
    /// Called whenever the core runs, once it is registered.
    virtual void show() noexcept {}
    /// Whether its owner does its job as well without it.
    [[nodiscard]] virtual bool optional() const noexcept { return false; }
    /// "publication of stream 5 on aeron:ipc", for messages.
    [[nodiscard]] virtual std::string describe() const = 0;
};

/// What a client shares with its publications and subscriptions: the connection to the media driver, and
/// everything that must come back when the media driver does. Thread-safe.
class Core {
public:
    /// Waits for a media driver for at most `options.connect_timeout_ns`. Throws Error.
    explicit Core(const AeronOptions& options);

    /// Registers `resource` and waits for the media driver's answer. With no media driver at the moment it
    /// returns at once: the resource is registered when there is one. Throws Error.
    void add(Resource& resource);
    /// Registers `resource` without waiting. What the media driver refuses is logged and tried again.
    void add_later(Resource& resource);
    /// `resource` is told nothing any more; `close()` runs with the mutex held.
    template <typename Close>
    void remove(Resource& resource, Close&& close) noexcept {
        const std::lock_guard guard(mutex_);
        if (const auto entry = find(resource); entry != entries_.end()) entries_.erase(entry);
        close();
    }

    /// Drives the conductor, at most once a millisecond by `now_ns`.
    int do_work(Nanos now_ns) noexcept;
    /// The same by the real clock, for callers that look for something and have no time at hand.
    void nudge() noexcept;

    /// None while there is no media driver.
    [[nodiscard]] std::shared_ptr<Session> session() {
        const std::lock_guard guard(mutex_);
        return session_;
    }
    [[nodiscard]] const Clock& clock() const noexcept { return clock_; }
    [[nodiscard]] std::mutex& mutex() noexcept { return mutex_; }

    void wake() noexcept;
    [[nodiscard]] std::uint32_t& wake_word() noexcept { return wake_word_; }

private:
    struct Entry {
        Resource* resource;
        Resource::Progress progress = Resource::Progress::Waiting;
        bool awaited = true;  ///< add() is waiting for it and reports what goes wrong
        Nanos retry_ns = 0;
        bool logged = false;  ///< that it failed, since it was registered last
        std::string why{};    ///< it failed
    };

    void connect();
    int service() noexcept;
    void reconnect() noexcept;
    void begin(Entry& entry) noexcept;
    void advance(Entry& entry) noexcept;
    void on_failure(Entry& entry) noexcept;
    /// True when `resource` is registered or has to wait for a media driver. Throws Error.
    bool settled(const Resource& resource);
    [[nodiscard]] std::vector<Entry>::iterator find(const Resource& resource) noexcept;

    const std::string dir_;
    const std::uint64_t driver_timeout_ms_;
    const Nanos connect_timeout_ns_;
    const Clock& clock_;
    std::atomic<Nanos> next_work_ns_{0};   ///< by the roles' clock
    std::atomic<Nanos> next_nudge_ns_{0};  ///< by the real clock
    std::atomic<std::uint32_t> skipped_{0};
    std::mutex mutex_;
    std::shared_ptr<Session> session_;  ///< none while there is no media driver
    std::vector<Entry> entries_;
    Nanos next_connect_ns_ = 0;
    bool complaint_made_ = false;  ///< about an optional resource, of this session
    std::uint32_t wake_word_ = 0;
};

}  // namespace tensorpool::messaging::aeron
