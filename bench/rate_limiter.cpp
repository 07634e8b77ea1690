// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "streams.hpp"

#include <tensorpool/driver.hpp>
#include <tensorpool/rate_limiter.hpp>

#include <cstring>
#include <memory>
#include <stdexcept>
#include <vector>

// A rate limiter that lets everything through, beside memcpy between two mappings of the same kind.
namespace tensorpool::bench {
namespace {

constexpr std::uint32_t kSource = 10000;
constexpr std::uint32_t kDest = 20000;
constexpr std::uint32_t kNslots = 16;
constexpr std::uint32_t kBytes = 1U << 20;
constexpr int kBatch = 8;

DriverConfig config_on(const ScratchDir& dir) {
    DriverConfig config;
    config.shm.base_dir = dir.sub("shm");
    config.policies.cleanup_shm_on_exit = true;
    config.profiles = {
        {.name = "raw", .header_nslots = kNslots, .payload_pools = {{.pool_id = 1, .stride_bytes = kBytes}}}};
    config.streams = {{"source", kSource, "raw"}, {"dest", kDest, "raw"}};
    return config;
}

/// A driver, a source and a limiter on this thread.
struct Chain {
    explicit Chain(const ScratchDir& dir) : context(context_on(dir)), driver(context, config_on(dir)) {
        RateLimiterOptions limiting;
        limiting.instance_id = "bench";
        limiting.mappings = {{kSource, kDest, 0, 0}};
        limiting.allowed_base_dirs = {dir.sub("shm")};
        limiting.metadata.reset();
        limiter = std::make_unique<RateLimiter>(context, limiting);
        ProducerOptions producing;
        producing.stream_id = kSource;
        producing.allowed_base_dirs = limiting.allowed_base_dirs;
        source = std::make_unique<Producer>(context, producing);
        drive_until([&](Nanos now) { work(now); }, [&] { return source->is_ready() && limiter->is_ready(); });
    }
    void work(Nanos now) {
        driver.do_work(now);
        source->do_work(now);
        limiter->do_work(now);
    }
    [[nodiscard]] std::uint64_t published() const { return limiter->status()[0].counters.frames_published; }
    /// Commits a batch without writing it: what is measured is the limiter's part.
    void commit_batch() {
        for (int i = 0; i < kBatch; ++i) {
            auto claim = source->try_claim(kBytes);
            if (!claim) throw std::runtime_error("a claim was refused");
            claim->commit(frame_of(kBytes));
        }
    }

    Context context;
    Driver driver;
    std::unique_ptr<RateLimiter> limiter;
    std::unique_ptr<Producer> source;
};

}  // namespace

void rate_limiter_group(const Options& options, Results& results) {
    pin_to(0);
    std::vector<double> ours;
    std::vector<double> plain;
    const int pairs = options.quick ? 3 : 8;
    for (int pair = 0; pair < pairs; ++pair) {
        ScratchDir dir;
        Chain chain(dir);
        const std::size_t bytes = 64 + static_cast<std::size_t>(kNslots) * kBytes;
        const PlainMapping from(dir.sub("from"), bytes);
        const PlainMapping to(dir.sub("to"), bytes);
        std::memset(from.base(), 1, bytes);
        std::size_t slot = 0;
        for (int round = 0; round < (options.quick ? 20 : 60); ++round) {
            chain.work(monotonic_now_ns());
            chain.commit_batch();
            const std::uint64_t before = chain.published();
            Nanos start = monotonic_now_ns();
            chain.limiter->do_work(start);
            const auto limiter_ns = static_cast<double>(monotonic_now_ns() - start);
            if (chain.published() != before + kBatch) continue;  // a keepalive or an epoch came between
            start = monotonic_now_ns();
            for (int i = 0; i < kBatch; ++i, ++slot) {
                const std::size_t at = 64 + slot % kNslots * kBytes;
                std::memcpy(to.base() + at, from.base() + at, kBytes);
                asm volatile("" ::: "memory");
            }
            const auto plain_ns = static_cast<double>(monotonic_now_ns() - start);
            if (round > 2) ours.push_back(limiter_ns), plain.push_back(plain_ns);
        }
        chain.driver.on_close();  // tells both ends, so that nobody waits for it
        chain.source->do_work(monotonic_now_ns());
        chain.limiter->do_work(monotonic_now_ns());
    }
    if (ours.empty()) throw std::runtime_error("no batch passed the limiter whole");
    const double batch_bytes = static_cast<double>(kBytes) * kBatch;
    results.add("rate_limiter_gb_s", batch_bytes / median(ours), "GB/s", "frames of 1 MiB, unlimited");
    results.add("rate_limiter_memcpy_gb_s", batch_bytes / median(plain), "GB/s");
    results.add_ratio("rate_limiter_over_memcpy", median(plain) / median(ours), ">= 0.8");
}

}  // namespace tensorpool::bench
