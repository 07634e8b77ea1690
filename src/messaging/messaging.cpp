// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "messaging/messaging.hpp"

#include <utility>

namespace tensorpool::messaging {

std::string_view to_string(SendError error) noexcept {
    switch (error) {
        case SendError::NotConnected:
            return "not connected";
        case SendError::BackPressured:
            return "back-pressured";
        case SendError::AdminAction:
            return "admin action";
        case SendError::Closed:
            return "closed";
        case SendError::MaxPositionExceeded:
            return "max position exceeded";
        case SendError::TooLong:
            return "too long";
        case SendError::Failed:
            return "failed";
    }
    return "unknown";
}

Claim::Claim(Claim&& other) noexcept
    : owner_(std::exchange(other.owner_, nullptr)),
      bytes_(std::exchange(other.bytes_, {})),
      token_(other.token_) {
}

Claim::~Claim() {
    abort();
}

void Claim::commit() noexcept {
    if (owner_ == nullptr) return;
    std::exchange(owner_, nullptr)->commit_claim(token_);
    bytes_ = {};
}

void Claim::abort() noexcept {
    if (owner_ == nullptr) return;
    std::exchange(owner_, nullptr)->abort_claim(token_);
    bytes_ = {};
}

}  // namespace tensorpool::messaging
