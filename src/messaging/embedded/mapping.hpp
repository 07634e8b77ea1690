// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <utility>

namespace tensorpool::messaging::embedded {

/// Owns one mmap.
class Mapping {
public:
    Mapping() noexcept = default;
    Mapping(void* address, std::size_t bytes) noexcept : address_(address), bytes_(bytes) {}
    Mapping(Mapping&& other) noexcept
        : address_(std::exchange(other.address_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
    Mapping& operator=(Mapping&& other) noexcept {
        std::swap(address_, other.address_);
        std::swap(bytes_, other.bytes_);
        return *this;
    }
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    ~Mapping() {
        if (address_ != nullptr) ::munmap(address_, bytes_);
    }

    /// Empty when mmap fails; errno says why.
    [[nodiscard]] static Mapping map(int fd, std::size_t bytes, int protection,
                                     int extra_flags = 0) noexcept {
        void* address = ::mmap(nullptr, bytes, protection, MAP_SHARED | extra_flags, fd, 0);
        return address == MAP_FAILED ? Mapping{} : Mapping{address, bytes};
    }

    [[nodiscard]] std::byte* data() const noexcept { return static_cast<std::byte*>(address_); }
    [[nodiscard]] std::size_t size() const noexcept { return bytes_; }
    explicit operator bool() const noexcept { return address_ != nullptr; }

private:
    void* address_ = nullptr;
    std::size_t bytes_ = 0;
};

}  // namespace tensorpool::messaging::embedded
