// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/agent.hpp>
#include <tensorpool/bridge.hpp>
#include <tensorpool/consumer.hpp>
#include <tensorpool/context.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

// A consumer that goes on where shared memory is not to be had (WIRE-141, WIRE-160): with the same frames out
// of a bridge's chunks, or with a stream that a bridge re-creates on this host. docs/bridge.md, "Fallback".
namespace tensorpool {

struct FallbackOptions {
    /// Where frames are when nobody names a place and the stream cannot be mapped; empty: nowhere.
    std::string uri{};
    /// How long nothing may be mapped before `uri` counts.
    Nanos patience_ns = 3 * kNanosPerSecond;
    /// The way to an `aeron:` address. nullptr: the consumer's own messaging for aeron:ipc, an Aeron client
    /// made when it is needed for aeron:udp. Must outlive the consumer.
    Context* transport = nullptr;
    std::string aeron_dir{};  ///< of that client
    std::uint64_t max_memory_bytes = 1'073'741'824;
    bool integrity_crc32c = false;  ///< as the sender
    Nanos assembly_timeout_ns = 250 * kNanosPerMilli;
};

/// Where frames come from.
enum class FrameOrigin : std::uint8_t {
    SharedMemory,  ///< the stream itself, or nowhere yet
    Chunks,        ///< a bridge sender's, rebuilt in this process (`aeron:...`)
    OtherStream,   ///< a stream that a bridge receiver fills on this host (`bridge://<stream id>`)
};

[[nodiscard]] std::string_view to_string(FrameOrigin origin) noexcept;

struct FallbackCounters {
    std::uint64_t switches = 0;            ///< of the origin, to and fro
    std::uint64_t frames_delivered = 0;    ///< of Chunks and OtherStream
    std::uint64_t frames_repeated = 0;     ///< already delivered from the other origin; not handed out again
    std::uint64_t frames_overwritten = 0;  ///< rebuilt, but not polled in time
    std::uint64_t openings_failed = 0;     ///< of an address; last_error() says why
    std::uint64_t handler_errors = 0;  ///< handlers that threw on a frame of Chunks; it counts as delivered
};

/// A Consumer and what it falls back to. Not thread-safe: call every member from the thread that drives
/// do_work().
class FallbackConsumer final : public Agent {
public:
    /// Throws Error when the options are invalid.
    FallbackConsumer(Context& context, ConsumerOptions options, FallbackOptions fallback = {});
    ~FallbackConsumer() override;
    FallbackConsumer(const FallbackConsumer&) = delete;
    FallbackConsumer& operator=(const FallbackConsumer&) = delete;

    /// Delivers up to `limit` frames to `handler(const Frame&)`, wherever they come from. With the same epoch
    /// and number a frame comes once and in order, also when the origin changes; frames of OtherStream have
    /// the epoch of that stream.
    template <typename Handler>
    requires std::is_invocable_v<Handler&, const Frame&>
    int poll(Handler&& handler, int limit = 16) noexcept {
        return poll_frames(
            [](void* h, const Frame& frame) { (*static_cast<std::remove_reference_t<Handler>*>(h))(frame); },
            const_cast<void*>(static_cast<const void*>(&handler)), limit);
    }

    int do_work(Nanos now_ns) noexcept override;
    [[nodiscard]] std::string_view role_name() const noexcept override { return "consumer"; }
    /// Sleeps until a frame or message may be there, or `timeout_ns` passed.
    void wait(Nanos timeout_ns) noexcept;

    [[nodiscard]] FrameOrigin origin() const noexcept;
    /// Whether frames can flow.
    [[nodiscard]] bool is_ready() const noexcept;
    /// Of what is delivered now; 0 when nothing can flow.
    [[nodiscard]] std::uint64_t epoch() const noexcept;
    /// The stream itself.
    [[nodiscard]] Consumer& consumer() noexcept;
    [[nodiscard]] const Consumer& consumer() const noexcept;
    [[nodiscard]] FallbackCounters counters() const noexcept;
    /// Of the chunks, while they are the origin.
    [[nodiscard]] BridgeCounters chunk_counters() const noexcept;
    [[nodiscard]] std::string last_error() const;

private:
    class Impl;
    int poll_frames(void (*call)(void*, const Frame&), void* handler, int limit) noexcept;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tensorpool
