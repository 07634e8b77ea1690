// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/clock.hpp>
#include <tensorpool/expected.hpp>

#include "base/function_ref.hpp"
#include "messaging/counters.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

// One interface for every way of moving messages between roles. Set-up throws tensorpool::Error; everything a
// duty cycle calls is noexcept. Channels keep Aeron's URI syntax whatever is underneath.
namespace tensorpool::messaging {

/// Why a message did not leave. Mirrors Aeron's offer results so that every backend is counted alike
/// (OBS 1.2).
enum class SendError : std::uint8_t {
    NotConnected,         ///< nobody subscribes: normal, the message is simply not needed
    BackPressured,        ///< try again later; never returned by the embedded backend
    AdminAction,          ///< the backend was busy with its own log; try again
    Closed,               ///< this publication can never send again
    MaxPositionExceeded,  ///< the log is used up; open a new publication
    TooLong,              ///< larger than max_message_length() or, for claims, max_claim_length()
    Failed,               ///< anything else
};

[[nodiscard]] std::string_view to_string(SendError error) noexcept;

class Publication;

/// A writable piece of the log. commit() makes it one message; abort(), or destroying it, drops it unseen.
/// At most one claim of a publication is open at a time.
class Claim {
public:
    Claim(Publication& owner, std::span<std::byte> bytes, std::uint64_t token) noexcept
        : owner_(&owner), bytes_(bytes), token_(token) {}
    Claim(Claim&& other) noexcept;
    Claim& operator=(Claim&&) = delete;
    Claim(const Claim&) = delete;
    Claim& operator=(const Claim&) = delete;
    ~Claim();

    [[nodiscard]] std::span<std::byte> bytes() const noexcept { return bytes_; }
    void commit() noexcept;
    void abort() noexcept;

private:
    Publication* owner_;
    std::span<std::byte> bytes_;
    std::uint64_t token_;
};

/// The sending end of one stream. Not thread-safe: one thread at a time.
class Publication {
public:
    virtual ~Publication() = default;
    Publication() = default;
    Publication(const Publication&) = delete;
    Publication& operator=(const Publication&) = delete;

    /// Sends a copy of `message`. Never blocks, never allocates.
    [[nodiscard]] virtual expected<void, SendError> offer(std::span<const std::byte> message) noexcept = 0;

    /// Lends `length` bytes of the log so that a short message is built in place.
    [[nodiscard]] virtual expected<Claim, SendError> try_claim(std::size_t length) noexcept = 0;

    /// Whether a live subscriber exists. A plain load; refreshed by Client::do_work and by the subscribers.
    [[nodiscard]] virtual bool is_connected() const noexcept = 0;

    [[nodiscard]] virtual std::size_t max_message_length() const noexcept = 0;
    [[nodiscard]] virtual std::size_t max_claim_length() const noexcept = 0;
    [[nodiscard]] virtual const std::string& channel() const noexcept = 0;
    [[nodiscard]] virtual std::int32_t stream_id() const noexcept = 0;
    /// Tells this publication from every other one of the stream, also after a restart.
    [[nodiscard]] virtual std::int64_t session_id() const noexcept = 0;

    /// Fetches the cache lines that the next small message will be written to. A hint, cheap.
    virtual void prefetch_next() noexcept {}

private:
    friend class Claim;
    virtual void commit_claim(std::uint64_t token) noexcept = 0;
    virtual void abort_claim(std::uint64_t token) noexcept = 0;
};

/// One publication as seen by a subscription ("image" in Aeron's words).
struct Image {
    std::int64_t session_id = 0;
    Nanos joined_ns = 0;  ///< local monotonic time at which the image became available (WIRE-069)
};

/// A whole message. The bytes are the backend's private copy: stable until the handler returns.
struct Message {
    std::span<const std::byte> bytes;
    const Image* image = nullptr;
};

using MessageHandler = base::FunctionRef<void(const Message&)>;
using ImageHandler = base::FunctionRef<void(const Image&)>;

/// The receiving end of one stream, over all its publications. Not thread-safe: one thread at a time.
class Subscription {
public:
    virtual ~Subscription() = default;
    Subscription() = default;
    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;

    /// Hands up to `limit` messages to `handler`, oldest first per image; returns how many. Messages
    /// published before the image was joined are never delivered. A handler that throws loses that one
    /// message, which is counted in handler_errors().
    virtual int poll(MessageHandler handler, int limit) noexcept = 0;

    /// Whether a live publication exists.
    [[nodiscard]] virtual bool is_connected() const noexcept = 0;
    [[nodiscard]] virtual int image_count() const noexcept = 0;
    virtual void for_each_image(ImageHandler handler) const noexcept = 0;

    /// Log bytes that were overwritten before this subscription read them, since it was opened.
    [[nodiscard]] virtual std::uint64_t lost_bytes() const noexcept = 0;
    /// Times this subscription fell a whole log behind and skipped to the oldest safe record.
    [[nodiscard]] virtual std::uint64_t overruns() const noexcept = 0;
    [[nodiscard]] virtual std::uint64_t handler_errors() const noexcept = 0;
    [[nodiscard]] virtual const std::string& channel() const noexcept = 0;
    [[nodiscard]] virtual std::int32_t stream_id() const noexcept = 0;
};

/// One process's connection to a messaging backend. add_* and do_work may be called from any thread.
/// Publications and subscriptions must be destroyed before their client.
class Client {
public:
    virtual ~Client() = default;
    Client() = default;
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    /// Throws Error: a malformed or unsupported channel, permissions, no space.
    [[nodiscard]] virtual std::unique_ptr<Publication> add_publication(const std::string& channel,
                                                                       std::int32_t stream_id) = 0;
    [[nodiscard]] virtual std::unique_ptr<Subscription> add_subscription(const std::string& channel,
                                                                         std::int32_t stream_id) = 0;

    /// A counter of this process, 0 at first. Type id, key and label are free to choose;
    /// messaging/counters.hpp has the limits. Destroy it before the client. Throws Error: key too long, no
    /// room for another one.
    [[nodiscard]] virtual std::unique_ptr<Counter> add_counter(std::int32_t type_id,
                                                               std::span<const std::byte> key,
                                                               std::string_view label) = 0;
    /// Every counter of every living process on this messaging, ordered by id. Not for duty cycles: it makes
    /// system calls and allocates. Callable from any thread. Throws Error when they cannot be read.
    virtual void for_each_counter(CounterHandler handler) = 0;

    /// Housekeeping that needs system calls (liveness of peers, reaping what the dead left). Roles call it
    /// once per duty cycle; it does real work only every few tens of milliseconds.
    virtual int do_work(Nanos now_ns) noexcept = 0;

    /// Sleeps until one of `subscriptions` has something to poll, wake() is called, or `timeout_ns` passed.
    /// Returns true unless it timed out; may also wake early for no reason.
    virtual bool wait(std::span<Subscription* const> subscriptions, Nanos timeout_ns) noexcept = 0;
    /// Wakes every thread of this process that sleeps in wait(). Async-signal-safe.
    virtual void wake() noexcept = 0;

    [[nodiscard]] virtual std::string_view backend() const noexcept = 0;  ///< "embedded" or "aeron"
};

}  // namespace tensorpool::messaging
