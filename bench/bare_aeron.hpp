// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <aeronc.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

// Aeron's C client as its own samples use it: what our messaging over Aeron is measured beside.
namespace tensorpool::bench {

class BareAeron {
public:
    explicit BareAeron(const std::string& dir);
    ~BareAeron();
    BareAeron(const BareAeron&) = delete;
    BareAeron& operator=(const BareAeron&) = delete;

    [[nodiscard]] aeron_exclusive_publication_t* publish(const std::string& channel, std::int32_t stream_id);
    [[nodiscard]] aeron_subscription_t* subscribe(const std::string& channel, std::int32_t stream_id);

private:
    aeron_context_t* context_ = nullptr;
    aeron_t* client_ = nullptr;
};

/// Claims, copies and commits one short message; again until it is taken.
void send_record(aeron_exclusive_publication_t* publication, std::span<const std::byte> record);

/// Polls with a fragment assembler and counts whole messages.
class BareReader {
public:
    explicit BareReader(aeron_subscription_t* subscription);
    ~BareReader();
    BareReader(const BareReader&) = delete;
    BareReader& operator=(const BareReader&) = delete;

    /// Messages of this poll, which ends when one is whole or nothing is left; each cache line of it is
    /// looked at.
    int poll();

private:
    static void on_message(void* self, const std::uint8_t* bytes, std::size_t length, aeron_header_t* header);

    aeron_subscription_t* subscription_;
    aeron_fragment_assembler_t* assembler_ = nullptr;
    int received_ = 0;
    volatile unsigned sum_ = 0;
};

/// A BareReader for read_all() of transfer.hpp.
class BareFrames {
public:
    explicit BareFrames(aeron_subscription_t* subscription) : reader_(subscription) {}
    std::uint64_t poll() {
        const auto got = static_cast<std::uint64_t>(reader_.poll());
        position_ += got;
        return got;
    }
    [[nodiscard]] std::uint64_t position() const noexcept { return position_; }

private:
    BareReader reader_;
    std::uint64_t position_ = 0;
};

}  // namespace tensorpool::bench
