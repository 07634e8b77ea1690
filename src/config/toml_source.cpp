// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "config/toml_source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <limits>

// Compiled in here, so that nobody who links the library needs the parser's own.
#define TOML_HEADER_ONLY 1
#define TOML_IMPLEMENTATION
#include <toml++/toml.h>

namespace tensorpool::config {
namespace {

std::string type_name(const toml::node& node) {
    switch (node.type()) {
        case toml::node_type::table:
            return "a table";
        case toml::node_type::array:
            return "an array";
        case toml::node_type::string:
            return "a string";
        case toml::node_type::integer:
            return "an integer";
        case toml::node_type::floating_point:
            return "a floating-point number";
        case toml::node_type::boolean:
            return "a boolean";
        default:
            return "a date or time";
    }
}

std::string wrong_type(const toml::node& node, std::string_view wanted) {
    return fmt::format("is {}, but must be {} (CFG-011)", type_name(node), wanted);
}

std::string lower(std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

std::string environment_name(std::string_view full_key) {
    std::string name(full_key);
    for (char& c : name) c = c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return name;
}

/// Fewest single-character edits from one word to the other.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0U : 1U);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
        }
    }
    return row[b.size()];
}

const toml::node& as_node(const void* node) {
    return *static_cast<const toml::node*>(node);
}
const toml::table* as_table(const void* node) {
    return node == nullptr ? nullptr : static_cast<const toml::node*>(node)->as_table();
}

}  // namespace

expected<IdRange, std::string> parse_range(std::string_view text) {
    IdRange range;
    const char* const end = text.data() + text.size();
    const auto [dash, first_error] = std::from_chars(text.data(), end, range.first);
    if (first_error == std::errc() && dash != end && *dash == '-') {
        const auto [stop, last_error] = std::from_chars(dash + 1, end, range.last);
        if (last_error == std::errc() && stop == end) {
            if (range.first >= 1 && range.first <= range.last) return range;
            return unexpected(fmt::format("'{}' breaks 1 <= first <= last (CFG-014)", text));
        }
    }
    return unexpected(fmt::format(
        "'{}' is not a range (CFG-014); write \"first-last\", for example \"20000-29999\"", text));
}

// ---- Findings
// ------------------------------------------------------------------------------------------------

std::string Findings::source_of(std::string_view key) const {
    std::string_view candidate = key;
    while (!candidate.empty()) {
        if (const auto found = sources_.find(candidate); found != sources_.end()) return found->second;
        const std::size_t cut = candidate.find_last_of(".[");
        if (cut == std::string_view::npos) break;
        candidate = candidate.substr(0, cut);
    }
    return source_name_;
}

void Findings::problem(const std::string& key, std::string text) {
    problem_at(source_of(key), key, std::move(text));
}

void Findings::problem_at(std::string source, const std::string& key, std::string text) {
    if (!keys_with_problem_.insert(key).second) return;
    problems_.push_back({std::move(source), key, std::move(text)});
}

void Findings::warn(const std::string& key, std::string text) {
    warnings_.push_back({source_of(key), key, std::move(text)});
}

void Findings::merge(const ConfigReport& report) {
    for (const ConfigProblem& found : report.problems) problem(found.key, found.text);
    for (const ConfigProblem& found : report.warnings) warn(found.key, found.text);
}

// ---- TomlSource
// ------------------------------------------------------------------------------------------------

struct TomlSource::Document {
    toml::table root;
    std::string source_name;
    Findings* findings;
    const Environment* environment;
};

TomlSource::TomlSource(std::string_view text, const std::string& source_name, Findings& findings,
                       const Environment& environment) {
    try {
        document_ = std::make_unique<Document>(
            Document{toml::parse(text, source_name), source_name, &findings, &environment});
    } catch (const toml::parse_error& error) {
        const auto line = error.source().begin.line;
        throw ConfigError({{fmt::format("{}:{}", source_name, line), "TOML syntax",
                            std::string(error.description()) + "; correct the line"}});
    }
}

TomlSource::~TomlSource() = default;

TomlSource::Table TomlSource::root() {
    return Table(*document_, static_cast<const toml::node*>(&document_->root), "", true);
}

// ---- Table
// -----------------------------------------------------------------------------------------------------

TomlSource::Table::Table(Document& document, const void* node, std::string prefix, bool overridable)
    : document_(&document), node_(node), prefix_(std::move(prefix)), overridable_(overridable) {
}

std::string TomlSource::Table::full_key(std::string_view key) const {
    return prefix_.empty() ? std::string(key) : fmt::format("{}.{}", prefix_, key);
}

void TomlSource::Table::alias(std::string_view key, std::string variable) {
    aliases_.emplace(std::string(key), std::move(variable));
}

void TomlSource::Table::ignore(std::string_view key) {
    known_.emplace_back(key);
}

void TomlSource::Table::note_line(const std::string& key, const void* node) {
    const auto line = as_node(node).source().begin.line;
    if (line == 0) return;  // a parent that only exists because [parent.child] was written
    document_->findings->set_source(key, fmt::format("{}:{}", document_->source_name, line));
}

std::optional<std::pair<std::string, std::string>> TomlSource::Table::override_of(
    std::string_view key) const {
    if (!overridable_) return std::nullopt;
    // Top-level keys have no table name in front; a bare NAME would catch variables that mean something else.
    if (!prefix_.empty()) {
        const std::string variable = environment_name(full_key(key));
        if (auto text = (*document_->environment)(variable)) return std::pair{*text, variable};
    }
    const auto other = aliases_.find(key);
    if (other == aliases_.end()) return std::nullopt;
    if (auto text = (*document_->environment)(other->second)) return std::pair{*text, other->second};
    return std::nullopt;
}

namespace {

const toml::node* lookup(const void* table, std::string_view key) {
    const toml::table* const t = as_table(table);
    return t == nullptr ? nullptr : t->get(key);
}

}  // namespace

void TomlSource::Table::require(std::string_view key, std::string_view remedy) {
    if (lookup(node_, key) != nullptr || override_of(key)) return;
    document_->findings->problem(full_key(key), fmt::format("is missing; {}", remedy));
}

bool TomlSource::Table::read(std::string_view key, std::string& value) {
    ignore(key);
    const std::string name = full_key(key);
    if (const auto text = override_of(key)) {
        document_->findings->set_source(name, text->second);
        value = text->first;
        return true;
    }
    const toml::node* const node = lookup(node_, key);
    if (node == nullptr) return false;
    note_line(name, node);
    if (const auto* text = node->as_string()) {
        value = text->get();
        return true;
    }
    document_->findings->problem(name, wrong_type(*node, "a string"));
    return false;
}

bool TomlSource::Table::read(std::string_view key, bool& value) {
    ignore(key);
    const std::string name = full_key(key);
    if (const auto text = override_of(key)) {
        document_->findings->set_source(name, text->second);
        const std::string word = lower(text->first);
        if (word == "true" || word == "false") {
            value = word == "true";
            return true;
        }
        document_->findings->problem(name,
                                     fmt::format("'{}' is neither true nor false (CFG-006)", text->first));
        return false;
    }
    const toml::node* const node = lookup(node_, key);
    if (node == nullptr) return false;
    note_line(name, node);
    if (const auto* flag = node->as_boolean()) {
        value = flag->get();
        return true;
    }
    document_->findings->problem(name, wrong_type(*node, "true or false"));
    return false;
}

template <typename Integer>
bool TomlSource::Table::read_integer(std::string_view key, Integer& value) {
    constexpr Integer kMin = std::numeric_limits<Integer>::min();
    constexpr Integer kMax = std::numeric_limits<Integer>::max();
    ignore(key);
    const std::string name = full_key(key);
    const auto out_of_range = [&](const auto& given) {
        document_->findings->problem(name,
                                     fmt::format("{} is outside {} ... {} (CFG-011)", given, kMin, kMax));
        return false;
    };
    if (const auto text = override_of(key)) {
        document_->findings->set_source(name, text->second);
        const char* const end = text->first.data() + text->first.size();
        Integer parsed{};
        const auto [stop, error] = std::from_chars(text->first.data(), end, parsed);
        const bool only_digits = !text->first.empty() &&
                                 text->first.find_first_not_of(
                                     "0123456789", text->first[0] == '-' ? 1U : 0U) == std::string::npos &&
                                 text->first != "-";
        if (only_digits && (error != std::errc() || stop != end)) return out_of_range(text->first);
        if (!only_digits) {
            document_->findings->problem(name,
                                         fmt::format("'{}' is not a decimal integer (CFG-006)", text->first));
            return false;
        }
        value = parsed;
        return true;
    }
    const toml::node* const node = lookup(node_, key);
    if (node == nullptr) return false;
    note_line(name, node);
    const auto* const number = node->as_integer();
    if (number == nullptr) {
        document_->findings->problem(name, wrong_type(*node, "an integer"));
        return false;
    }
    if (!std::in_range<Integer>(number->get())) return out_of_range(number->get());
    value = static_cast<Integer>(number->get());
    return true;
}

bool TomlSource::Table::read(std::string_view key, std::uint16_t& value) {
    return read_integer(key, value);
}
bool TomlSource::Table::read(std::string_view key, std::uint32_t& value) {
    return read_integer(key, value);
}
bool TomlSource::Table::read(std::string_view key, std::uint64_t& value) {
    return read_integer(key, value);
}
bool TomlSource::Table::read(std::string_view key, std::int32_t& value) {
    return read_integer(key, value);
}
bool TomlSource::Table::read(std::string_view key, std::int64_t& value) {
    return read_integer(key, value);
}

namespace {

/// A range from `"a-b"`, `[a, b]` or an array of such strings; an empty string is an unset range.
expected<std::vector<IdRange>, std::string> ranges_from_node(const toml::node& node) {
    constexpr std::string_view kForms = "a range: \"first-last\", [first, last] or an array of such strings";
    std::vector<IdRange> ranges;
    const auto add = [&ranges](std::string_view text) -> std::string {
        if (text.empty()) return {};
        auto range = parse_range(text);
        if (!range) return range.error();
        ranges.push_back(*range);
        return {};
    };
    if (const auto* text = node.as_string()) {
        if (std::string reason = add(text->get()); !reason.empty()) return unexpected(std::move(reason));
        return ranges;
    }
    const toml::array* const array = node.as_array();
    if (array == nullptr || array->empty()) return unexpected(wrong_type(node, kForms));
    if (array->is_homogeneous(toml::node_type::string)) {
        for (const toml::node& entry : *array) {
            if (std::string reason = add(entry.as_string()->get()); !reason.empty()) {
                return unexpected(std::move(reason));
            }
        }
        return ranges;
    }
    if (array->size() != 2 || !array->is_homogeneous(toml::node_type::integer)) {
        return unexpected(wrong_type(node, kForms));
    }
    const std::int64_t first = array->get(0)->as_integer()->get();
    const std::int64_t last = array->get(1)->as_integer()->get();
    if (first < 0 || last < 0) {
        return unexpected(fmt::format("[{}, {}] breaks 1 <= first <= last (CFG-014)", first, last));
    }
    if (std::string reason = add(fmt::format("{}-{}", first, last)); !reason.empty()) {
        return unexpected(std::move(reason));
    }
    return ranges;
}

}  // namespace

bool TomlSource::Table::read(std::string_view key, std::vector<IdRange>& value) {
    ignore(key);
    const std::string name = full_key(key);
    if (const auto text = override_of(key)) {
        document_->findings->set_source(name, text->second);
        value.clear();
        if (text->first.empty()) return true;
        const auto range = parse_range(text->first);
        if (range) {
            value.push_back(*range);
            return true;
        }
        document_->findings->problem(name, range.error());
        return false;
    }
    const toml::node* const node = lookup(node_, key);
    if (node == nullptr) return false;
    note_line(name, node);
    auto ranges = ranges_from_node(*node);
    if (ranges) {
        value = std::move(*ranges);
        return true;
    }
    document_->findings->problem(name, ranges.error());
    return false;
}

bool TomlSource::Table::read(std::string_view key, std::vector<std::string>& value) {
    ignore(key);
    const std::string name = full_key(key);
    const toml::node* const node = lookup(node_, key);
    if (node == nullptr) return false;
    note_line(name, node);
    const toml::array* const array = node->as_array();
    if (array == nullptr || (!array->empty() && !array->is_homogeneous(toml::node_type::string))) {
        document_->findings->problem(name, wrong_type(*node, "an array of strings"));
        return false;
    }
    if (array->empty()) {
        document_->findings->problem(name, "is an empty list; remove the key to use the default");
        return false;
    }
    value.clear();
    for (const toml::node& entry : *array) value.push_back(entry.as_string()->get());
    return true;
}

TomlSource::Table TomlSource::Table::fixed_table(std::string_view key) {
    ignore(key);
    const std::string name = full_key(key);
    const toml::node* node = lookup(node_, key);
    if (node != nullptr) {
        note_line(name, node);
        if (!node->is_table()) {
            document_->findings->problem(name, wrong_type(*node, "a table"));
            node = nullptr;
        }
    }
    return Table(*document_, node, name, true);
}

std::vector<TomlSource::Table::Named> TomlSource::Table::named_tables(std::string_view key) {
    ignore(key);
    std::vector<Named> tables;
    const std::string name = full_key(key);
    const toml::node* const node = lookup(node_, key);
    if (node == nullptr) return tables;
    note_line(name, node);
    if (!node->is_table()) {
        document_->findings->problem(name, wrong_type(*node, "a table of named tables"));
        return tables;
    }
    std::vector<std::pair<std::string, const toml::node*>> entries;
    for (const auto& [entry_key, entry] : *node->as_table()) {
        entries.emplace_back(std::string(entry_key.str()), &entry);
    }
    // The parser sorts by name; the position in the file restores the order people wrote (CFG-018).
    std::ranges::stable_sort(entries, [](const auto& a, const auto& b) {
        const auto& at_a = a.second->source().begin;
        const auto& at_b = b.second->source().begin;
        return std::pair(at_a.line, at_a.column) < std::pair(at_b.line, at_b.column);
    });
    for (const auto& [entry_key, entry] : entries) {
        const std::string entry_name = fmt::format("{}.{}", name, entry_key);
        note_line(entry_name, entry);
        if (entry->is_table()) {
            tables.push_back({entry_key, Table(*document_, entry, entry_name, false)});
        } else {
            document_->findings->problem(entry_name, wrong_type(*entry, "a table"));
        }
    }
    return tables;
}

std::vector<TomlSource::Table> TomlSource::Table::table_array(std::string_view key, bool& found) {
    ignore(key);
    found = false;
    std::vector<Table> tables;
    const std::string name = full_key(key);
    const toml::node* const node = lookup(node_, key);
    if (node == nullptr) return tables;
    found = true;
    note_line(name, node);
    const toml::array* const array = node->as_array();
    if (array == nullptr) {
        document_->findings->problem(name, wrong_type(*node, "an array of tables"));
        return tables;
    }
    for (std::size_t i = 0; i < array->size(); ++i) {
        const toml::node* const entry = array->get(i);
        const std::string entry_name = fmt::format("{}[{}]", name, i);
        note_line(entry_name, entry);
        if (entry->is_table()) {
            tables.push_back(Table(*document_, entry, entry_name, false));
        } else {
            document_->findings->problem(entry_name, wrong_type(*entry, "a table"));
        }
    }
    return tables;
}

void TomlSource::Table::warn_unknown() {
    const toml::table* const table = as_table(node_);
    if (table == nullptr) return;
    for (const auto& [key, node] : *table) {
        const std::string_view word = key.str();
        if (std::ranges::find(known_, word) != known_.end()) continue;
        const std::string name = full_key(word);
        note_line(name, &node);
        const auto nearest = std::ranges::min_element(
            known_, {}, [&word](const std::string& known) { return edit_distance(known, word); });
        std::string text = node.is_table() ? "is an unknown table and ignored (CFG-002)"
                                           : "is an unknown key and ignored (CFG-002)";
        if (nearest != known_.end() && edit_distance(*nearest, word) <= 3) {
            text += fmt::format("; did you mean {}?", full_key(*nearest));
        }
        document_->findings->warn(name, std::move(text));
    }
}

}  // namespace tensorpool::config
