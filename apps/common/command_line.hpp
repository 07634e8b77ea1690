// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace CLI {  // NOLINT(readability-identifier-naming): its name
class App;
class Option;
class Validator;
}  // namespace CLI

// The part of CLI11 that the programs use, behind handles: that header costs each source that includes it
// longer to compile than everything else in it. Handles are as cheap to copy as pointers and valid for as
// long as the Program they come from.
namespace tensorpool::apps::cli {

/// What the text of an option must be.
class Check {
public:
    /// `text` -> what is wrong with it, one line; empty: nothing.
    using Function = std::function<std::string(const std::string& text)>;

    explicit Check(Function function);
    explicit Check(std::unique_ptr<CLI::Validator> validator);
    [[nodiscard]] const CLI::Validator& validator() const noexcept { return *validator_; }

private:
    std::shared_ptr<const CLI::Validator> validator_;
};

/// low <= value <= high; of the types that add_option() takes.
template <typename Number>
[[nodiscard]] Check range(Number low, Number high);
[[nodiscard]] Check not_negative();
[[nodiscard]] Check positive();
[[nodiscard]] Check existing_file();
/// The words help and completion offer.
[[nodiscard]] Check one_of(const std::vector<std::string>& words);
/// The same; what the option gets is the word as it is written here.
[[nodiscard]] Check one_of_in_any_case(const std::vector<std::string>& words);

/// An option, flag or positional argument of a command.
class Option {
public:
    explicit Option(CLI::Option& option) noexcept : option_(&option) {}

    Option required() const;
    Option check(const Check& check) const;
    Option check(Check::Function function) const;
    /// The environment variable that stands in for it.
    Option envname(const std::string& name) const;
    /// In place of the type and default that help shows.
    Option option_text(const std::string& text) const;
    /// Help shows what the target holds now.
    Option capture_default_str() const;
    /// The heading in help; empty: not shown.
    Option group(const std::string& name) const;
    /// Between several values in one word.
    Option delimiter(char separator) const;
    Option expected(int least, int most) const;
    Option excludes(const Option& other) const;
    /// Calls `with` for each text given.
    Option each(std::function<void(const std::string& text)> with) const;

private:
    CLI::Option* option_;
};

/// A program or one of its subcommands.
class Command {
public:
    explicit Command(CLI::App& app) noexcept : app_(&app) {}

    /// `name` as "-x,--long"; without dashes: a positional argument. `target` outlives the parsing.
    /// Made for bool, integers, double, std::string, vectors of those, and what else command_line.cpp names.
    template <typename Target>
    Option add_option(const std::string& name, Target& target, const std::string& description = "") const;
    /// The same with somebody who takes the value.
    template <typename Value>
    Option add_option_function(const std::string& name, const std::function<void(const Value&)>& take,
                               const std::string& description) const;
    Option add_flag(const std::string& name, bool& target, const std::string& description) const;
    Command add_subcommand(const std::string& name, const std::string& description) const;
    /// Options and subcommands that are parsed like this command's own and not shown in its help.
    [[nodiscard]] Command add_hidden_group() const;
    void require_subcommand() const;
    Command alias(const std::string& name) const;
    /// Not shown in the help of its parent.
    Command hide() const;
    void callback(std::function<void()> run) const;
    void parse_complete_callback(std::function<void()> run) const;
    /// How often the option was given.
    [[nodiscard]] std::size_t count(const std::string& option) const;

    /// For those who read the whole tree.
    [[nodiscard]] CLI::App& native() const noexcept { return *app_; }

private:
    CLI::App* app_;
};

/// The root of a command line.
class Program : public Command {
public:
    /// `version`: what --version prints; empty: there is no --version.
    Program(const std::string& description, const std::string& name, const std::string& version = "");
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;
    ~Program();
    void set_help_all_flag(const std::string& name, const std::string& description) const;

private:
    explicit Program(std::unique_ptr<CLI::App> app);
    std::unique_ptr<CLI::App> owned_;
};

}  // namespace tensorpool::apps::cli
