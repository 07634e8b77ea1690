// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "support/golden.hpp"

#include "support/json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <stdexcept>

namespace tensorpool::test {
namespace {

constexpr std::string_view kVectors = TP_SOURCE_DIR "/tests/vectors/";

std::vector<std::byte> as_bytes(std::string_view text) {
    std::vector<std::byte> bytes(text.size());
    std::transform(text.begin(), text.end(), bytes.begin(), [](char c) { return static_cast<std::byte>(c); });
    return bytes;
}

template <typename Number>
bool parse(std::string_view text, Number& value) noexcept {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size();
}

std::uint16_t u16(const Json& object, std::string_view name) {
    std::uint16_t value = 0;
    if (!parse(object.at(name).text, value)) throw std::runtime_error(fmt::format("{}: no u16", name));
    return value;
}

/// Flattens the "fields" object of a vector.
class Flattener {
public:
    explicit Flattener(Golden& golden) : golden_(golden) {}

    void members(const Json& object, const std::string& prefix) {
        for (std::size_t i = 0; i < object.names.size(); ++i)
            field(object.items[i], prefix + object.names[i]);
    }

private:
    void field(const Json& value, const std::string& path) {
        switch (value.kind) {
            case Json::Kind::Scalar:
                return put(path, value.text, value.text);
            case Json::Kind::Array:
                return array(value, path);
            case Json::Kind::Object:
                break;
        }
        if (const Json* name = value.find("enum")) {
            const std::string& number = value.at("value").text;
            return put(path, fmt::format("{}({})", name->text, number), number);
        }
        if (const Json* hex = value.find("hex")) {
            const std::vector<std::byte> bytes = from_hex(hex->text);
            return put(path, std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()), {});
        }
        members(value, path + ".");
    }
    void array(const Json& array, const std::string& path) {
        const bool is_group = array.items.empty() || array.items[0].kind == Json::Kind::Object;
        if (is_group) {
            const std::string size = std::to_string(array.items.size());
            put(path + ".size", size, size);
        }
        for (std::size_t i = 0; i < array.items.size(); ++i) {
            const std::string element = fmt::format("{}[{}]", path, i);
            if (is_group) {
                members(array.items[i], element + ".");
            } else {
                field(array.items[i], element);
            }
        }
    }
    void put(const std::string& path, const std::string& value, std::string_view number) {
        const bool null = std::find(golden_.null_fields.begin(), golden_.null_fields.end(), path) !=
                          golden_.null_fields.end();
        golden_.fields[path] = null ? "null" : value;
        golden_.order.push_back(path);
        std::uint64_t raw = 0;
        std::int64_t negative = 0;
        if (parse(number, raw)) {
            golden_.raw[path] = raw;
        } else if (parse(number, negative)) {
            golden_.raw[path] = static_cast<std::uint64_t>(negative);
        }
    }

    Golden& golden_;
};

}  // namespace

Golden load_golden(const std::string& name) {
    const Json json = parse_json(read_file(fmt::format("{}{}.json", kVectors, name)));
    Golden golden;
    golden.name = name;
    golden.message = json.at("message").text;
    golden.schema_id = u16(json, "schemaId");
    golden.template_id = u16(json, "templateId");
    golden.version = u16(json, "version");
    golden.block_length = u16(json, "blockLength");
    golden.has_message_header = json.at("hasMessageHeader").text == "true";
    golden.bytes = as_bytes(read_file(fmt::format("{}{}.bin", kVectors, name)));
    if (std::to_string(golden.bytes.size()) != json.at("totalBytes").text) {
        throw std::runtime_error(name + ": the .bin does not have the bytes its .json says");
    }
    for (const Json& path : json.at("nullFields").items) golden.null_fields.push_back(path.text);
    Flattener(golden).members(json.at("fields"), "");
    return golden;
}

std::vector<std::string> golden_names(std::string_view folder) {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(fmt::format("{}{}", kVectors, folder))) {
        if (entry.path().extension() == ".bin") {
            names.push_back(fmt::format("{}/{}", folder, entry.path().stem().string()));
        }
    }
    std::sort(names.begin(), names.end());
    return names;
}

std::vector<std::byte> from_hex(std::string_view hex) {
    std::vector<std::byte> bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
        unsigned value = 0;
        const auto [end, error] = std::from_chars(hex.data() + i, hex.data() + i + 2, value, 16);
        if (error != std::errc() || end != hex.data() + i + 2) throw std::runtime_error("not hex");
        bytes.push_back(static_cast<std::byte>(value));
    }
    return bytes;
}

std::string to_hex(std::span<const std::byte> bytes) {
    std::string hex;
    for (const std::byte b : bytes) hex += fmt::format("{:02x}", static_cast<unsigned>(b));
    return hex;
}

ExactBuffer::ExactBuffer(std::span<const std::byte> bytes)
    : data_(std::make_unique<std::byte[]>(bytes.size())), size_(bytes.size()) {
    if (size_ != 0) std::memcpy(data_.get(), bytes.data(), size_);
}

}  // namespace tensorpool::test
