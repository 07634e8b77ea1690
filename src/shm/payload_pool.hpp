// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wire/shm_records.hpp"

#include <cstddef>
#include <cstdint>

namespace tensorpool::shm {

/// The payload slots of one mapped pool. A view: the mapping owns the memory.
class PayloadPool {
public:
    PayloadPool() = default;
    /// `region` is the first byte of the mapped region, its superblock.
    PayloadPool(std::byte* region, std::uint16_t pool_id, std::uint32_t nslots,
                std::uint32_t stride_bytes) noexcept
        : first_slot_(region + wire::kSuperblockBytes),
          nslots_(nslots),
          stride_bytes_(stride_bytes),
          pool_id_(pool_id) {}

    [[nodiscard]] std::uint16_t pool_id() const noexcept { return pool_id_; }
    [[nodiscard]] std::uint32_t nslots() const noexcept { return nslots_; }
    [[nodiscard]] std::uint32_t stride_bytes() const noexcept { return stride_bytes_; }
    /// 64 bytes past a multiple of the stride (wire.md section 4). Pools may exceed 4 GiB: 64-bit arithmetic.
    [[nodiscard]] std::byte* slot(std::uint32_t index) const noexcept {
        return first_slot_ + static_cast<std::uint64_t>(index) * stride_bytes_;
    }

private:
    std::byte* first_slot_ = nullptr;
    std::uint32_t nslots_ = 0;
    std::uint32_t stride_bytes_ = 0;
    std::uint16_t pool_id_ = 0;
};

}  // namespace tensorpool::shm
