// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/command_line.hpp"

#include <map>
#include <string>
#include <vector>

namespace tensorpool::apps {

/// An option whose text is one of the keys of `choices`, in any case; `target` gets the value.
template <typename Target, typename Value>
cli::Option add_choice(const cli::Command& command, const std::string& name, Target& target,
                       const std::map<std::string, Value>& choices, const std::string& description) {
    std::vector<std::string> words;
    for (const auto& [word, value] : choices) words.push_back(word);
    return command
        .add_option_function<std::string>(
            name, [&target, &choices](const std::string& text) { target = choices.at(text); }, description)
        .check(cli::one_of_in_any_case(words));
}

}  // namespace tensorpool::apps
