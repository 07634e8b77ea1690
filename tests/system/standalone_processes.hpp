// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/eventually.hpp"
#include "support/forked_child.hpp"
#include "support/messaging_choice.hpp"
#include "support/pattern.hpp"
#include "support/rounds.hpp"
#include "support/temp_dir.hpp"

#include <tensorpool/consumer.hpp>
#include <tensorpool/context.hpp>
#include <tensorpool/producer.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <random>
#include <utility>
#include <vector>

// Producers and consumers without a driver, each to be run in a process of its own and killed there.
namespace tensorpool::test {

inline constexpr std::uint32_t kKillStream = 4242;
inline constexpr std::uint32_t kFrameBytes = 24 * 1024;

/// Short, so that a dead owner is noticed soon.
inline constexpr Nanos kAnnouncePeriod = 20 * kNanosPerMilli;
/// For tests in which nobody dies: a live owner must get the processor more often than every fourth period.
inline constexpr Nanos kPatientPeriod = 2 * kNanosPerSecond;

inline ContextOptions context_options_in(const TempDir& dir) {
    return messaging_options_in(dir);
}

inline ProducerOptions producer_options_in(const TempDir& dir, std::uint32_t nslots) {
    ProducerOptions options;
    options.stream_id = kKillStream;
    options.announce_period_ns = kAnnouncePeriod;
    options.standalone.emplace();
    options.standalone->base_dir = dir.str();
    options.standalone->header_nslots = nslots;
    options.standalone->pools = {{1, 32 * 1024}};
    return options;
}

inline ConsumerOptions consumer_options_in(const TempDir& dir) {
    ConsumerOptions options;
    options.stream_id = kKillStream;
    options.use_driver = false;
    options.announce_period_ns = kAnnouncePeriod;
    options.allowed_base_dirs = {dir.str()};
    return options;
}

inline FrameInfo frame_info() {
    FrameInfo info;
    info.tensor.dims[0] = static_cast<std::int32_t>(kFrameBytes);
    info.values_len_bytes = kFrameBytes;
    return info;
}

/// Builds one frame in place, every byte derived from its seq.
inline bool publish_pattern(Producer& producer) {
    auto claim = producer.try_claim(kFrameBytes);
    if (!claim) return false;
    const std::uint64_t seq = claim->seq();
    fill_pattern(claim->payload().first(kFrameBytes), seq);
    producer.commit(std::move(*claim), frame_info());
    return true;
}

/// Publishes until it is killed.
[[noreturn]] inline void produce_for_ever(const TempDir& dir, std::uint32_t nslots,
                                          Nanos announce_period_ns = kAnnouncePeriod) {
    Context context(context_options_in(dir));
    ProducerOptions options = producer_options_in(dir, nslots);
    options.announce_period_ns = announce_period_ns;
    Producer producer(context, options);
    while (true) {
        producer.do_work(monotonic_now_ns());
        for (int i = 0; i < 8; ++i) publish_pattern(producer);
    }
}

/// A consumer that checks every byte of every frame it is given.
class CheckingConsumer {
public:
    explicit CheckingConsumer(const TempDir& dir, Nanos announce_period_ns = kAnnouncePeriod)
        : context(context_options_in(dir)), consumer(context, options_in(dir, announce_period_ns)) {
        copy_.resize(kFrameBytes);
    }

    void cycle() {
        consumer.do_work(monotonic_now_ns());
        consumer.poll([this](const Frame& frame) { check(frame); });
        if (consumer.epoch() != 0 && (epochs.empty() || epochs.back() != consumer.epoch()))
            epochs.push_back(consumer.epoch());
    }

    Context context;
    Consumer consumer;
    std::uint64_t whole = 0;  // frames proven whole
    std::uint64_t torn = 0;   // accepted, yet not what was written: must stay 0
    std::uint64_t lost = 0;   // noticed as overwritten: allowed
    std::vector<std::uint64_t> epochs;

private:
    static ConsumerOptions options_in(const TempDir& dir, Nanos announce_period_ns) {
        ConsumerOptions options = consumer_options_in(dir);
        options.announce_period_ns = announce_period_ns;
        return options;
    }
    void check(const Frame& frame) {
        // Both ways of reading: a checked copy, and in place with a check afterwards.
        const bool copied = frame.copy_to(copy_);
        if (copied && read_pattern(copy_) != frame.seq()) ++torn;
        const bool good = read_pattern(frame.payload()) == frame.seq();
        const bool intact = frame.intact();
        if (intact && !good) ++torn;
        if (intact && good) ++whole;
        if (!intact) ++lost;
    }
    std::vector<std::byte> copy_;
};

/// Runs for a moment of random length, so that a kill hits anywhere.
inline void spend(std::mt19937_64& random, Nanos most_ns, const std::function<void()>& work) {
    const Nanos end = monotonic_now_ns() + std::uniform_int_distribution<Nanos>(0, most_ns)(random);
    do work();
    while (monotonic_now_ns() < end);
}

}  // namespace tensorpool::test
