// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "telemetry/reading.hpp"

#include "telemetry/tables.hpp"

#include <algorithm>
#include <charconv>

namespace tensorpool::telemetry {
namespace {

constexpr std::string_view kLabelEnd = ": NodeId=";
constexpr std::size_t kOwnerIdBytes = 8;

/// The value of `key=` in a blank-separated list.
std::string_view word_after(std::string_view text, std::string_view key) {
    for (std::size_t at = text.find(key); at != std::string_view::npos; at = text.find(key, at + 1)) {
        if (at > 0 && text[at - 1] != ' ') continue;
        const std::string_view rest = text.substr(at + key.size());
        return rest.substr(0, rest.find(' '));
    }
    return {};
}

std::optional<std::uint32_t> number_of(std::string_view digits) {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
    return value;
}

}  // namespace

std::optional<std::uint32_t> stream_of(const Owner& owner) {
    return number_of(word_after(owner.name, "stream="));
}

std::optional<std::uint32_t> source_stream_of(const Owner& owner) {
    return number_of(word_after(owner.name, "source="));
}

std::string instance_of(const Owner& owner) {
    return std::string(word_after(owner.name, "instance="));
}

CounterReader::CounterReader() {
    for (const std::string_view role : roles()) roles_.push_back({role, metrics_of(role)});
}

std::optional<Reading> CounterReader::read(const messaging::CounterInfo& info) const {
    if (info.key.size() <= kOwnerIdBytes) return std::nullopt;
    Reading reading;
    for (std::size_t i = 0; i < kOwnerIdBytes; ++i)
        reading.owner.id |= std::to_integer<std::uint64_t>(info.key[i]) << (8 * i);
    const auto name = info.key.subspan(kOwnerIdBytes);
    reading.owner.name.assign(reinterpret_cast<const char*>(name.data()), name.size());
    // Aeron fills a key up with zeros.
    reading.owner.name.resize(std::min(reading.owner.name.find('\0'), reading.owner.name.size()));
    reading.role = reading.owner.name.substr(0, reading.owner.name.find(' '));

    const auto role = std::find_if(roles_.begin(), roles_.end(),
                                   [&](const Role& known) { return known.name == reading.role; });
    const std::size_t label_end = info.label.find(kLabelEnd);
    if (role == roles_.end() || label_end == std::string_view::npos) return std::nullopt;
    const std::string_view label = info.label.substr(0, label_end);
    const auto metric = std::find_if(role->metrics.begin(), role->metrics.end(),
                                     [&](const Metric& known) { return known.label == label; });
    if (metric == role->metrics.end()) return std::nullopt;
    reading.metric = *metric;
    reading.id = info.id;
    reading.type_id = info.type_id;
    reading.value = static_cast<std::uint64_t>(info.value);
    reading.stream_id = stream_of(reading.owner);
    reading.instance = instance_of(reading.owner);
    reading.own = info.own;
    return reading;
}

}  // namespace tensorpool::telemetry
