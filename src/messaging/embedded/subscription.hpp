// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "messaging/embedded/core.hpp"
#include "messaging/embedded/log_file.hpp"
#include "messaging/embedded/log_reader.hpp"
#include "messaging/embedded/waiter.hpp"
#include "messaging/messaging.hpp"

#include <memory>
#include <vector>

namespace tensorpool::messaging::embedded {

/// Reads every log of one stream.
class EmbeddedSubscription final : public Subscription {
public:
    /// Throws Error.
    EmbeddedSubscription(std::shared_ptr<Core> core, std::string channel, std::int32_t stream_id);
    ~EmbeddedSubscription() override;

    int poll(MessageHandler handler, int limit) noexcept override;
    [[nodiscard]] bool is_connected() const noexcept override { return registry_->has_publication(); }
    [[nodiscard]] int image_count() const noexcept override { return static_cast<int>(images_.size()); }
    void for_each_image(ImageHandler handler) const noexcept override;
    [[nodiscard]] std::uint64_t lost_bytes() const noexcept override { return losses_.lost_bytes; }
    [[nodiscard]] std::uint64_t overruns() const noexcept override { return losses_.overruns; }
    [[nodiscard]] std::uint64_t handler_errors() const noexcept override { return handler_errors_; }
    [[nodiscard]] const std::string& channel() const noexcept override { return channel_; }
    [[nodiscard]] std::int32_t stream_id() const noexcept override { return registry_->stream_id(); }

    /// Whether poll() would find something to do.
    [[nodiscard]] bool pending() const noexcept;
    /// Whether some publication leaves the barrier before sleeping to us (waiter.hpp).
    [[nodiscard]] bool has_relaxed_writer() const noexcept;
    [[nodiscard]] std::uint32_t& wake_word() noexcept { return registry_->wake_word(); }
    /// Client::wake() calls that this subscription's thread has already noticed.
    std::uint32_t seen_wakes = 0;

private:
    struct LogImage {
        LogIdentity identity;
        LogFile log;
        LogReader reader;
        Image image;
        bool closed = false;  ///< no longer listed: read to the end, then dropped
        bool drained = false;
    };
    enum class JoinAt : std::uint8_t { Start, Tail };

    void rescan() noexcept;
    void refresh_images(JoinAt at);
    void join(const LogIdentity& identity, JoinAt at);
    [[nodiscard]] bool known(std::int64_t session_id) const noexcept;
    int poll_image(LogImage& image, MessageHandler handler, int limit) noexcept;
    void drop_drained() noexcept;

    StreamRegistry* registry_ = nullptr;
    std::uint32_t seen_generation_ = 0;
    std::size_t first_image_ = 0;  ///< the image that poll() starts with; moves on, so that none starves
    bool polling_ = false;
    bool retry_rescan_ = false;
    bool any_closed_ = false;
    std::uint32_t polls_until_retry_ = 0;
    std::vector<LogImage> images_;
    RecordBuffer buffer_;
    std::size_t large_bytes_ = 0;
    std::unique_ptr<std::byte[]> large_;
    LossCounters losses_;
    std::uint64_t handler_errors_ = 0;
    std::vector<std::int64_t> refused_;  ///< listed, but their files are no logs
    unsigned slot_ = 0;
    std::shared_ptr<Core> core_;
    std::string channel_;
};

}  // namespace tensorpool::messaging::embedded
