// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "telemetry/counter_set.hpp"

#include "base/log.hpp"
#include "telemetry/sink.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tensorpool::telemetry {
namespace {

constexpr std::uint64_t kMostId = 32767;
constexpr std::size_t kLongestInstance = 40;

std::string plain_instance(std::string_view instance) {
    std::string plain(instance.substr(0, kLongestInstance));
    for (char& c : plain) {
        const bool kept = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                          c == '-' || c == '_' || c == '.';
        if (!kept) c = '_';
    }
    return plain.empty() ? "unknown" : plain;
}

}  // namespace

std::int32_t type_id_of(std::uint64_t owner_id, std::uint16_t number) noexcept {
    const std::uint64_t folded = owner_id & kMostId;
    return static_cast<std::int32_t>((folded == 0 ? kMostId : folded) << 16U | number);
}

std::vector<std::byte> key_of(const Owner& owner) {
    std::vector<std::byte> key;
    for (unsigned shift = 0; shift < 64; shift += 8)
        key.push_back(static_cast<std::byte>(owner.id >> shift & 0xFFU));
    const auto name = std::as_bytes(std::span(owner.name));
    const std::size_t room = messaging::kMaxCounterKey - key.size();
    key.insert(key.end(), name.begin(),
               name.begin() + static_cast<std::ptrdiff_t>(std::min(name.size(), room)));
    return key;
}

std::string label_of(std::string_view label, const Owner& owner) {
    return fmt::format("{}: NodeId={} Name={}", label, owner.id, owner.name);
}

Owner plain_owner(std::string_view role, std::uint64_t id, std::string_view instance) {
    return {fmt::format("{} instance={}", role, plain_instance(instance)), id};
}

Owner stream_owner(std::string_view role, std::uint64_t id, std::uint32_t stream_id,
                   std::string_view instance, std::string_view more) {
    return {fmt::format("{} stream={} {}{}instance={}", role, stream_id, more, more.empty() ? "" : " ",
                        plain_instance(instance)),
            id};
}

CounterSet::CounterSet(messaging::Client& client, Owner owner) : client_(client), owner_(std::move(owner)) {
    add_one({kDutyCyclesNumber, "TotalDutyCycles", "duty_cycles", ""}, duty_cycles_);
    add_one({kWorkDoneNumber, "TotalWorkDone", "work_done", ""}, work_done_);
}

void CounterSet::add_one(const Metric& metric, const std::uint64_t& source) noexcept {
    if (complaint_made_) return;
    try {
        auto cell = client_.add_counter(type_id_of(owner_.id, metric.number), key_of(owner_),
                                        label_of(metric.label, owner_));
        entries_.push_back({&source, 0, std::move(cell), metric.name});
    } catch (const std::exception& error) {
        complaint_made_ = true;  // the next one would fail alike
        base::log(LogLevel::Warn, "Client", "{}: not all counters can be seen by other programs: {}",
                  owner_.name, error.what());
    }
}

void CounterSet::publish() noexcept {
    TelemetrySink* const sink = telemetry_sink();
    for (Entry& entry : entries_) {
        const std::uint64_t value = *entry.source;
        if (value == entry.published) continue;
        entry.published = value;
        entry.cell->set(static_cast<std::int64_t>(value));
        if (sink != nullptr) sink->value(entry.name, owner_.name, value);
    }
}

}  // namespace tensorpool::telemetry
