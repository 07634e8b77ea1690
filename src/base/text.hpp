// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace tensorpool::base {

/// Text from a peer, made safe for a terminal: control characters, whatever turns or hides the text around
/// it, and what is no UTF-8 become `\xNN` for each byte; a backslash is doubled.
[[nodiscard]] std::string printable(std::string_view text);

/// The text as a JSON string, quotes included. What is no UTF-8 becomes U+FFFD.
[[nodiscard]] std::string json_string(std::string_view text);

}  // namespace tensorpool::base
