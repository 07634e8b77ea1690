// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace tensorpool::base {

/// Counts durations in buckets that are at most 1/32 wide relative to their value, from 1 ns to 2^63 ns.
/// Fixed memory (15 KiB); record() is a few instructions. Not thread-safe.
class Histogram {
public:
    void record(std::uint64_t value) noexcept {
        ++counts_[bucket_of(value)];
        ++total_;
        sum_ += value;
        if (value > max_) max_ = value;
    }

    /// The largest value of the bucket that holds the given quantile, 0 < `quantile` <= 1; 0 when empty.
    [[nodiscard]] std::uint64_t quantile(double quantile) const noexcept {
        if (total_ == 0) return 0;
        const auto rank = static_cast<std::uint64_t>(std::ceil(quantile * static_cast<double>(total_)));
        std::uint64_t seen = 0;
        for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket) {
            seen += counts_[bucket];
            if (seen >= rank && seen > 0) return std::min(upper_edge(bucket), max_);
        }
        return max_;
    }

    void add(const Histogram& other) noexcept {
        for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket)
            counts_[bucket] += other.counts_[bucket];
        total_ += other.total_;
        sum_ += other.sum_;
        max_ = std::max(max_, other.max_);
    }
    /// What was recorded after `earlier`, an older copy of the same histogram. The largest value is known to
    /// the width of its bucket.
    [[nodiscard]] Histogram since(const Histogram& earlier) const noexcept {
        Histogram rest;
        for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket) {
            const std::uint64_t count = counts_[bucket] - std::min(counts_[bucket], earlier.counts_[bucket]);
            rest.counts_[bucket] = count;
            rest.total_ += count;
            if (count > 0) rest.max_ = std::min(upper_edge(bucket), max_);
        }
        rest.sum_ = sum_ - earlier.sum_;
        return rest;
    }
    void clear() noexcept { *this = Histogram{}; }
    [[nodiscard]] std::uint64_t count() const noexcept { return total_; }
    [[nodiscard]] std::uint64_t max() const noexcept { return max_; }
    /// Of all values; wraps after 584 years of nanoseconds.
    [[nodiscard]] std::uint64_t sum() const noexcept { return sum_; }

private:
    friend class SharedHistogram;
    static constexpr unsigned kSubBits = 5;
    static constexpr std::size_t kSubBuckets = std::size_t{1} << kSubBits;
    static constexpr std::size_t kBuckets = (64 - kSubBits + 1) * kSubBuckets;

    /// Values below 32 have a bucket each; above, every power of two is cut into 32.
    [[nodiscard]] static constexpr std::size_t bucket_of(std::uint64_t value) noexcept {
        if (value < kSubBuckets) return static_cast<std::size_t>(value);
        const auto shift = static_cast<unsigned>(std::bit_width(value)) - 1 - kSubBits;
        return (std::size_t{shift} << kSubBits) + static_cast<std::size_t>(value >> shift);
    }
    [[nodiscard]] static constexpr std::uint64_t upper_edge(std::size_t bucket) noexcept {
        if (bucket < kSubBuckets) return bucket;
        const std::size_t shift = (bucket >> kSubBits) - 1;
        const std::uint64_t lower = (kSubBuckets + (bucket & (kSubBuckets - 1))) << shift;
        return lower + ((std::uint64_t{1} << shift) - 1);
    }

    std::array<std::uint64_t, kBuckets> counts_{};
    std::uint64_t total_ = 0;
    std::uint64_t sum_ = 0;
    std::uint64_t max_ = 0;
};

/// A histogram that one thread records into while others take copies; nobody waits. The copy may lack what is
/// being recorded at that moment.
class SharedHistogram {
public:
    /// By one thread only: the words are loaded and stored, not exchanged.
    void record(std::uint64_t value) noexcept {
        bump(counts_[Histogram::bucket_of(value)], 1);
        bump(sum_, value);
        if (value > max_.load(std::memory_order_relaxed)) max_.store(value, std::memory_order_relaxed);
    }

    [[nodiscard]] Histogram snapshot() const noexcept {
        Histogram copy;
        for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket) {
            copy.counts_[bucket] = counts_[bucket].load(std::memory_order_relaxed);
            copy.total_ += copy.counts_[bucket];
        }
        copy.sum_ = sum_.load(std::memory_order_relaxed);
        copy.max_ = max_.load(std::memory_order_relaxed);
        return copy;
    }

private:
    static void bump(std::atomic<std::uint64_t>& word, std::uint64_t by) noexcept {
        word.store(word.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
    }

    std::array<std::atomic<std::uint64_t>, Histogram::kBuckets> counts_{};
    std::atomic<std::uint64_t> sum_{0};
    std::atomic<std::uint64_t> max_{0};
};

}  // namespace tensorpool::base
