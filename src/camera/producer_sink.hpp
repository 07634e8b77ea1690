// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/producer.hpp>

#include <cstdint>
#include <limits>
#include <optional>

namespace tensorpool::camera {

/// A Producer as the pump's sink.
class ProducerSink {
public:
    explicit ProducerSink(Producer& producer) noexcept : producer_(producer) {}

    [[nodiscard]] bool is_ready() const noexcept { return producer_.is_ready(); }
    [[nodiscard]] std::uint64_t generation() const noexcept { return producer_.generation(); }
    [[nodiscard]] std::optional<DeviceSlots> device_slots(std::uint16_t pool_id) const {
        return producer_.device_slots(pool_id);
    }
    [[nodiscard]] expected<Reservation, ClaimError> reserve(std::uint16_t pool_id) noexcept {
        return producer_.reserve(pool_id);
    }
    PublishResult publish(const Reservation& reservation, const FrameInfo& info) noexcept {
        return producer_.publish(reservation, info);
    }
    void abandon(const Reservation& reservation) noexcept { producer_.abandon(reservation); }

    /// The pool with the smallest slots of at least `bytes`; 0 when there is none. Once per mapping.
    [[nodiscard]] std::uint16_t pool_for(std::uint32_t bytes) const {
        std::uint16_t best = 0;
        std::uint32_t best_stride = std::numeric_limits<std::uint32_t>::max();
        for (std::uint32_t id = 1; id <= std::numeric_limits<std::uint16_t>::max(); ++id) {
            const auto slots = producer_.device_slots(static_cast<std::uint16_t>(id));
            if (!slots || slots->stride_bytes < bytes || slots->stride_bytes >= best_stride) continue;
            best = static_cast<std::uint16_t>(id);
            best_stride = slots->stride_bytes;
        }
        return best;
    }

private:
    Producer& producer_;
};

}  // namespace tensorpool::camera
