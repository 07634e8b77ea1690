// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// What a build without Aeron's media driver has in its place.

#include "messaging/aeron/aeron_client.hpp"

#include <tensorpool/error.hpp>

namespace tensorpool::messaging {

bool has_media_driver() noexcept {
    return false;
}

std::unique_ptr<MediaDriver> start_media_driver(const std::string& /*dir*/) {
    throw Error(ErrorCode::Unsupported,
                "embedded media driver: this build has none; start aeronmd, or build with an Aeron that has "
                "its media driver");
}

}  // namespace tensorpool::messaging
