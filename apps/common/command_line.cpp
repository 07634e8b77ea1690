// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "common/command_line.hpp"

#include <CLI/CLI.hpp>

#include <cstdint>
#include <optional>
#include <utility>

namespace tensorpool::apps::cli {

Check::Check(Function function)
    : validator_(std::make_shared<CLI::Validator>(
          [check = std::move(function)](std::string& text) { return check(text); }, "")) {
}

Check::Check(std::unique_ptr<CLI::Validator> validator) : validator_(std::move(validator)) {
}

template <typename Number>
Check range(Number low, Number high) {
    return Check(std::make_unique<CLI::Validator>(CLI::Range(low, high)));
}

Check not_negative() {
    return Check(std::make_unique<CLI::Validator>(CLI::NonNegativeNumber));
}

Check positive() {
    return Check(std::make_unique<CLI::Validator>(CLI::PositiveNumber));
}

Check existing_file() {
    return Check(std::make_unique<CLI::Validator>(CLI::ExistingFile));
}

Check one_of(const std::vector<std::string>& words) {
    return Check(std::make_unique<CLI::Validator>(CLI::IsMember(words)));
}

Check one_of_in_any_case(const std::vector<std::string>& words) {
    return Check(std::make_unique<CLI::Validator>(CLI::IsMember(words, CLI::ignore_case)));
}

Option Option::required() const {
    option_->required();
    return *this;
}

Option Option::check(const Check& check) const {
    option_->check(check.validator());
    return *this;
}

Option Option::check(Check::Function function) const {
    return check(Check(std::move(function)));
}

Option Option::envname(const std::string& name) const {
    option_->envname(name);
    return *this;
}

Option Option::option_text(const std::string& text) const {
    option_->option_text(text);
    return *this;
}

Option Option::capture_default_str() const {
    option_->capture_default_str();
    return *this;
}

Option Option::group(const std::string& name) const {
    option_->group(name);
    return *this;
}

Option Option::delimiter(char separator) const {
    option_->delimiter(separator);
    return *this;
}

Option Option::expected(int least, int most) const {
    option_->expected(least, most);
    return *this;
}

Option Option::excludes(const Option& other) const {
    option_->excludes(other.option_);
    return *this;
}

Option Option::each(std::function<void(const std::string& text)> with) const {
    option_->each(std::move(with));
    return *this;
}

template <typename Target>
Option Command::add_option(const std::string& name, Target& target, const std::string& description) const {
    return Option(*app_->add_option(name, target, description));
}

template <typename Value>
Option Command::add_option_function(const std::string& name, const std::function<void(const Value&)>& take,
                                    const std::string& description) const {
    return Option(*app_->add_option_function<Value>(name, take, description));
}

Option Command::add_flag(const std::string& name, bool& target, const std::string& description) const {
    return Option(*app_->add_flag(name, target, description));
}

Command Command::add_subcommand(const std::string& name, const std::string& description) const {
    return Command(*app_->add_subcommand(name, description));
}

Command Command::add_hidden_group() const {
    return Command(*app_->add_option_group(""));
}

void Command::require_subcommand() const {
    app_->require_subcommand(1);
}

Command Command::alias(const std::string& name) const {
    app_->alias(name);
    return *this;
}

Command Command::hide() const {
    app_->group("");
    return *this;
}

void Command::callback(std::function<void()> run) const {
    app_->callback(std::move(run));
}

void Command::parse_complete_callback(std::function<void()> run) const {
    app_->parse_complete_callback(std::move(run));
}

std::size_t Command::count(const std::string& option) const {
    return app_->count(option);
}

Program::Program(std::unique_ptr<CLI::App> app) : Command(*app), owned_(std::move(app)) {
}

Program::Program(const std::string& description, const std::string& name, const std::string& version)
    : Program(std::make_unique<CLI::App>(description, name)) {
    if (!version.empty()) owned_->set_version_flag("--version", version);
}

Program::~Program() = default;

void Program::set_help_all_flag(const std::string& name, const std::string& description) const {
    owned_->set_help_all_flag(name, description);
}

// What the programs' options are.
#define TP_ADD_OPTION(Target) \
    template Option Command::add_option(const std::string&, Target&, const std::string&) const;
TP_ADD_OPTION(std::string)
TP_ADD_OPTION(double)
TP_ADD_OPTION(std::int32_t)
TP_ADD_OPTION(std::int64_t)
TP_ADD_OPTION(std::uint8_t)
TP_ADD_OPTION(std::uint16_t)
TP_ADD_OPTION(std::uint32_t)
TP_ADD_OPTION(std::uint64_t)
TP_ADD_OPTION(std::optional<double>)
TP_ADD_OPTION(std::optional<std::uint16_t>)
TP_ADD_OPTION(std::optional<std::uint32_t>)
TP_ADD_OPTION(std::optional<std::uint64_t>)
TP_ADD_OPTION(std::vector<std::string>)
TP_ADD_OPTION(std::vector<std::int32_t>)
TP_ADD_OPTION(std::vector<std::uint32_t>)
using CountAndFile = std::pair<std::uint32_t, std::string>;
TP_ADD_OPTION(CountAndFile)
#undef TP_ADD_OPTION

#define TP_ADD_OPTION_FUNCTION(Value)             \
    template Option Command::add_option_function( \
        const std::string&, const std::function<void(const Value&)>&, const std::string&) const;
TP_ADD_OPTION_FUNCTION(std::string)
TP_ADD_OPTION_FUNCTION(std::uint32_t)
TP_ADD_OPTION_FUNCTION(std::uint64_t)
#undef TP_ADD_OPTION_FUNCTION

template Check range(std::int32_t, std::int32_t);
template Check range(std::uint32_t, std::uint32_t);
template Check range(double, double);

}  // namespace tensorpool::apps::cli
