// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/temp_dir.hpp"

#include <tensorpool/consumer.hpp>
#include <tensorpool/context.hpp>
#include <tensorpool/producer.hpp>

#include <cstdint>

namespace tensorpool::test {

/// A standalone producer and a consumer of its stream, with messaging and shared memory in a private
/// directory.
class StreamFixture {
public:
    static constexpr std::uint32_t kStreamId = 4242;

    explicit StreamFixture(std::uint32_t nslots = 32, std::uint32_t stride_bytes = 1u << 20)
        : context(context_options()),
          producer(context, producer_options(nslots, stride_bytes)),
          consumer(context, consumer_options()) {}

    /// One cycle of both ends; frames go to `handler`.
    template <typename Handler>
    void cycle(Handler&& handler) {
        const Nanos now_ns = monotonic_now_ns();
        producer.do_work(now_ns);
        consumer.do_work(now_ns);
        consumer.poll(handler);
    }

    TempDir dir;
    Context context;
    Producer producer;
    Consumer consumer;

private:
    [[nodiscard]] ContextOptions context_options() const {
        ContextOptions options;
        options.messaging_dir = dir.str() + "/messaging";
        return options;
    }
    [[nodiscard]] ProducerOptions producer_options(std::uint32_t nslots, std::uint32_t stride_bytes) const {
        ProducerOptions options;
        options.stream_id = kStreamId;
        options.reservation_timeout_ns = 0;
        options.standalone.emplace();
        options.standalone->base_dir = dir.str();
        options.standalone->header_nslots = nslots;
        options.standalone->pools = {{1, 64}, {2, stride_bytes}};
        options.announce_period_ns = 50 * kNanosPerMilli;
        return options;
    }
    [[nodiscard]] ConsumerOptions consumer_options() const {
        ConsumerOptions options;
        options.stream_id = kStreamId;
        options.use_driver = false;
        options.allowed_base_dirs = {dir.str()};
        return options;
    }
};

}  // namespace tensorpool::test
