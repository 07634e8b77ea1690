// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "common/completion.hpp"

#include "common/program.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace tensorpool::apps {
namespace {

using Visitor = std::function<void(const CommandText&)>;

void visit(const CommandText& command, const Visitor& visitor) {
    visitor(command);
    for (const CommandText& child : command.commands) visit(child, visitor);
}

/// Shell words and patterns of ours hold letters, digits, '-', '_' and spaces only; this is for everything
/// else.
std::string quoted(const std::string& text) {
    std::string out = "'";
    for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
}

/// What completes a value: a list of words, or :file, :directory, :any.
std::string values_of(const OptionText& option) {
    if (!option.choices.empty()) return fmt::format("{}", fmt::join(option.choices, " "));
    if (option.value.find("FILE") != std::string::npos) return ":file";
    if (option.value.find("DIR") != std::string::npos) return ":directory";
    return ":any";
}

std::string option_names(const CommandText& command) {
    std::string names;
    for (const OptionText& option : command.options) {
        if (option.positional) continue;
        for (const std::string& name : option.names) names += (names.empty() ? "" : " ") + name;
    }
    return names;
}

std::string command_names(const CommandText& command) {
    std::string names;
    for (const CommandText& child : command.commands) names += (names.empty() ? "" : " ") + child.name();
    return names;
}

/// The tree as three shell functions: what stands behind a command, its options, the values of an option.
std::string tables(const CommandText& program, const std::string& function) {
    std::string commands;
    std::string options;
    std::string values;
    visit(program, [&](const CommandText& command) {
        if (!command.commands.empty())
            commands +=
                fmt::format("        {}) echo {} ;;\n", quoted(command.path), quoted(command_names(command)));
        options +=
            fmt::format("        {}) echo {} ;;\n", quoted(command.path), quoted(option_names(command)));
        for (const OptionText& option : command.options) {
            if (option.value.empty()) continue;
            const std::vector<std::string> names =
                option.positional ? std::vector<std::string>{":positional"} : option.names;
            for (const std::string& name : names) {
                values += fmt::format("        {}) echo {} ;;\n", quoted(command.path + " " + name),
                                      quoted(values_of(option)));
            }
        }
    });
    return fmt::format(
        "{0}_commands() {{\n    case $1 in\n{1}    esac\n}}\n"
        "{0}_options() {{\n    case $1 in\n{2}    esac\n}}\n"
        "{0}_values() {{\n    case $1 in\n{3}    esac\n}}\n",
        function, commands, options, values);
}

constexpr const char* kBashRest = R"bash(@F@_reply() { # WORDS PREFIX: those that continue $word
    local each
    for each in $1; do
        case $2$each in "$word"*) COMPREPLY+=("$2$each") ;; esac
    done
}
@F@_paths() { # -f or -d
    local each
    compopt -o filenames 2>/dev/null
    while IFS= read -r each; do COMPREPLY+=("$each"); done < <(compgen "$1" -- "$word")
}
@F@() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=@P@ values i prefix=
    COMPREPLY=()
    if [ "$word" = = ]; then
        word=
    elif [ "$before" = = ]; then # --option=value comes as three words
        before=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    for ((i = 1; i < COMP_CWORD; i++)); do
        case " $(@F@_commands "$command") " in *" ${COMP_WORDS[i]} "*) command+=" ${COMP_WORDS[i]}" ;; esac
    done
    values=$(@F@_values "$command $before")
    if [ -z "$values" ]; then
        case $word in
            -*) @F@_reply "$(@F@_options "$command")" '' && return ;;
        esac
        @F@_reply "$(@F@_commands "$command")" ''
        values=$(@F@_values "$command :positional")
    fi
    case $values in
        '' | :any) ;;
        :file) @F@_paths -f ;;
        :directory) @F@_paths -d ;;
        *)
            case $word in *,*) prefix=${word%,*}, ;; esac
            @F@_reply "$values" "$prefix"
            ;;
    esac
}
complete -F @F@ @P@
)bash";

std::string filled(std::string text, const std::string& function, const std::string& program) {
    for (const auto& [mark, value] :
         {std::pair<std::string, const std::string&>{"@F@", function}, {"@P@", program}}) {
        for (std::size_t at = 0; (at = text.find(mark, at)) != std::string::npos; at += value.size())
            text.replace(at, mark.size(), value);
    }
    return text;
}

std::string bash_script(const CommandText& program) {
    std::string function = "_" + program.path;
    std::replace(function.begin(), function.end(), '-', '_');
    return fmt::format("# Completion of {} for bash, made by the program itself.\n", program.path) +
           tables(program, function) + filled(kBashRest, function, program.path);
}

/// zsh runs the functions of bash.
std::string zsh_script(const CommandText& program) {
    return fmt::format("#compdef {}\nautoload -Uz bashcompinit && bashcompinit\n", program.path) +
           bash_script(program);
}

std::string fish_line(const CommandText& command, const std::string& condition, const OptionText& option) {
    std::string line = "complete -c " + command.path.substr(0, command.path.find(' ')) + condition;
    for (const std::string& name : option.names)
        line += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
    if (!option.value.empty()) {
        const std::string values = values_of(option);
        line += values == ":file"                       ? " -r -F"
                : values == ":directory"                ? " -x -a '(__fish_complete_directories)'"
                : values.find(':') == std::string::npos ? " -x -a " + quoted(values)
                                                        : " -x";
    }
    return line + " -d " + quoted(option.description.substr(0, option.description.find('\n'))) + "\n";
}

std::string fish_script(const CommandText& program) {
    std::string script =
        fmt::format("# Completion of {} for fish, made by the program itself.\n", program.path);
    script += fmt::format("complete -c {} -f\n", program.path);
    visit(program, [&](const CommandText& command) {
        std::string condition;
        if (command.path.find(' ') != std::string::npos) {
            condition = fmt::format(" -n '__fish_seen_subcommand_from {}'", command.name());
        } else if (!command.commands.empty()) {
            condition = " -n __fish_use_subcommand";
        }
        for (const CommandText& child : command.commands) {
            script += fmt::format("complete -c {}{} -a {} -d {}\n", program.path, condition, child.name(),
                                  quoted(child.summary.substr(0, child.summary.find('\n'))));
        }
        for (const OptionText& option : command.options) {
            if (!option.positional) {
                script += fish_line(command, condition, option);
            } else if (values_of(option) == ":file") {
                script += fmt::format("complete -c {}{} -F\n", program.path, condition);
            }
        }
    });
    return script;
}

}  // namespace

std::string completion_script(const CommandText& program, std::string_view shell) {
    if (shell == "bash") return bash_script(program);
    if (shell == "zsh") return zsh_script(program);
    if (shell == "fish") return fish_script(program);
    throw UsageError(fmt::format("no completion for shell '{}'; valid are bash, zsh and fish", shell));
}

}  // namespace tensorpool::apps
