// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "control/codec.hpp"
#include "messaging/messaging.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace tensorpool::control {

/// Sends control messages on one publication. The buffer grows once to the largest message and is then reused
/// (TRP-38), so steady traffic does not allocate. Not thread-safe.
class ControlPublisher {
public:
    explicit ControlPublisher(std::unique_ptr<messaging::Publication> publication)
        : publication_(std::move(publication)), buffer_(kFirstBytes) {}

    template <typename Message>
    [[nodiscard]] expected<void, messaging::SendError> send(const Message& message) noexcept {
        while (true) {
            const std::size_t bytes = encode(buffer_, message);
            if (bytes != 0) return publication_->offer({buffer_.data(), bytes});
            if (!grow()) return unexpected(messaging::SendError::TooLong);
        }
    }

    [[nodiscard]] messaging::Publication& publication() noexcept { return *publication_; }
    [[nodiscard]] bool is_connected() const noexcept { return publication_->is_connected(); }

private:
    static constexpr std::size_t kFirstBytes = 4096;

    [[nodiscard]] bool grow() noexcept {
        const std::size_t most = publication_->max_message_length();
        if (buffer_.size() >= most) return false;
        try {
            buffer_.resize(std::min(most, buffer_.size() * 2));
        } catch (const std::bad_alloc&) {
            return false;
        }
        return true;
    }

    std::unique_ptr<messaging::Publication> publication_;
    std::vector<std::byte> buffer_;
};

}  // namespace tensorpool::control
