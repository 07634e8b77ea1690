// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "messaging/counters.hpp"

#include <cstddef>
#include <cstdint>
#include <type_traits>

// The counters file of one process: `counters/process-<slot>-<session>` in the messaging directory. A header,
// then records of one size. Little-endian, written by its process only, read with pread() by everyone else.
namespace tensorpool::messaging::embedded {

inline constexpr std::uint64_t kCountersMagic = 0x31544E434D505400;  // "\0TPMCNT1" in memory
inline constexpr std::uint32_t kCountersVersion = 1;
inline constexpr std::uint32_t kCounterCapacity = 1024;  ///< counters of one process
inline constexpr unsigned kCounterFiles = 1024;          ///< processes in one messaging directory

/// Byte image at offset 0.
struct CountersHeader {
    std::uint64_t magic;
    std::uint32_t version;
    std::uint32_t capacity;  ///< records in the file
    std::uint64_t session;   ///< as in the file's name
    std::uint64_t pid;       ///< for people; whether the process lives is said by its lock on the first byte
    std::uint32_t used;      ///< records that ever held a counter: nothing beyond them
    std::uint32_t reserved[119];
};
static_assert(sizeof(CountersHeader) == 512 && std::is_trivially_copyable_v<CountersHeader>);
static_assert(offsetof(CountersHeader, session) == 16 && offsetof(CountersHeader, used) == 32);

/// Byte image of one counter. `stamp` grows by one when the record begins to change and by one when it is
/// done: 0 = never used, odd = free or changing, even = a counter.
struct CounterRecord {
    std::uint64_t stamp;
    std::int64_t value;
    std::int32_t type_id;
    std::uint32_t key_length;
    std::uint32_t label_length;
    std::uint32_t reserved;
    std::byte key[kMaxCounterKey];
    char label[kMaxCounterLabel];
};
static_assert(sizeof(CounterRecord) == 512 && std::is_trivially_copyable_v<CounterRecord>);
static_assert(offsetof(CounterRecord, value) == 8 && offsetof(CounterRecord, type_id) == 16);
static_assert(offsetof(CounterRecord, key) == 32 && offsetof(CounterRecord, label) == 144);

[[nodiscard]] constexpr std::size_t counters_file_bytes(std::uint32_t capacity) noexcept {
    return sizeof(CountersHeader) + std::size_t{capacity} * sizeof(CounterRecord);
}

}  // namespace tensorpool::messaging::embedded
