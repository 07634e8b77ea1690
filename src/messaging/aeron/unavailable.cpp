// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// What a build without Aeron has in its place.

#include "messaging/aeron/aeron_client.hpp"

#include <tensorpool/error.hpp>

#include <cstdlib>

namespace tensorpool::messaging {

bool has_aeron() noexcept {
    return false;
}

std::string default_aeron_dir() {
    const char* dir = std::getenv("AERON_DIR");
    return dir == nullptr ? std::string() : std::string(dir);
}

std::unique_ptr<Client> make_aeron_client(const AeronOptions& /*options*/) {
    throw Error(ErrorCode::Unsupported,
                "messaging 'aeron': this build has no Aeron; use messaging 'embedded', or build with Aeron "
                "1.49 or newer in CMAKE_PREFIX_PATH");
}

}  // namespace tensorpool::messaging
