// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/driver_config.hpp>
#include <tensorpool/expected.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace tensorpool::config {

/// Collects problems and warnings, and remembers where each key got its value from.
class Findings {
public:
    explicit Findings(std::string source_name) : source_name_(std::move(source_name)) {}

    void set_source(const std::string& key, std::string source) { sources_[key] = std::move(source); }
    /// Source of the key, else of the nearest table around it, else the file.
    [[nodiscard]] std::string source_of(std::string_view key) const;

    /// A key that already has a problem gets no second one: the first cause is the useful one.
    void problem(const std::string& key, std::string text);
    void problem_at(std::string source, const std::string& key, std::string text);
    void warn(const std::string& key, std::string text);
    /// Adds what a later check found, with the sources known here.
    void merge(const ConfigReport& report);

    [[nodiscard]] std::vector<ConfigProblem> take_problems() { return std::move(problems_); }
    [[nodiscard]] std::vector<ConfigProblem> take_warnings() { return std::move(warnings_); }

private:
    std::string source_name_;
    std::map<std::string, std::string, std::less<>> sources_;
    std::set<std::string> keys_with_problem_;
    std::vector<ConfigProblem> problems_;
    std::vector<ConfigProblem> warnings_;
};

/// A parsed TOML document. Hides the parser so that one source file pays for including it.
class TomlSource {
public:
    class Table;

    /// Throws ConfigError with file and line when the text is not TOML.
    TomlSource(std::string_view text, const std::string& source_name, Findings& findings,
               const Environment& environment);
    ~TomlSource();
    TomlSource(const TomlSource&) = delete;
    TomlSource& operator=(const TomlSource&) = delete;

    [[nodiscard]] Table root();

private:
    struct Document;
    std::unique_ptr<Document> document_;
};

/// One table of the document, present or not. Each reader marks its key as known, takes the environment's
/// value before the document's, and leaves `value` alone when neither has one or it is wrong (a problem is
/// recorded). It returns true when `value` was set.
class TomlSource::Table {
public:
    bool read(std::string_view key, std::string& value);
    bool read(std::string_view key, bool& value);
    bool read(std::string_view key, std::uint16_t& value);
    bool read(std::string_view key, std::uint32_t& value);
    bool read(std::string_view key, std::uint64_t& value);
    bool read(std::string_view key, std::int32_t& value);
    bool read(std::string_view key, std::int64_t& value);
    bool read(std::string_view key, std::vector<IdRange>& value);
    bool read(std::string_view key, std::vector<std::string>& value);

    /// Accepts the key without reading it.
    void ignore(std::string_view key);
    /// Records a problem when the key is absent everywhere.
    void require(std::string_view key, std::string_view remedy);

    [[nodiscard]] bool present() const noexcept { return node_ != nullptr; }
    [[nodiscard]] std::string full_key(std::string_view key) const;

    /// A sub-table with a fixed name: its scalars can be overridden from the environment (CFG-004).
    [[nodiscard]] Table fixed_table(std::string_view key);
    struct Named;
    /// User-named tables in file order; no overrides (CFG-007).
    [[nodiscard]] std::vector<Named> named_tables(std::string_view key);
    /// An array of tables; no overrides. `found` says whether the key exists as an array.
    [[nodiscard]] std::vector<Table> table_array(std::string_view key, bool& found);

    /// Another variable that stands in when the regular one is unset (CFG-008); before read().
    void alias(std::string_view key, std::string variable);
    /// Warns about every key that no reader asked for (CFG-002).
    void warn_unknown();

private:
    friend class TomlSource;
    Table(Document& document, const void* node, std::string prefix, bool overridable);

    /// The override's text and variable, if one is set.
    [[nodiscard]] std::optional<std::pair<std::string, std::string>> override_of(std::string_view key) const;
    template <typename Integer>
    bool read_integer(std::string_view key, Integer& value);
    void note_line(const std::string& key, const void* node);

    Document* document_;
    const void* node_;  // const toml::table*, or nullptr when the table is absent
    std::string prefix_;
    bool overridable_;
    std::vector<std::string> known_;
    std::map<std::string, std::string, std::less<>> aliases_;
};

struct TomlSource::Table::Named {
    std::string name;
    Table table;
};

/// "a-b" with 1 <= a <= b as a range; otherwise the reason why not.
[[nodiscard]] expected<IdRange, std::string> parse_range(std::string_view text);

}  // namespace tensorpool::config
