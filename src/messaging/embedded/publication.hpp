// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "messaging/embedded/core.hpp"
#include "messaging/embedded/log_file.hpp"
#include "messaging/embedded/log_writer.hpp"
#include "messaging/messaging.hpp"

#include <memory>

namespace tensorpool::messaging::embedded {

/// One writer and its log.
class EmbeddedPublication final : public Publication {
public:
    /// Throws Error.
    EmbeddedPublication(std::shared_ptr<Core> core, std::string channel, std::int32_t stream_id,
                        std::uint64_t term_bytes);
    ~EmbeddedPublication() override;

    [[nodiscard]] expected<void, SendError> offer(std::span<const std::byte> message) noexcept override;
    [[nodiscard]] expected<Claim, SendError> try_claim(std::size_t length) noexcept override;
    [[nodiscard]] bool is_connected() const noexcept override { return registry_->has_subscriber(); }
    [[nodiscard]] std::size_t max_message_length() const noexcept override { return max_message_; }
    [[nodiscard]] std::size_t max_claim_length() const noexcept override {
        return std::min(max_message_, kMaxClaimBytes);
    }
    [[nodiscard]] const std::string& channel() const noexcept override { return channel_; }
    [[nodiscard]] std::int32_t stream_id() const noexcept override { return identity_.stream_id; }
    [[nodiscard]] std::int64_t session_id() const noexcept override { return identity_.session_id; }
    void prefetch_next() noexcept override { writer_.prefetch_next(); }

private:
    enum class OpenClaim : std::uint8_t { None, InLog, Staged };

    void commit_claim(std::uint64_t token) noexcept override;
    void abort_claim(std::uint64_t token) noexcept override;
    void wake_readers() noexcept;

    LogWriter writer_;
    StreamRegistry* registry_ = nullptr;
    std::size_t max_message_ = 0;
    bool relaxed_writer_ = false;
    OpenClaim open_claim_ = OpenClaim::None;
    std::uint32_t claimed_length_ = 0;
    std::unique_ptr<std::byte[]> staging_;
    LogIdentity identity_;
    LogFile log_;
    std::shared_ptr<Core> core_;
    std::string channel_;
};

}  // namespace tensorpool::messaging::embedded
