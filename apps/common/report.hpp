// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/text.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace tensorpool::apps {

/// A result on its way to stdout: members in the order they were added.
using Report = nlohmann::ordered_json;

/// `key=value`, one item per line; a string is everything up to the end of its line. A list of objects is
/// `key=<count>` and then one line per object (TOOL-003).
[[nodiscard]] std::string to_lines(const Report& report);

/// `<Type> key=value ...` on one line, lists in brackets (TOOL section 4). A string that holds a space,
/// comma, bracket or quote stands in double quotes, so that no peer can pass its text off as more keys.
/// `report` has a `type` member.
[[nodiscard]] std::string to_message_line(const Report& report);

/// The same without the type.
[[nodiscard]] std::string to_item_line(const Report& report);

/// One JSON object on one line, whatever bytes its strings hold (TOOL-004).
[[nodiscard]] std::string to_json_line(const Report& report);

/// Prints as lines, or as one JSON line, and flushes.
void print_report(const Report& report, bool json);

using base::printable;

}  // namespace tensorpool::apps
