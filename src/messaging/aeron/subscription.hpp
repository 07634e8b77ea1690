// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "messaging/aeron/core.hpp"
#include "messaging/aeron/image_table.hpp"
#include "messaging/aeron/stream_ends.hpp"

#include <atomic>
#include <memory>
#include <string>
#include <vector>

namespace tensorpool::messaging::aeron {

class AeronSubscription final : public Subscription, private Resource {
public:
    /// Throws Error.
    AeronSubscription(std::shared_ptr<Core> core, std::string channel, std::int32_t stream_id);
    ~AeronSubscription() override;

    int poll(MessageHandler handler, int limit) noexcept override;
    [[nodiscard]] bool is_connected() const noexcept override;
    [[nodiscard]] int image_count() const noexcept override;
    void for_each_image(ImageHandler handler) const noexcept override;
    [[nodiscard]] std::uint64_t lost_bytes() const noexcept override;
    [[nodiscard]] std::uint64_t overruns() const noexcept override;
    [[nodiscard]] std::uint64_t handler_errors() const noexcept override { return handler_errors_; }
    [[nodiscard]] const std::string& channel() const noexcept override { return channel_; }
    [[nodiscard]] std::int32_t stream_id() const noexcept override { return stream_id_; }

    /// Whether poll() would find something to do.
    [[nodiscard]] bool pending() noexcept;
    /// Client::wake() calls that this subscription's thread has already noticed.
    std::uint32_t seen_wakes = 0;

private:
    /// One registration with one media driver.
    struct Live {
        std::shared_ptr<Session> session;
        aeron_subscription_t* subscription = nullptr;
        std::shared_ptr<ImageTable> images;
    };
    /// Registering takes four questions. When the second is answered, the media driver has counted all that
    /// was published before the first; when the last is, all images of the third have been told of.
    enum class Step : std::uint8_t { Look, LookAgain, Subscribe, Settle, None };
    struct Poll;

    Progress begin(std::shared_ptr<Session> session) noexcept override;
    Progress advance() noexcept override;
    [[nodiscard]] std::string describe() const override;
    /// Asks what every media driver can answer: only when the answer comes matters.
    Progress ask(Step step) noexcept;
    Progress subscribe() noexcept;
    Progress settle() noexcept;

    static void on_fragment(void* poll, const std::uint8_t* bytes, std::size_t length,
                            aeron_header_t* header);
    void deliver(Poll& poll, const Image& image, std::span<const std::byte> message) noexcept;
    void assemble(Poll& poll, ImageTable::Entry& entry, std::span<const std::byte> fragment,
                  const aeron_header_values_frame_t& frame) noexcept;

    [[nodiscard]] ImageTable::Entry* entry_of(const void* image) noexcept;

    /// Goes on with what the core registered meanwhile, and learns of images. Only on the caller's thread.
    void refresh() const noexcept;
    void adopt() const noexcept;
    /// Asks for news now and then, for as long as there is nothing to read.
    void look_around() const noexcept;

    std::shared_ptr<Core> core_;
    const std::string channel_;
    const std::int32_t stream_id_;
    mutable Live live_;  ///< the caller's
    bool polling_ = false;
    mutable std::uint32_t idle_looks_ = 0;
    std::uint64_t handler_errors_ = 0;
    /// Of messages that lack a fragment, and of the registrations before this one.
    mutable std::uint64_t lost_bytes_ = 0;
    mutable std::uint64_t losses_ = 0;
    std::unique_ptr<std::byte[]> fragment_;  ///< our private copy of a message of one fragment
    mutable std::atomic<bool> has_next_{false};
    mutable Live next_;  ///< from here on the core's, under its mutex
    Step step_ = Step::None;
    std::shared_ptr<Session> asked_;
    aeron_async_add_subscription_t* request_ = nullptr;
    aeron_async_get_next_available_session_id_t* question_ = nullptr;
    std::vector<StreamEnd> ends_;  ///< of what was published before this subscription
};

}  // namespace tensorpool::messaging::aeron
