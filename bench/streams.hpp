// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "harness.hpp"

#include <tensorpool/consumer.hpp>
#include <tensorpool/context.hpp>
#include <tensorpool/producer.hpp>

#include <atomic>
#include <cstdint>
#include <string>

// Producers and consumers as the benchmarks want them: standalone, on a scratch directory.
namespace tensorpool::bench {

[[nodiscard]] ContextOptions context_on(const ScratchDir& dir);
[[nodiscard]] ProducerOptions producer_on(const ScratchDir& dir, std::uint32_t stream_id,
                                          std::uint32_t nslots, std::uint32_t stride_bytes);
[[nodiscard]] ConsumerOptions consumer_on(const ScratchDir& dir, std::uint32_t stream_id);
/// A byte tensor of this size; capture time set, as a camera would.
[[nodiscard]] FrameInfo frame_of(std::uint32_t bytes);

/// Reads one byte per cache line of `payload`, as a consumer that looks at everything does.
[[nodiscard]] inline unsigned touch_lines(std::span<const std::byte> payload) noexcept {
    unsigned sum = 0;
    for (std::size_t i = 0; i < payload.size(); i += 64) sum += static_cast<unsigned>(payload[i]);
    return sum;
}

/// A file on tmpfs, mapped shared, for what memcpy does where our pools are.
class PlainMapping {
public:
    PlainMapping(const std::string& path, std::size_t bytes);
    ~PlainMapping();
    PlainMapping(const PlainMapping&) = delete;
    PlainMapping& operator=(const PlainMapping&) = delete;
    [[nodiscard]] std::byte* base() const noexcept { return static_cast<std::byte*>(base_); }

private:
    void* base_;
    std::size_t bytes_;
};

/// Words that two processes use to start and stop together.
struct alignas(64) Gate {
    std::atomic<std::uint32_t> ready{0};
    std::atomic<std::uint32_t> go{0};
    std::atomic<std::uint32_t> stop{0};
    std::atomic<std::uint64_t> count{0};
};

/// The share of a processor that this process takes from the first look after `go` on.
class CpuShare {
public:
    explicit CpuShare(const Gate& gate) : gate_(gate) {}
    void look() {
        if (start_ns_ != 0 || gate_.go.load() == 0) return;
        cpu_ = cpu_seconds();
        start_ns_ = monotonic_now_ns();
    }
    [[nodiscard]] double value() const {
        const auto wall_ns = static_cast<double>(monotonic_now_ns() - start_ns_);
        return (cpu_seconds() - cpu_) * static_cast<double>(kNanosPerSecond) / wall_ns;
    }

private:
    const Gate& gate_;
    double cpu_ = 0;
    Nanos start_ns_ = 0;
};

/// Drives control work of both ends until `condition` holds; throws after ten seconds.
template <typename Work, typename Condition>
void drive_until(Work&& work, Condition&& condition) {
    const Nanos end = monotonic_now_ns() + 10 * kNanosPerSecond;
    while (!condition()) {
        const Nanos now = monotonic_now_ns();
        if (now > end) throw std::runtime_error("a benchmark's two ends did not meet");
        work(now);
    }
}

}  // namespace tensorpool::bench
