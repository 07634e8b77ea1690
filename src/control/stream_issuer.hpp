// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/context.hpp>
#include <tensorpool/per_consumer_streams.hpp>

#include "control/messages.hpp"

#include <cstdint>
#include <vector>

namespace tensorpool::control {

/// Answers requests for streams of single consumers without a driver: a supervisor's or a standalone
/// producer's side of SUP-012 and SUP-014.
///
/// An assignment is kept until release(): the same hello gets the same answer. Ids are unique over both kinds
/// and all consumers, and never those of a shared stream.
class StreamIssuer {
public:
    /// `shared` are the endpoints of the deployment; `ipc_only` as for messaging::is_consumer_channel().
    StreamIssuer(PerConsumerStreams policy, const StreamEndpoints& shared, bool ipc_only);

    /// Fills in the streams of `config`; returns how many requests were declined (empty channel, id 0).
    int answer(const ConsumerHello& hello, ConsumerConfig& config);
    void release(std::uint32_t stream_id, std::uint32_t consumer_id) noexcept;

private:
    struct Held {
        std::uint32_t stream_id = 0;
        std::uint32_t consumer_id = 0;
        std::uint32_t descriptor = 0;
        std::uint32_t control = 0;
    };

    Held& held_by(const ConsumerHello& hello);
    [[nodiscard]] bool is_free(std::uint32_t id) const noexcept;
    /// An id for a full request; 0: none is to be had.
    [[nodiscard]] std::uint32_t choose(const ConsumerStreamRange& from, std::uint32_t asked) const noexcept;
    /// True: declined.
    bool grant(const ConsumerStreamRange& from, const std::string& asked_channel, std::uint32_t asked_id,
               std::uint32_t& held, std::string& channel, std::uint32_t& id);

    PerConsumerStreams policy_;
    bool ipc_only_;
    std::vector<std::uint32_t> reserved_;
    std::vector<Held> held_;  // few: searched one by one
};

}  // namespace tensorpool::control
