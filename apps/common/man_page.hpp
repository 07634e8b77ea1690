// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/command_tree.hpp"

#include <filesystem>
#include <string>

namespace tensorpool::apps {

/// One manual page (section 1) as roff; `version` stands in its footer.
[[nodiscard]] std::string man_page(const CommandText& command, const std::string& version);

/// Writes `<program>.1` and `<program>-<subcommand>.1` for every subcommand into `directory`, which is made.
/// Throws Error.
void write_man_pages(const CommandText& program, const std::string& version,
                     const std::filesystem::path& directory);

}  // namespace tensorpool::apps
