// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include <tensorpool/error.hpp>
#include <tensorpool/trace.hpp>

#include "base/log.hpp"
#include "control/publisher.hpp"
#include "telemetry/counter_set.hpp"
#include "telemetry/tables.hpp"
#include "trace/link_ring.hpp"
#include "trace/wall_clock.hpp"
#include "wire/trace_blocks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace tensorpool {
namespace {

constexpr std::string_view kModule = "Trace";
constexpr std::uint32_t kMostParents = 65534;  // numInGroup (TT-10)
constexpr int kBurst = 64;                     // sets sent per cycle (TT-10)
// Ids taken from the generator at a time: the price of its atomic word is paid once for all of them.
constexpr std::uint32_t kBlock = 32;
constexpr std::uint32_t kMostRingWords = 1U << 27;  // 1 GiB

bool is_grantable(std::uint32_t node_id) noexcept {
    return node_id >= kFirstTraceNodeId && node_id <= kLastTraceNodeId;
}

TracerOptions validated(TracerOptions options) {
    const auto fail = [](const std::string& text) {
        throw Error(ErrorCode::InvalidConfig, "trace: " + text);
    };
    if (options.stream_id == 0 || options.stream_id == 0xffffffff)
        fail(fmt::format("stream_id {} is not a stream; valid are 1 to 4294967294 (CFG-012)",
                         options.stream_id));
    if (options.node_id != 0 && !is_grantable(options.node_id))
        fail(fmt::format("node_id {} cannot be used; choose {} to {}, or 0 for the one the driver grants",
                         options.node_id, kFirstTraceNodeId, kLastTraceNodeId));
    if (options.sample_every == 0) fail("sample_every is 0; 1 traces every frame");
    if (options.max_parents == 0 || options.max_parents > kMostParents)
        fail(fmt::format("max_parents {} must lie between 1 and {}", options.max_parents, kMostParents));
    if (options.ring_words < trace::LinkRing::kFrameWords + options.max_parents ||
        options.ring_words > kMostRingWords)
        fail(fmt::format("ring_words {} must lie between max_parents + {} and {}", options.ring_words,
                         trace::LinkRing::kFrameWords, kMostRingWords));
    return options;
}

/// A total that one thread adds to and any thread reads.
class Counter {
public:
    void add(std::uint64_t n = 1) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_{0};
};

}  // namespace

std::string_view to_string(LinkResult result) noexcept {
    switch (result) {
        case LinkResult::Queued:
            return "queued";
        case LinkResult::NoLinks:
            return "no links";
        case LinkResult::TooMany:
            return "too many parents";
        case LinkResult::RingFull:
            return "ring full";
    }
    return "unknown";
}

class Tracer::Impl {
public:
    Impl(Context& context, TracerOptions options)
        : opts(validated(std::move(options))),
          publisher_(context.messaging().add_publication(opts.endpoints.control.channel,
                                                         opts.endpoints.control.stream_id)),
          totals_seen_(context.messaging(),
                       telemetry::stream_owner("Tracer", opts.stream_id, opts.stream_id, context.instance())),
          ring_(opts.ring_words) {
        const std::size_t most = publisher_.publication().max_message_length();
        if (wire::trace_link_set_length(opts.max_parents) > most)
            throw Error(ErrorCode::InvalidConfig,
                        fmt::format("trace: max_parents {} needs messages of {} bytes, {} takes {}; a longer "
                                    "term-length allows more",
                                    opts.max_parents, wire::trace_link_set_length(opts.max_parents),
                                    opts.endpoints.control.channel, most));
        parents_.reserve(opts.max_parents);
        message_.stream_id = opts.stream_id;
        message_.parents.reserve(opts.max_parents);
        if (opts.generator != nullptr) {
            use(opts.generator);
        } else if (opts.node_id != 0) {
            use(&own_.emplace(opts.node_id, opts.layout, opts.wall_clock));
        } else {  // refuses an impossible layout now, not when the lease comes
            std::ignore = TraceIdGenerator(kFirstTraceNodeId, opts.layout, opts.wall_clock);
        }
        refresh_clock();
        totals_seen_.add(telemetry::rows<TracerCounters>(), totals_);
    }

    // ---- the publishing thread --------------------------------------------------------------------------

    void set_output(std::uint64_t epoch, std::optional<std::uint32_t> node_id) noexcept {
        epoch_ = epoch;
        if (opts.generator != nullptr || opts.node_id != 0 || node_id == granted_) return;
        granted_ = node_id;
        if (!node_id) return;  // between two leases: the old id is asked for again and probably granted
        if (!is_grantable(*node_id)) {
            base::log(LogLevel::Warn, kModule, "stream {}: node id {} is outside {} to {}: not traced",
                      opts.stream_id, *node_id, kFirstTraceNodeId, kLastTraceNodeId);
            use(nullptr);
            return;
        }
        if (own_ && own_->node_id() == *node_id) return use(&*own_);
        try {
            use(&own_.emplace(*node_id, opts.layout, opts.wall_clock));
        } catch (const std::exception& error) {
            use(nullptr);
            base::log(LogLevel::Warn, kModule, "stream {}: {}: not traced", opts.stream_id, error.what());
        }
    }

    std::uint64_t mint() noexcept {
        if (opts.sample_every != 1 && roots_++ % opts.sample_every != 0) {
            sampled_out_.add();
            return 0;
        }
        // An id embeds the time it was minted at: what is left of an earlier millisecond is given up.
        if (block_.count == 0 || block_ms_ != cached_ms_.load(std::memory_order_relaxed)) {
            if (!take_block()) return 0;
        }
        minted_.add();
        --block_.count;
        return block_.first++;
    }

    std::uint64_t carry(std::uint64_t upstream) noexcept {
        if (upstream == 0) return mint();
        carried_.add();
        return upstream;
    }

    LinkResult link(std::uint64_t seq, std::uint64_t trace_id,
                    std::span<const std::uint64_t> inputs) noexcept {
        if (trace_id == 0) return LinkResult::NoLinks;
        parents_.clear();
        for (const std::uint64_t input : inputs) {
            if (input == 0 || std::find(parents_.begin(), parents_.end(), input) != parents_.end()) continue;
            if (parents_.size() == opts.max_parents) {
                refused_.add();
                return LinkResult::TooMany;
            }
            parents_.push_back(input);  // reserved
        }
        if (parents_.empty()) return LinkResult::NoLinks;
        if (!ring_.push({epoch_, seq, trace_id}, parents_)) {
            ring_full_.add();
            return LinkResult::RingFull;
        }
        queued_.add();
        return LinkResult::Queued;
    }

    [[nodiscard]] std::optional<std::uint32_t> node_id() const noexcept {
        return generator_ == nullptr ? std::nullopt : std::optional(generator_->node_id());
    }

    // ---- the sending thread, possibly the same ----------------------------------------------------------

    int do_work(Nanos now_ns) noexcept {
        if (now_ns >= next_refresh_ns_) {
            next_refresh_ns_ = now_ns + kNanosPerMilli;  // finer than an id can tell is of no use
            refresh_clock();
        }
        int sent = 0;
        trace::LinkedFrame frame;
        while (sent < kBurst) {
            message_.parents.clear();
            if (!ring_.pop(frame, [&](std::uint64_t parent) { message_.parents.push_back(parent); })) break;
            message_.epoch = frame.epoch;
            message_.seq = frame.seq;
            message_.trace_id = frame.trace_id;
            send();
            ++sent;
        }
        totals_seen_.cycle(now_ns, sent, [this]() noexcept { totals_ = counters(); });
        return sent;
    }

    [[nodiscard]] TracerCounters counters() const noexcept {
        TracerCounters c;
        c.ids_minted = minted_.get();
        c.ids_carried = carried_.get();
        c.ids_sampled_out = sampled_out_.get();
        c.ids_unavailable = unavailable_.get();
        c.generators = generators_.get();
        c.links_queued = queued_.get();
        c.links_refused = refused_.get();
        c.links_ring_full = ring_full_.get();
        c.links_published = published_.get();
        c.links_not_connected = not_connected_.get();
        c.links_send_failed = send_failed_.get();
        return c;
    }

    const TracerOptions opts;

private:
    void use(TraceIdGenerator* generator) noexcept {
        generator_ = generator;
        block_ = {};
        if (generator != nullptr) generators_.add();
    }

    void refresh_clock() noexcept {
        const TraceIdLayout& layout = opts.generator != nullptr ? opts.generator->layout() : opts.layout;
        const std::int64_t now = opts.generator != nullptr
                                     ? opts.generator->now_ms()
                                     : trace::unix_ms(opts.wall_clock) - layout.timestamp_offset_ms;
        // relaxed: the value is all there is to see
        cached_ms_.store(now, std::memory_order_relaxed);
    }

    bool take_block() noexcept {
        block_ = {};
        if (generator_ != nullptr) {
            block_ms_ = cached_ms_.load(std::memory_order_relaxed);
            block_ = generator_->try_next(kBlock, block_ms_);
            if (block_.count == 0) {  // used up, or do_work() was not driven for a while
                refresh_clock();
                block_ms_ = cached_ms_.load(std::memory_order_relaxed);
                block_ = generator_->try_next(kBlock, block_ms_);
            }
        }
        if (block_.count == 0) unavailable_.add();
        return block_.count != 0;
    }

    void send() noexcept {
        const auto sent = publisher_.send(message_);
        if (sent) {
            published_.add();
        } else if (sent.error() == messaging::SendError::NotConnected) {
            not_connected_.add();
        } else {
            send_failed_.add();  // tried once (TT-06)
        }
    }

    // the publishing thread
    std::optional<TraceIdGenerator> own_;
    TraceIdGenerator* generator_ = nullptr;
    TraceIdGenerator::Block block_;
    std::int64_t block_ms_ = 0;
    std::uint64_t roots_ = 0;
    std::uint64_t epoch_ = 0;
    std::optional<std::uint32_t> granted_;
    std::vector<std::uint64_t> parents_;
    Counter minted_, carried_, sampled_out_, unavailable_, generators_, queued_, refused_, ring_full_;

    // both: seldom written
    alignas(64) std::atomic<std::int64_t> cached_ms_{0};

    // the sending thread
    alignas(64) control::ControlPublisher publisher_;
    control::TraceLinkSet message_;
    Nanos next_refresh_ns_ = 0;
    Counter published_, not_connected_, send_failed_;
    TracerCounters totals_;
    telemetry::CounterSet totals_seen_;

    trace::LinkRing ring_;
};

Tracer::Tracer(Context& context, TracerOptions options)
    : impl_(std::make_unique<Impl>(context, std::move(options))) {
}

Tracer::~Tracer() = default;

void Tracer::set_output(std::uint64_t epoch, std::optional<std::uint32_t> node_id) noexcept {
    impl_->set_output(epoch, node_id);
}
std::uint64_t Tracer::mint() noexcept {
    return impl_->mint();
}
std::uint64_t Tracer::carry(std::uint64_t upstream_trace_id) noexcept {
    return impl_->carry(upstream_trace_id);
}
LinkResult Tracer::link(std::uint64_t seq, std::uint64_t trace_id,
                        std::span<const std::uint64_t> inputs) noexcept {
    return impl_->link(seq, trace_id, inputs);
}
int Tracer::do_work(Nanos now_ns) noexcept {
    return impl_->do_work(now_ns);
}
std::optional<std::uint32_t> Tracer::node_id() const noexcept {
    return impl_->node_id();
}
TracerCounters Tracer::counters() const noexcept {
    return impl_->counters();
}

}  // namespace tensorpool
