// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "messaging/embedded/publication.hpp"

#include "base/frame_path.hpp"
#include "messaging/embedded/waiter.hpp"

namespace tensorpool::messaging::embedded {

EmbeddedPublication::EmbeddedPublication(std::shared_ptr<Core> core, std::string channel,
                                         std::int32_t stream_id, std::uint64_t term_bytes)
    : max_message_(max_message_bytes(term_bytes / kCellBytes)),
      relaxed_writer_(register_for_remote_barriers()),
      staging_(std::make_unique_for_overwrite<std::byte[]>(std::min(max_message_, kMaxClaimBytes))),
      core_(std::move(core)),
      channel_(std::move(channel)) {
    core_->join_stream(stream_id, [&](StreamRegistry& registry) {
        identity_ = registry.claim_publication();
        try {
            log_ = create_log(registry.dir_fd(), identity_, term_bytes / kCellBytes, registry.file_mode(),
                              relaxed_writer_);
        } catch (...) {
            registry.release_publication(identity_);
            throw;
        }
        writer_ = LogWriter(log_.mapping.data(), log_.cells);
        registry.show_publication(identity_);
        registry_ = &registry;
    });
}

EmbeddedPublication::~EmbeddedPublication() {
    core_->leave_stream(*registry_, [&] { registry_->release_publication(identity_); });
}

TP_FRAME_PATH void EmbeddedPublication::wake_readers() noexcept {
    if (!relaxed_writer_) {
        base::fence_seq_cst();  // barrier b of waiter.hpp, pairs with announce_sleeper
    } else {
        base::compiler_barrier();  // the sleeper's remote_barrier() does the rest
    }
    wake_if_sleeping(registry_->wake_word());
}

TP_FRAME_PATH expected<void, SendError> EmbeddedPublication::offer(
    std::span<const std::byte> message) noexcept {
    if (!registry_->has_subscriber()) return unexpected(SendError::NotConnected);
    if (open_claim_ != OpenClaim::None) return unexpected(SendError::AdminAction);
    if (message.size() > max_message_) return unexpected(SendError::TooLong);
    writer_.append(message);
    wake_readers();
    return {};
}

expected<Claim, SendError> EmbeddedPublication::try_claim(std::size_t length) noexcept {
    if (!registry_->has_subscriber()) return unexpected(SendError::NotConnected);
    if (open_claim_ != OpenClaim::None) return unexpected(SendError::AdminAction);
    if (length > max_claim_length()) return unexpected(SendError::TooLong);
    claimed_length_ = static_cast<std::uint32_t>(length);
    // The claimant writes with plain stores while a reader that fell behind may still look at the old
    // contents of the cell. Seqlock readers cope, but ThreadSanitizer cannot know.
    const bool in_log = length <= kFirstCellData && !base::kThreadSanitizer;
    open_claim_ = in_log ? OpenClaim::InLog : OpenClaim::Staged;
    std::byte* bytes = in_log ? writer_.begin_short() : staging_.get();
    return Claim(*this, {bytes, length}, writer_.next_cell());
}

void EmbeddedPublication::commit_claim(std::uint64_t token) noexcept {
    const OpenClaim kind = std::exchange(open_claim_, OpenClaim::None);
    if (kind == OpenClaim::None || token != writer_.next_cell()) return;
    if (kind == OpenClaim::InLog) {
        writer_.commit_short(claimed_length_);
    } else {
        writer_.append({staging_.get(), claimed_length_});
    }
    wake_readers();
}

void EmbeddedPublication::abort_claim(std::uint64_t token) noexcept {
    // The cell stays marked as in progress, and the next record starts in it.
    if (token == writer_.next_cell()) open_claim_ = OpenClaim::None;
}

}  // namespace tensorpool::messaging::embedded
