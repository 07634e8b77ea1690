// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/clock.hpp>
#include <tensorpool/driver_config.hpp>

#include "driver/lease_table.hpp"
#include "shm/stream_mapping.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tensorpool::driver {

/// Which epochs the clients of one stream may still use.
///
/// Consumers remap when they see an announce and do not attach again, so the epoch noted at attach would pin
/// old files for ever. An epoch counts as reached by everybody once it has been announced for the minimum
/// age; until then a lease pins its old epoch and the new one (TRP-31).
class EpochTimeline {
public:
    explicit EpochTimeline(Nanos min_age_ns) noexcept : min_age_ns_(min_age_ns) {}

    /// Notes the first announce of an epoch. Epochs come in ascending order.
    void announced(std::uint64_t epoch, Nanos now_ns);
    /// The oldest epoch that a lease granted at `attach_epoch` may have mapped.
    [[nodiscard]] std::uint64_t pinned_from(std::uint64_t attach_epoch, Nanos now_ns) const noexcept;

private:
    struct Entry {
        std::uint64_t epoch;
        Nanos since_ns;
    };
    Nanos min_age_ns_;
    std::vector<Entry> entries_;  // the last one that everybody reached, and those after it
};

/// One stream the driver is responsible for.
struct Stream {
    std::uint32_t stream_id = 0;
    const DriverProfileConfig* profile = nullptr;
    bool dynamic = false;
    std::unique_ptr<shm::StreamMapping> current;  ///< empty: nothing provisioned yet
    /// The producer lease ended but no new epoch could be made: announce nothing (the old epoch must not be
    /// mapped again) and try again at announce cadence.
    bool bump_pending = false;
    EpochTimeline timeline;
    Nanos announced_ns = 0;  ///< the last announce; 0: none

    Stream(std::uint32_t id, const DriverProfileConfig& shape, bool is_dynamic, Nanos min_age_ns)
        : stream_id(id), profile(&shape), dynamic(is_dynamic), timeline(min_age_ns) {}

    [[nodiscard]] std::uint64_t epoch() const noexcept { return current ? current->layout().epoch : 0; }
};

using StreamMap = std::map<std::uint32_t, Stream>;

/// The oldest epoch of `stream` that an active lease may use; empty when no lease refers to it (DRV-145).
[[nodiscard]] std::optional<std::uint64_t> oldest_pinned_epoch(const Stream& stream, const LeaseTable& leases,
                                                               Nanos now_ns);

}  // namespace tensorpool::driver
