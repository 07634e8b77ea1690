// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "join/join_inputs.hpp"

namespace tensorpool::join {
namespace {

bool before(const std::pair<std::uint32_t, ClockDomain>& known, std::uint32_t stream_id) noexcept {
    return known.first < stream_id;
}

}  // namespace

void Inputs::assign(const std::vector<std::uint32_t>& stream_ids) {
    std::vector<Input> next;
    std::vector<std::uint32_t> ids;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> by_id;
    by_id.reserve(stream_ids.size());
    for (std::size_t i = 0; i < stream_ids.size(); ++i)
        by_id.emplace_back(stream_ids[i], static_cast<std::uint32_t>(i));
    // Of one stream's mentions the first stays; their order is that of the map.
    std::sort(by_id.begin(), by_id.end());
    by_id.erase(std::unique(by_id.begin(), by_id.end(),
                            [](const auto& a, const auto& b) { return a.first == b.first; }),
                by_id.end());
    std::sort(by_id.begin(), by_id.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    next.reserve(by_id.size());
    ids.reserve(by_id.size());
    for (auto& [stream_id, index] : by_id) {
        index = static_cast<std::uint32_t>(next.size());
        Input input;
        input.stream_id = stream_id;
        input.domain = domain_of(stream_id);
        if (const Input* const known = find(stream_id)) input.epoch = known->epoch;
        next.push_back(input);
        ids.push_back(stream_id);
    }
    std::sort(by_id.begin(), by_id.end());
    all_ = std::move(next);
    ids_ = std::move(ids);
    by_id_ = std::move(by_id);
}

void Inputs::clear() noexcept {
    all_.clear();
    ids_.clear();
    by_id_.clear();
}

std::optional<ClockDomain> Inputs::domain_of(std::uint32_t stream_id) const noexcept {
    const auto at = std::lower_bound(domains_.begin(), domains_.end(), stream_id, before);
    return at == domains_.end() || at->first != stream_id ? assumed_ : std::optional(at->second);
}

void Inputs::set_domain(std::uint32_t stream_id, ClockDomain domain) {
    if (Input* const input = find(stream_id)) input->domain = domain;
    const auto at = std::lower_bound(domains_.begin(), domains_.end(), stream_id, before);
    if (at != domains_.end() && at->first == stream_id) {
        at->second = domain;
    } else if (domains_.size() < kMaxMergeRules) {  // no map can name more
        domains_.insert(at, {stream_id, domain});
    }
}

}  // namespace tensorpool::join
