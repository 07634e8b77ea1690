// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/join.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace tensorpool::join {

inline constexpr std::size_t kSources = 2;

[[nodiscard]] constexpr std::size_t index_of(TimestampSource source) noexcept {
    return source == TimestampSource::FrameDescriptor ? 0 : 1;
}

/// Whether time or sequence `have` has come to `want`; never with something unset (JT-01).
[[nodiscard]] inline bool reached(const std::optional<std::uint64_t>& have, std::uint64_t want,
                                  std::uint64_t lateness = 0) noexcept {
    return have && (*have >= want || want - *have <= lateness);
}

/// Timestamps of one source of one input.
struct TimeCursor {
    std::optional<std::uint64_t> observed;
    std::uint64_t observed_seq = 0;  ///< of the frame `observed` came from
    std::optional<std::uint64_t> processed;
    bool rejected = false;  ///< latched (JT-17)
};

/// Everything that one input's current epoch has shown. All rules about the input share it (JT-11).
struct Input {
    std::uint32_t stream_id = 0;
    std::optional<ClockDomain> domain;
    std::optional<std::uint64_t> epoch;
    std::optional<std::uint64_t> first_seq;
    std::optional<std::uint64_t> seq;
    std::optional<std::uint64_t> processed_seq;
    std::optional<std::uint64_t> unusable_seq;
    std::optional<Nanos> last_ns;
    std::array<TimeCursor, kSources> times;

    /// Forgets what was seen; the epoch stays, so that a late frame of an older one is still known as late.
    void wipe() noexcept {
        const Input fresh{stream_id, domain, epoch, {}, {}, {}, {}, {}, {}};
        *this = fresh;
    }
    [[nodiscard]] bool stale(const std::optional<std::uint64_t>& timeout_ns, Nanos now_ns) const noexcept {
        return timeout_ns && last_ns && now_ns > *last_ns &&
               static_cast<std::uint64_t>(now_ns) - static_cast<std::uint64_t>(*last_ns) > *timeout_ns;
    }
};

/// The distinct inputs of a map, found by stream id.
class Inputs {
public:
    /// Keeps the epochs of inputs that stay.
    void assign(const std::vector<std::uint32_t>& stream_ids);
    void clear() noexcept;

    [[nodiscard]] Input* find(std::uint32_t stream_id) noexcept {
        const auto at = std::lower_bound(by_id_.begin(), by_id_.end(), std::pair(stream_id, 0U));
        return at == by_id_.end() || at->first != stream_id ? nullptr : &all_[at->second];
    }
    [[nodiscard]] std::uint32_t index_of(std::uint32_t stream_id) noexcept {
        return static_cast<std::uint32_t>(find(stream_id) - all_.data());
    }
    [[nodiscard]] Input& operator[](std::size_t index) noexcept { return all_[index]; }
    [[nodiscard]] std::size_t size() const noexcept { return all_.size(); }
    [[nodiscard]] const std::vector<std::uint32_t>& stream_ids() const noexcept { return ids_; }

    void set_domain(std::uint32_t stream_id, ClockDomain domain);
    void assume_domain(std::optional<ClockDomain> domain) noexcept { assumed_ = domain; }

private:
    [[nodiscard]] std::optional<ClockDomain> domain_of(std::uint32_t stream_id) const noexcept;

    std::vector<Input> all_;                                      // in the order of the map
    std::vector<std::uint32_t> ids_;                              // the same order
    std::vector<std::pair<std::uint32_t, std::uint32_t>> by_id_;  // sorted: stream id, index
    std::vector<std::pair<std::uint32_t, ClockDomain>> domains_;  // sorted; streams of any map
    std::optional<ClockDomain> assumed_;
};

}  // namespace tensorpool::join
