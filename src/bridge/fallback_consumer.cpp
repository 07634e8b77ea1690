// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include <tensorpool/fallback_consumer.hpp>

#include "base/log.hpp"
#include "bridge/payload_receiver.hpp"
#include "messaging/messaging.hpp"

#include <tensorpool/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <exception>
#include <limits>
#include <utility>

namespace tensorpool {
namespace {

constexpr std::string_view kModule = "Consumer";
constexpr std::string_view kBridgeScheme = "bridge://";
constexpr Nanos kRetryAfter = kNanosPerSecond;
/// While two messaging clients have something to say, a sleep on one of them is short.
constexpr Nanos kShortWait = 2 * kNanosPerMilli;

std::uint32_t stream_of(std::string_view uri) {
    const std::string_view text = uri.substr(kBridgeScheme.size());
    std::uint32_t stream_id = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), stream_id);
    if (error != std::errc{} || end != text.data() + text.size() || stream_id == 0) {
        throw Error(
            ErrorCode::InvalidConfig,
            fmt::format("payload fallback \"{}\": write bridge://<stream id>, the stream that a bridge "
                        "receiver fills on this host",
                        uri));
    }
    return stream_id;
}

}  // namespace

std::string_view to_string(FrameOrigin origin) noexcept {
    switch (origin) {
        case FrameOrigin::SharedMemory:
            return "shared_memory";
        case FrameOrigin::Chunks:
            return "chunks";
        case FrameOrigin::OtherStream:
            return "other_stream";
    }
    return "unknown";
}

class FallbackConsumer::Impl {
public:
    Impl(Context& context, ConsumerOptions options, FallbackOptions fallback)
        : context_(context),
          options_(std::move(options)),
          fallback_(std::move(fallback)),
          primary(context, options_),
          unmapped_since_ns_(context.clock().now_ns()) {
        if (!fallback_.uri.empty()) check(fallback_.uri);
    }

    int do_work(Nanos now_ns) noexcept;
    int poll(void (*call)(void*, const Frame&), void* handler, int limit) noexcept;
    void wait(Nanos timeout_ns) noexcept;

    [[nodiscard]] FrameOrigin origin() const noexcept {
        if (chunks_) return FrameOrigin::Chunks;
        return other_ ? FrameOrigin::OtherStream : FrameOrigin::SharedMemory;
    }
    [[nodiscard]] bool is_ready() const noexcept {
        if (chunks_) return chunks_->epoch() != 0;
        return other_ ? other_->is_ready() : primary.is_ready();
    }
    [[nodiscard]] std::uint64_t epoch() const noexcept {
        if (chunks_) return chunks_->epoch();
        return other_ ? other_->epoch() : primary.epoch();
    }
    [[nodiscard]] FallbackCounters counters() const noexcept {
        FallbackCounters all = counters_;
        if (chunks_) all.frames_overwritten += chunks_->frames_overwritten();
        return all;
    }
    [[nodiscard]] BridgeCounters chunk_counters() const noexcept {
        return chunks_ ? chunks_->counters() : BridgeCounters{};
    }
    [[nodiscard]] std::string last_error() const {
        if (!failure_.empty()) return failure_;
        if (chunks_) return chunks_->last_error();
        return other_ ? other_->last_error() : primary.last_error();
    }

private:
    static void check(const std::string& uri) {
        if (uri.starts_with(kBridgeScheme)) {
            (void)stream_of(uri);
        } else {
            (void)bridge::FallbackAddress::parse(uri);
        }
    }
    /// Where to read right now; empty: the stream itself.
    [[nodiscard]] const std::string& wanted(Nanos now_ns) noexcept;
    void follow(const std::string& uri, Nanos now_ns) noexcept;
    void open(const std::string& uri);
    void close() noexcept;
    /// A number that came from one origin is not delivered again from the other.
    [[nodiscard]] bool is_repeated(const Frame& frame) const noexcept;
    [[nodiscard]] messaging::Client& transport_for(const std::string& channel);

    Context& context_;
    const ConsumerOptions options_;
    const FallbackOptions fallback_;

public:
    Consumer primary;

private:
    std::string open_uri_;  // what chunks_ or other_ read, or failed to
    std::unique_ptr<Context> own_transport_;
    std::unique_ptr<bridge::PayloadReceiver> chunks_;
    std::unique_ptr<Consumer> other_;
    FallbackCounters counters_;
    std::string failure_;
    Nanos retry_ns_ = 0;
    Nanos unmapped_since_ns_ = 0;
    // The last frame that was delivered, in the source's epochs.
    struct Last {
        FrameOrigin origin = FrameOrigin::SharedMemory;
        std::uint64_t epoch = 0;
        std::uint64_t seq = 0;
    } last_;
};

const std::string& FallbackConsumer::Impl::wanted(Nanos now_ns) noexcept {
    static const std::string kNowhere;
    if (primary.mapping_state() == MappingState::Fallback)
        return primary.fallback_uri().empty() ? fallback_.uri : primary.fallback_uri();
    if (primary.is_ready()) {
        unmapped_since_ns_ = now_ns;
        return kNowhere;
    }
    // Allowed again, but not there yet: what flows goes on flowing.
    if (!open_uri_.empty()) return open_uri_;
    return now_ns - unmapped_since_ns_ >= fallback_.patience_ns ? fallback_.uri : kNowhere;
}

int FallbackConsumer::Impl::do_work(Nanos now_ns) noexcept {
    int work = primary.do_work(now_ns);
    follow(wanted(now_ns), now_ns);
    if (chunks_) work += chunks_->do_work(now_ns);
    if (other_) work += other_->do_work(now_ns);
    return work;
}

void FallbackConsumer::Impl::follow(const std::string& uri, Nanos now_ns) noexcept {
    const bool stands = uri == open_uri_ && (failure_.empty() || now_ns < retry_ns_);
    if (stands) return;
    try {
        if (uri != open_uri_) {
            ++counters_.switches;
            base::log(LogLevel::Info, kModule, "stream {}: reading {}", options_.stream_id,
                      uri.empty() ? std::string_view("shared memory") : std::string_view(uri));
        }
        close();
        open_uri_ = uri;  // or is it already
        failure_.clear();
        if (!open_uri_.empty()) open(open_uri_);
    } catch (const std::exception& error) {
        close();
        ++counters_.openings_failed;
        retry_ns_ = now_ns + kRetryAfter;
        if (failure_.empty())
            base::log(LogLevel::Warn, kModule, "stream {}: {}", options_.stream_id, error.what());
        failure_ = error.what();
    }
}

void FallbackConsumer::Impl::open(const std::string& uri) {
    if (uri.starts_with(kBridgeScheme)) {
        ConsumerOptions other = options_;
        other.stream_id = stream_of(uri);
        other.use_driver = true;
        other.consumer_id = 0;
        other.own_descriptors.reset();
        other.own_progress.reset();
        other_ = std::make_unique<Consumer>(context_, other);
        return;
    }
    const bridge::FallbackAddress address = bridge::FallbackAddress::parse(uri);
    chunks_ = std::make_unique<bridge::PayloadReceiver>(transport_for(address.channel), address,
                                                        options_.stream_id, fallback_);
}

void FallbackConsumer::Impl::close() noexcept {
    if (chunks_) counters_.frames_overwritten += chunks_->frames_overwritten();
    chunks_.reset();
    other_.reset();
    own_transport_.reset();
}

messaging::Client& FallbackConsumer::Impl::transport_for(const std::string& channel) {
    if (fallback_.transport != nullptr) return fallback_.transport->messaging();
    if (channel.starts_with("aeron:ipc")) return context_.messaging();
    ContextOptions aeron;
    aeron.messaging = MessagingKind::Aeron;
    aeron.aeron_dir =
        fallback_.aeron_dir.empty() ? ContextOptions::from_environment().aeron_dir : fallback_.aeron_dir;
    own_transport_ = std::make_unique<Context>(aeron);
    return own_transport_->messaging();
}

int FallbackConsumer::Impl::poll(void (*call)(void*, const Frame&), void* handler, int limit) noexcept {
    if (other_) {
        const int frames = other_->poll([&](const Frame& frame) { call(handler, frame); }, limit);
        counters_.frames_delivered += static_cast<std::uint64_t>(frames);
        return frames;
    }
    int fresh = 0;
    const auto deliver = [&](const Frame& frame) {
        if (is_repeated(frame)) {
            ++counters_.frames_repeated;
            return;
        }
        last_ = {origin(), frame.epoch(), frame.seq()};
        ++fresh;
        call(handler, frame);
    };
    if (!chunks_) {
        primary.poll(deliver, limit);
        return fresh;
    }
    chunks_->poll(
        [&](const Frame& frame) {
            try {
                deliver(frame);
            } catch (...) {
                ++counters_.handler_errors;
            }
        },
        limit);
    counters_.frames_delivered += static_cast<std::uint64_t>(fresh);
    return fresh;
}

bool FallbackConsumer::Impl::is_repeated(const Frame& frame) const noexcept {
    if (last_.origin == origin()) return false;
    return frame.epoch() < last_.epoch || (frame.epoch() == last_.epoch && frame.seq() <= last_.seq);
}

void FallbackConsumer::Impl::wait(Nanos timeout_ns) noexcept {
    if (chunks_) {
        chunks_->wait(std::min(timeout_ns, kShortWait));
    } else if (other_) {
        other_->wait(std::min(timeout_ns, kShortWait));
    } else {
        primary.wait(timeout_ns);
    }
}

FallbackConsumer::FallbackConsumer(Context& context, ConsumerOptions options, FallbackOptions fallback)
    : impl_(std::make_unique<Impl>(context, std::move(options), std::move(fallback))) {
}

FallbackConsumer::~FallbackConsumer() = default;

int FallbackConsumer::poll_frames(void (*call)(void*, const Frame&), void* handler, int limit) noexcept {
    return impl_->poll(call, handler, limit);
}

int FallbackConsumer::do_work(Nanos now_ns) noexcept {
    return impl_->do_work(now_ns);
}

void FallbackConsumer::wait(Nanos timeout_ns) noexcept {
    impl_->wait(timeout_ns);
}

FrameOrigin FallbackConsumer::origin() const noexcept {
    return impl_->origin();
}

bool FallbackConsumer::is_ready() const noexcept {
    return impl_->is_ready();
}

std::uint64_t FallbackConsumer::epoch() const noexcept {
    return impl_->epoch();
}

Consumer& FallbackConsumer::consumer() noexcept {
    return impl_->primary;
}

const Consumer& FallbackConsumer::consumer() const noexcept {
    return impl_->primary;
}

FallbackCounters FallbackConsumer::counters() const noexcept {
    return impl_->counters();
}

BridgeCounters FallbackConsumer::chunk_counters() const noexcept {
    return impl_->chunk_counters();
}

std::string FallbackConsumer::last_error() const {
    return impl_->last_error();
}

}  // namespace tensorpool
