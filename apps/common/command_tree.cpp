// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "common/command_tree.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <sstream>
#include <string_view>
#include <utility>

namespace tensorpool::apps {
namespace {

constexpr std::string_view kExample = "Example: ";

std::vector<std::string> split(const std::string& text, char separator) {
    std::vector<std::string> parts;
    std::istringstream in(text);
    for (std::string part; std::getline(in, part, separator);) parts.push_back(part);
    return parts;
}

/// `TEXT:{embedded,aeron}` as CLI::IsMember() writes it into the type name; empty for other validators.
std::vector<std::string> choices_of(const std::string& type_name) {
    const std::size_t open = type_name.find(":{");
    const std::size_t close = type_name.find('}', open);
    if (open == std::string::npos || close == std::string::npos) return {};
    return split(type_name.substr(open + 2, close - open - 2), ',');
}

/// One that may be given by name or by place is two.
void add_option_texts(const CLI::Option& option, std::vector<OptionText>& texts) {
    OptionText text;
    for (const std::string& name : option.get_lnames()) text.names.push_back("--" + name);
    for (const std::string& name : option.get_snames()) text.names.push_back("-" + name);
    text.required = option.get_required();
    const std::string type = option.get_type_name();
    text.choices = choices_of(type);
    if (option.get_items_expected_max() > 0) {
        const std::string shown =
            option.get_option_text().empty() ? type.substr(0, type.find(':')) : option.get_option_text();
        text.value = shown.substr(0, shown.find(" ["));
        if (text.value.empty()) text.value = "VALUE";
    }
    text.delimiter = option.get_delimiter();
    text.description = option.get_description();
    text.default_text = option.get_default_str();
    text.environment = option.get_envname();
    text.group = option.get_group();
    if (option.get_positional()) {
        OptionText by_place = text;
        by_place.positional = true;
        by_place.names = {text.value};
        by_place.environment.clear();
        by_place.group = "Options";
        texts.push_back(std::move(by_place));
        text.required = false;
    }
    if (!text.names.empty()) texts.push_back(std::move(text));
}

CommandText command_text(const CLI::App& app, const std::string& path) {
    CommandText command;
    command.path = path;
    // "What it does.\nExample: tp ...\n   more of the example"
    for (const std::string& line : split(app.get_description(), '\n')) {
        if (line.starts_with(kExample)) {
            command.examples.push_back(line.substr(kExample.size()));
        } else if (!command.examples.empty()) {
            command.examples.push_back(line.substr(std::min(line.find_first_not_of(' '), line.size())));
        } else {
            command.summary += (command.summary.empty() ? "" : "\n") + line;
        }
    }
    for (const CLI::Option* option : app.get_options()) {
        if (!option->get_group().empty()) add_option_texts(*option, command.options);
    }
    std::stable_partition(command.options.begin(), command.options.end(),
                          [](const OptionText& option) { return option.positional; });
    for (const CLI::App* child : app.get_subcommands(
             [](const CLI::App* each) { return !each->get_name().empty() && !each->get_group().empty(); })) {
        command.commands.push_back(command_text(*child, path + " " + child->get_name()));
    }
    return command;
}

}  // namespace

CommandText describe_commands(const cli::Command& app) {
    return command_text(app.native(), app.native().get_name());
}

const CLI::App& innermost_of(const CLI::App& app) {
    const CLI::App* at = &app;
    while (!at->get_subcommands().empty()) at = at->get_subcommands().back();
    return *at;
}

CommandText describe_innermost(const cli::Command& command) {
    const CLI::App& app = command.native();
    std::string path;
    for (const CLI::App* at = &innermost_of(app); at != nullptr; at = at->get_parent()) {
        if (!at->get_name().empty()) path.insert(0, at->get_name() + (path.empty() ? "" : " "));
    }
    return command_text(innermost_of(app), path);
}

std::string usage_of(const CommandText& command) {
    std::string usage = command.path;
    if (!command.commands.empty()) return usage + " COMMAND [OPTION...]";
    for (const OptionText& option : command.options) {
        if (option.positional)
            usage += (option.required ? " " : " [") + option.names[0] + (option.required ? "" : "]");
        if (!option.positional && option.required) usage += " " + option.names[0] + " " + option.value;
    }
    return usage + " [OPTION...]";
}

}  // namespace tensorpool::apps
