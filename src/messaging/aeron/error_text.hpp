// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace tensorpool::messaging::aeron {

/// What Aeron's error text says to a user, on one line: without error numbers, function names and source
/// lines. "unknown error" when nothing is left.
[[nodiscard]] std::string one_line(std::string_view aeron_text);

/// The same for this thread's last error.
[[nodiscard]] std::string last_error();

}  // namespace tensorpool::messaging::aeron
