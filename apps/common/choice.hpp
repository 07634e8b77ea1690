// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>

#include <map>
#include <string>

namespace tensorpool::apps {

/// An option whose text is one of the keys of `choices`, in any case; `target` gets the value.
template <typename Target, typename Value>
CLI::Option* add_choice(CLI::App& command, const std::string& name, Target& target,
                        const std::map<std::string, Value>& choices, const std::string& description) {
    return command
        .add_option_function<std::string>(
            name,
            [&target, &choices](const std::string& text) {
                target = choices.at(CLI::detail::to_lower(text));
            },
            description)
        ->check(CLI::IsMember(choices, CLI::ignore_case));
}

}  // namespace tensorpool::apps
