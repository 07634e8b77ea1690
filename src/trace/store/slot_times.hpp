// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "shm/path_policy.hpp"
#include "shm/region.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace tensorpool::trace {

/// Reads the capture time of a frame from its header slot, without a lease and without its payload: a
/// descriptor does not carry it (TT-13). Holds the newest announced header ring of each stream, read-only.
class SlotTimes {
public:
    /// Empty: nothing is ever mapped.
    explicit SlotTimes(const std::vector<std::string>& allowed_base_dirs);

    /// An announced header ring; mapped when it is newer than the one held. What cannot be mapped is left
    /// out.
    void announce(std::uint32_t stream_id, std::uint64_t epoch, std::uint32_t nslots,
                  const std::string& header_uri) noexcept;

    /// Empty: not mapped, or the slot holds another frame by now.
    [[nodiscard]] std::optional<std::uint64_t> timestamp_of(std::uint32_t stream_id, std::uint64_t epoch,
                                                            std::uint64_t seq) const noexcept;

private:
    struct Ring {
        std::uint64_t epoch = 0;
        std::uint32_t nslots = 0;
        shm::Region region;  // empty: it could not be mapped; not tried again
    };

    std::optional<shm::PathPolicy> policy_;
    std::unordered_map<std::uint32_t, Ring> rings_;
};

}  // namespace tensorpool::trace
