// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "messaging/aeron/session.hpp"

#include <cstdint>
#include <vector>

namespace tensorpool::messaging::aeron {

/// Where one publication's log ended.
struct StreamEnd {
    std::int32_t session_id;
    std::int64_t position;
};

/// The ends of all publications of a stream, as the media driver counted them in its last duty cycle: of this
/// host over shared memory (`ipc`), or received from the network. May throw std::bad_alloc.
[[nodiscard]] std::vector<StreamEnd> read_stream_ends(const Session& session, std::int32_t stream_id,
                                                      bool ipc);

/// Moves every image of `subscription` that stands before its end there; the others stay.
void skip_to(const std::vector<StreamEnd>& ends, aeron_subscription_t* subscription) noexcept;

}  // namespace tensorpool::messaging::aeron
