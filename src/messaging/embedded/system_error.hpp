// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/error.hpp>

#include <fmt/format.h>

#include <cerrno>
#include <string_view>
#include <system_error>

namespace tensorpool::messaging::embedded {

/// An Error that names the call, what it was applied to, and errno's text.
[[nodiscard]] inline Error system_error(std::string_view call, std::string_view object, int error) {
    return {error == EACCES || error == EPERM ? ErrorCode::AccessDenied : ErrorCode::SystemError,
            fmt::format("messaging: {} {}: {}", call, object, std::generic_category().message(error))};
}

}  // namespace tensorpool::messaging::embedded
