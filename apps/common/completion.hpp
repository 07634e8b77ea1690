// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/command_tree.hpp"

#include <string>
#include <string_view>

namespace tensorpool::apps {

/// A script that completes the subcommands, options and option values of `program`: for "bash" (4.2 or
/// later), "zsh" or "fish". Throws UsageError for another shell.
[[nodiscard]] std::string completion_script(const CommandText& program, std::string_view shell);

}  // namespace tensorpool::apps
