// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/driver.hpp>

#include "control/messages.hpp"
#include "driver/id_allocator.hpp"
#include "driver/lease_table.hpp"

#include <map>
#include <optional>

namespace tensorpool::driver {

/// Answers consumers that ask for descriptor or progress streams of their own (DRV-124 to DRV-126).
///
/// An assignment lives as long as the consumer's lease: the same hello gets the same answer.
class ConsumerStreams {
public:
    ConsumerStreams(MessagingKind messaging, std::vector<IdRange> descriptor_ranges,
                    std::vector<IdRange> control_ranges);

    /// The answer to a hello, or nothing when it asks for no stream of its own. `lease` is the consumer's
    /// lease on the hello's stream; without one every request is declined. `declined` counts declined
    /// requests.
    [[nodiscard]] std::optional<control::ConsumerConfig> answer(const control::ConsumerHello& hello,
                                                                const Lease* lease, std::uint64_t& declined);
    void release(std::uint64_t lease_id) noexcept;
    [[nodiscard]] std::vector<DriverAssignedStreams> assigned() const;

private:
    struct Assignment {
        std::uint32_t consumer_id = 0;
        std::uint32_t descriptor_stream_id = 0;
        std::uint32_t control_stream_id = 0;
    };

    MessagingKind messaging_;
    IdAllocator descriptor_ids_;
    IdAllocator control_ids_;
    std::map<std::uint64_t, Assignment> by_lease_;
};

}  // namespace tensorpool::driver
