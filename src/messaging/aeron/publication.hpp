// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "messaging/aeron/core.hpp"

#include <atomic>
#include <memory>
#include <string>

namespace tensorpool::messaging::aeron {

/// An exclusive publication: its session id is its own, and nobody else appends to its log.
class AeronPublication final : public Publication, private Resource {
public:
    /// `term_bytes`: what the channel asks for, for as long as no media driver has answered. Throws Error.
    AeronPublication(std::shared_ptr<Core> core, std::string channel, std::int32_t stream_id,
                     std::size_t term_bytes);
    ~AeronPublication() override;

    [[nodiscard]] expected<void, SendError> offer(std::span<const std::byte> message) noexcept override;
    [[nodiscard]] expected<Claim, SendError> try_claim(std::size_t length) noexcept override;
    [[nodiscard]] bool is_connected() const noexcept override;
    void prefetch_next() noexcept override;
    [[nodiscard]] std::size_t max_message_length() const noexcept override { return live_.max_message; }
    [[nodiscard]] std::size_t max_claim_length() const noexcept override { return live_.max_claim; }
    [[nodiscard]] const std::string& channel() const noexcept override { return channel_; }
    [[nodiscard]] std::int32_t stream_id() const noexcept override { return stream_id_; }
    [[nodiscard]] std::int64_t session_id() const noexcept override { return live_.session_id; }

private:
    /// One registration with one media driver.
    struct Live {
        std::shared_ptr<Session> session;
        aeron_exclusive_publication_t* publication = nullptr;
        std::size_t max_message = 0;
        std::size_t max_claim = 0;
        std::int64_t session_id = 0;
    };

    void commit_claim(std::uint64_t token) noexcept override;
    void abort_claim(std::uint64_t token) noexcept override;

    Progress begin(std::shared_ptr<Session> session) noexcept override;
    Progress advance() noexcept override;
    [[nodiscard]] std::string describe() const override;

    /// Goes on with what the core registered meanwhile, if anything. Only on the caller's thread.
    bool adopt() const noexcept;
    /// Calls `send` on the live publication, again where that is bound to help.
    template <typename Send>
    expected<void, SendError> send(Send&& send) noexcept;
    expected<void, SendError> claim(std::size_t length, aeron_buffer_claim_t& claim) noexcept;

    std::shared_ptr<Core> core_;
    const std::string channel_;
    const std::int32_t stream_id_;
    mutable Live live_;  ///< the caller's
    aeron_buffer_claim_t claim_{};
    bool claim_open_ = false;
    mutable const std::uint8_t* end_ = nullptr;  ///< of the last message in the log
    mutable std::atomic<bool> has_next_{false};
    mutable Live next_;  ///< the core's, under its mutex
    std::shared_ptr<Session> asked_;
    aeron_async_add_exclusive_publication_t* request_ = nullptr;
};

}  // namespace tensorpool::messaging::aeron
