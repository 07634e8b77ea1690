// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/producer.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <vector>

namespace tensorpool::test {

/// What the pump needs of a Producer, with one pool and every call on record.
class FakeSink {
public:
    explicit FakeSink(std::uint32_t nslots = 16, std::uint32_t stride_bytes = 256,
                      std::uint32_t max_in_flight = 8)
        : nslots_(nslots), stride_bytes_(stride_bytes), max_in_flight_(max_in_flight) {
        map();
        published.reserve(1 << 16);
        abandoned.reserve(1 << 16);
    }

    [[nodiscard]] bool is_ready() const noexcept { return memory_ != nullptr; }
    [[nodiscard]] std::uint64_t generation() const noexcept { return generation_; }
    [[nodiscard]] std::optional<std::uint16_t> pool_for(std::uint32_t bytes) const noexcept {
        return bytes <= stride_bytes_ ? std::optional(kPool) : std::nullopt;
    }
    [[nodiscard]] std::optional<DeviceSlots> device_slots(std::uint16_t pool_id) const {
        if (!memory_ || pool_id != kPool) return std::nullopt;
        return DeviceSlots{kPool, nslots_, stride_bytes_, memory_->data(), generation_, memory_};
    }
    [[nodiscard]] expected<Reservation, ClaimError> reserve(std::uint16_t pool_id) noexcept {
        if (!memory_) return unexpected(ClaimError::NotAttached);
        if (pool_id != kPool) return unexpected(ClaimError::UnknownPool);
        if (open.size() >= max_in_flight_) {
            ++overruns;
            return unexpected(ClaimError::WouldOverrun);
        }
        const auto slot = static_cast<std::uint32_t>(next_seq % nslots_);
        const Reservation reservation{next_seq,      generation_,
                                      slot,          kPool,
                                      stride_bytes_, memory_->data() + std::size_t{slot} * stride_bytes_};
        open.insert(next_seq++);
        return reservation;
    }
    PublishResult publish(const Reservation& reservation, const FrameInfo& info) noexcept {
        if (!close(reservation)) return PublishResult::Stale;
        if (info.values_len_bytes > stride_bytes_) return PublishResult::InvalidFrame;
        published.push_back(reservation.seq);
        return PublishResult::Published;
    }
    void abandon(const Reservation& reservation) noexcept {
        if (close(reservation)) abandoned.push_back(reservation.seq);
    }

    void lose_lease() noexcept {
        memory_.reset();
        open.clear();
    }
    void map() {
        memory_ = std::make_shared<std::vector<std::byte>>(std::size_t{nslots_} * stride_bytes_);
        last_memory = memory_;
        open.clear();
        ++generation_;
    }

    static constexpr std::uint16_t kPool = 3;
    std::uint64_t next_seq = 0;
    std::uint64_t overruns = 0;
    std::set<std::uint64_t> open;
    std::vector<std::uint64_t> published;
    std::vector<std::uint64_t> abandoned;
    std::weak_ptr<std::vector<std::byte>> last_memory;

private:
    bool close(const Reservation& reservation) noexcept {
        return memory_ && reservation.generation == generation_ && open.erase(reservation.seq) == 1;
    }

    std::uint32_t nslots_;
    std::uint32_t stride_bytes_;
    std::uint32_t max_in_flight_;
    std::uint64_t generation_ = 0;
    std::shared_ptr<std::vector<std::byte>> memory_;
};

}  // namespace tensorpool::test
