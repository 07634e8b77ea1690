// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "common/man_page.hpp"

#include <tensorpool/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <fstream>

namespace tensorpool::apps {
namespace {

/// Text that roff prints as it stands.
std::string plain(const std::string& text) {
    std::string out;
    for (const char c : text) {
        if (c == '\\') {
            out += "\\(rs";
        } else if (c == '-') {
            out += "\\-";
        } else {
            out += c;
        }
    }
    // A line that begins with one of these would be a request.
    if (out.starts_with('.') || out.starts_with('\'')) out.insert(0, "\\&");
    for (std::size_t at = 0; (at = out.find('\n', at)) != std::string::npos; ++at) {
        if (at + 1 < out.size() && (out[at + 1] == '.' || out[at + 1] == '\'')) out.insert(at + 1, "\\&");
    }
    return out;
}

std::string bold(const std::string& text) {
    return "\\fB" + plain(text) + "\\fR";
}
std::string italic(const std::string& text) {
    return "\\fI" + plain(text) + "\\fR";
}

std::string dashed(std::string path) {
    std::replace(path.begin(), path.end(), ' ', '-');
    return path;
}

std::string upper(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return text;
}

std::string first_sentence(const std::string& summary) {
    std::string line = summary.substr(0, summary.find('\n'));
    while (line.ends_with('.')) line.pop_back();
    return line;
}

std::string sentence(std::string text) {
    if (text.empty()) return text;
    text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
    return text.ends_with('.') ? text : text + ".";
}

std::string synopsis(const CommandText& command) {
    std::string text = ".SH SYNOPSIS\n" + bold(command.path);
    if (!command.commands.empty()) return text + " " + italic("COMMAND") + " [" + italic("OPTION") + "...]\n";
    for (const OptionText& option : command.options) {
        if (option.positional) {
            text += option.required ? " " + italic(option.names[0]) : " [" + italic(option.names[0]) + "]";
        } else if (option.required) {
            text += " " + bold(option.names[0]) + " " + italic(option.value);
        }
    }
    return text + " [" + italic("OPTION") + "...]\n";
}

std::string option_entry(const OptionText& option) {
    std::string text = ".TP\n";
    for (std::size_t i = 0; i < option.names.size(); ++i)
        text += (i == 0 ? "" : ", ") + (option.positional ? italic(option.names[i]) : bold(option.names[i]));
    if (!option.value.empty() && !option.positional) text += " " + italic(option.value);
    text += "\n" + plain(sentence(option.description)) + "\n";
    if (!option.choices.empty())
        text += plain(fmt::format("One of: {}.", fmt::join(option.choices, ", "))) + "\n";
    if (!option.default_text.empty()) text += "Default: " + plain(option.default_text) + ".\n";
    if (option.required) text += "Required.\n";
    return text;
}

std::string options_section(const CommandText& command) {
    if (command.options.empty()) return "";
    std::string text = ".SH OPTIONS\n";
    std::vector<std::string> groups;
    for (const OptionText& option : command.options) {
        if (std::find(groups.begin(), groups.end(), option.group) == groups.end())
            groups.push_back(option.group);
    }
    for (const std::string& group : groups) {
        if (group != "Options" && group != "Positionals") text += ".SS " + plain(group) + "\n";
        for (const OptionText& option : command.options) {
            if (option.group == group) text += option_entry(option);
        }
    }
    return text;
}

std::string commands_section(const CommandText& command) {
    if (command.commands.empty()) return "";
    std::string text = ".SH COMMANDS\n";
    for (const CommandText& child : command.commands)
        text += ".TP\n" + bold(child.name()) + "\n" + plain(child.summary) + "\n";
    return text;
}

std::string environment_section(const CommandText& command) {
    std::string text;
    for (const OptionText& option : command.options) {
        if (option.environment.empty()) continue;
        text += ".TP\n" + bold(option.environment) + "\nStands in for " + bold(option.names[0]) +
                " where that is left out; empty counts as unset.\n";
    }
    return text.empty() ? "" : ".SH ENVIRONMENT\n" + text;
}

constexpr const char* kExitStatus =
    ".SH EXIT STATUS\n"
    ".TP\n\\fB0\\fR\nDone.\n"
    ".TP\n\\fB1\\fR\nFailed; one line on stderr says why.\n"
    ".TP\n\\fB2\\fR\nThe command line is wrong.\n"
    ".TP\n\\fB3\\fR\nThe answer is no: false, a refusal, an unstable slot.\n"
    ".TP\n\\fB4\\fR\nTimed out.\n";

std::string see_also(const CommandText& command) {
    std::string text;
    const auto add = [&](const std::string& path) {
        text += (text.empty() ? "" : ",\n") + bold(dashed(path)) + "(1)";
    };
    const std::size_t parent = command.path.rfind(' ');
    if (parent != std::string::npos) add(command.path.substr(0, parent));
    for (const CommandText& child : command.commands) add(child.path);
    return text.empty() ? "" : ".SH SEE ALSO\n" + text + "\n";
}

}  // namespace

std::string man_page(const CommandText& command, const std::string& version) {
    const std::string name = dashed(command.path);
    std::string page = fmt::format(".TH \"{}\" \"1\" \"\" \"tensorpool {}\" \"AeronTensorPool for C++\"\n",
                                   plain(upper(name)), version);
    page += ".SH NAME\n" + plain(name) + " \\- " + plain(first_sentence(command.summary)) + "\n";
    page += synopsis(command);
    page += ".SH DESCRIPTION\n" + plain(command.summary) + "\n";
    page += commands_section(command) + options_section(command) + environment_section(command) + kExitStatus;
    if (!command.examples.empty()) {
        page += ".SH EXAMPLES\n.EX\n";
        for (const std::string& example : command.examples) page += plain(example) + "\n";
        page += ".EE\n";
    }
    return page + see_also(command);
}

void write_man_pages(const CommandText& program, const std::string& version,
                     const std::filesystem::path& directory) {
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    const std::filesystem::path file = directory / (dashed(program.path) + ".1");
    std::ofstream out(file, std::ios::binary | std::ios::trunc);
    out << man_page(program, version);
    out.close();
    if (!out) throw Error(ErrorCode::SystemError, fmt::format("{}: cannot be written", file.string()));
    for (const CommandText& child : program.commands) write_man_pages(child, version, directory);
}

}  // namespace tensorpool::apps
