// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "streams.hpp"

#include "messaging/embedded/embedded_client.hpp"

#include <tensorpool/trace.hpp>

#include <array>
#include <stdexcept>
#include <vector>

// What a trace id costs on the publish path: frames of 64 bytes, in place, descriptor written, where every
// nanosecond shows. The store's figures are in trace_store.cpp.
namespace tensorpool::bench {

#ifdef TP_HAVE_TRACE_STORE
void trace_store_figures(const Options& options, Results& results);
#endif

namespace {

constexpr std::uint32_t kStream = 1;
constexpr std::uint32_t kBytes = 64;
constexpr std::uint32_t kNslots = 8;
constexpr int kBatch = 2000;  // below the 4096 ids of a millisecond

enum class Tracing { Off, Mint, Join };

double batch(Producer& producer, Tracer& tracer, Tracing tracing) {
    FrameInfo info = frame_of(kBytes);
    const std::array<std::uint64_t, 3> parents{11, 12, 13};
    const Nanos start = monotonic_now_ns();
    for (int i = 0; i < kBatch; ++i) {
        auto claim = producer.try_claim(kBytes);
        if (!claim) throw std::runtime_error("a claim was refused");
        const std::uint64_t seq = claim->seq();
        if (tracing != Tracing::Off) info.trace_id = tracer.mint();
        claim->commit(info);
        if (tracing == Tracing::Join) std::ignore = tracer.link(seq, info.trace_id, parents);
    }
    return static_cast<double>(monotonic_now_ns() - start) / kBatch;
}

/// Fresh ids for the next batch: what the duty cycle does at most once a millisecond.
void next_millisecond(Tracer& tracer) {
    const Nanos now = realtime_now_ns() / kNanosPerMilli;
    while (realtime_now_ns() / kNanosPerMilli == now) {
    }
    while (tracer.do_work(monotonic_now_ns()) > 0) {
    }
}

}  // namespace

void trace_group(const Options& options, Results& results) {
    const int rounds = options.quick ? 200 : 600;
    ScratchDir dir;
    pin_to(0);
    Context context(context_on(dir));
    Producer producer(context, producer_on(dir, kStream, kNslots, kBytes));
    TracerOptions tracing;
    tracing.stream_id = kStream;
    tracing.node_id = 1;
    tracing.endpoints = producer_on(dir, kStream, 2, kBytes).endpoints;
    Tracer tracer(context, tracing);
    tracer.set_output(producer.epoch(), producer.node_id());
    // Subscribers that never poll: descriptors and links are really written.
    auto descriptors = context.messaging().add_subscription(tracing.endpoints.descriptor.channel,
                                                            tracing.endpoints.descriptor.stream_id);
    auto links = context.messaging().add_subscription(tracing.endpoints.control.channel,
                                                      tracing.endpoints.control.stream_id);
    std::vector<double> off;
    std::vector<double> mint;
    std::vector<double> join;
    for (int round = 0; round < rounds; ++round) {
        producer.do_work(monotonic_now_ns());
        next_millisecond(tracer);
        const bool mint_first = round % 2 == 0;  // whoever runs second finds warmer caches
        const double first = batch(producer, tracer, mint_first ? Tracing::Mint : Tracing::Off);
        const double second = batch(producer, tracer, mint_first ? Tracing::Off : Tracing::Mint);
        next_millisecond(tracer);
        const double third = batch(producer, tracer, Tracing::Join);
        if (round < 2) continue;
        mint.push_back(mint_first ? first : second);
        off.push_back(mint_first ? second : first);
        join.push_back(third);
    }
    if (tracer.counters().ids_unavailable != 0) throw std::runtime_error("trace ids ran out");
    results.add("publish_untraced_ns", median(off), "ns", "64 bytes in place, descriptor written");
    results.add("publish_traced_ns", median(mint), "ns", "with an id of its own each");
    results.add("publish_joined_ns", median(join), "ns", "with an id and links to three parents each");
    results.add_ratio("trace_on_over_off", median(mint) / median(off), "<= 1.05");
#ifdef TP_HAVE_TRACE_STORE
    trace_store_figures(options, results);
#endif
}

}  // namespace tensorpool::bench
