// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "bridge/hosts/frame_flow.hpp"

#include "support/pattern.hpp"

#include <tensorpool/consumer.hpp>
#include <tensorpool/context.hpp>
#include <tensorpool/producer.hpp>

#include <sched.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

namespace tensorpool::test {
namespace {

constexpr Nanos kPeriod = NetHost::kPeriodMs * kNanosPerMilli;
constexpr Nanos kFrameEvery = 4 * kNanosPerMilli;

ContextOptions move_to(const NetHost& host) {
    if (::setns(host.port().descriptor(), CLONE_NEWNET) != 0) throw std::runtime_error("no way to the host");
    return host.context_options();
}

/// Small ones too, and none of them a round number of chunks.
std::size_t bytes_of(std::uint64_t number) {
    const std::uint64_t random = mixed(number);
    return kPatternHeader + random % (random % 8 == 0 ? 4000 : FrameFlow::kMostBytes - kPatternHeader);
}

int run_producer(const NetHost& host, std::uint32_t stream_id, FlowBoard& board) {
    Context context(move_to(host));
    ProducerOptions options;
    options.stream_id = stream_id;
    options.allowed_base_dirs = {host.shm_dir()};
    options.keepalive_interval_ns = kPeriod;
    options.announce_period_ns = kPeriod;
    Producer producer(context, options);
    std::vector<std::byte> payload(FrameFlow::kMostBytes);
    Nanos due = 0;
    while (!board.stop.load()) {
        const Nanos now = monotonic_now_ns();
        producer.do_work(now);
        if (!producer.is_ready() || now < due) {
            nap();
            continue;
        }
        due = std::max(due + kFrameEvery, now - kFrameEvery);
        const std::uint64_t number = ++board.published;
        const auto bytes = std::span(payload).first(bytes_of(number));
        fill_pattern(bytes, number);
        FrameInfo info;
        info.tensor.dims[0] = static_cast<std::int32_t>(bytes.size());
        info.timestamp_ns = number;
        info.trace_id = number;
        info.meta_version = static_cast<std::uint32_t>(producer.next_seq());
        std::ignore = producer.offer(bytes, info);  // a number that was not taken counts as lost
    }
    return 0;
}

int run_consumer(const NetHost& host, std::uint32_t stream_id, std::uint32_t max_rate_hz,
                 ArrivalBoard& board) {
    Context context(move_to(host));
    ConsumerOptions options;
    options.stream_id = stream_id;
    options.max_rate_hz = max_rate_hz;
    options.allowed_base_dirs = {host.shm_dir()};
    options.keepalive_interval_ns = kPeriod;
    options.announce_period_ns = kPeriod;
    Consumer consumer(context, options);
    std::vector<std::byte> copy(FrameFlow::kMostBytes);
    std::uint64_t epoch = 0;
    const auto look = [&](const Frame& frame) {
        const auto bytes = std::span(copy).first(std::min(copy.size(), frame.payload().size()));
        if (!frame.copy_to(bytes)) return;  // overwritten meanwhile, which it says
        const std::uint64_t number = frame.timestamp_ns();
        const bool is_whole = bytes.size() == bytes_of(number) && read_pattern(bytes) == number &&
                              frame.trace_id() == number &&
                              frame.meta_version() == static_cast<std::uint32_t>(frame.seq()) &&
                              frame.tensor().dims[0] == static_cast<std::int32_t>(bytes.size());
        if (!is_whole) {
            ++board.torn;
            return;
        }
        if (board.first.load() == 0) board.first = number;
        if (number <= board.last.load()) ++board.backwards;
        board.last = number;
        ++board.whole;
    };
    while (!board.stop.load()) {
        consumer.do_work(monotonic_now_ns());
        if (consumer.epoch() != 0 && consumer.epoch() != epoch) {
            epoch = consumer.epoch();
            ++board.epochs;
        }
        if (consumer.poll(look) == 0) nap();
    }
    return 0;
}

}  // namespace

FrameFlow::FrameFlow(const NetHost& host, std::uint32_t stream_id) : host_(host), stream_id_(stream_id) {
    start();
}

void FrameFlow::start() {
    producer_ = std::make_unique<ForkedChild>([this] { return run_producer(host_, stream_id_, *board_); });
}

FrameArrivals::FrameArrivals(const NetHost& host, std::uint32_t stream_id, std::uint32_t max_rate_hz)
    : consumer_(std::make_unique<ForkedChild>([&host, stream_id, max_rate_hz, this] {
          return run_consumer(host, stream_id, max_rate_hz, *board_);
      })) {
}

}  // namespace tensorpool::test
