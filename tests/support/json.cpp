// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "support/json.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace tensorpool::test {
namespace {

class Parser {
public:
    explicit Parser(std::string_view text) : text_(text) {}

    Json document() {
        Json value = this->value();
        space();
        if (at_ != text_.size()) fail("text behind the value");
        return value;
    }

private:
    [[noreturn]] void fail(std::string_view what) const {
        throw std::runtime_error(fmt::format("JSON offset {}: {}", at_, what));
    }
    void space() {
        while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos)
            ++at_;
    }
    bool take(char c) {
        space();
        if (at_ == text_.size() || text_[at_] != c) return false;
        ++at_;
        return true;
    }
    void need(char c) {
        if (!take(c)) fail(fmt::format("expected '{}'", c));
    }

    Json value() {
        space();
        if (at_ == text_.size()) fail("expected a value");
        if (text_[at_] == '{') return object();
        if (text_[at_] == '[') return array();
        Json scalar;
        scalar.text = text_[at_] == '"' ? string() : literal();
        return scalar;
    }
    Json object() {
        Json object;
        object.kind = Json::Kind::Object;
        need('{');
        if (take('}')) return object;
        do {
            space();
            object.names.push_back(string());
            need(':');
            object.items.push_back(value());
        } while (take(','));
        need('}');
        return object;
    }
    Json array() {
        Json array;
        array.kind = Json::Kind::Array;
        need('[');
        if (take(']')) return array;
        do array.items.push_back(value());
        while (take(','));
        need(']');
        return array;
    }
    std::string string() {
        need('"');
        std::string text;
        while (at_ < text_.size() && text_[at_] != '"') {
            if (text_[at_] == '\\') fail("escapes are not supported");
            text += text_[at_++];
        }
        need('"');
        return text;
    }
    std::string literal() {
        const std::size_t end = text_.find_first_of(" \t\r\n,]}", at_);
        const std::string_view word = text_.substr(at_, end - at_);
        if (word.empty()) fail("expected a value");
        at_ += word.size();
        return std::string(word);
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

}  // namespace

const Json* Json::find(std::string_view name) const noexcept {
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (names[i] == name) return &items[i];
    }
    return nullptr;
}

const Json& Json::at(std::string_view name) const {
    if (const Json* found = find(name)) return *found;
    throw std::runtime_error(fmt::format("JSON: no member '{}'", name));
}

Json parse_json(std::string_view text) {
    return Parser(text).document();
}

std::string read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) throw std::runtime_error("cannot read " + path);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace tensorpool::test
