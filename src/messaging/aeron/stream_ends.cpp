// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "messaging/aeron/stream_ends.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <exception>
#include <utility>

namespace tensorpool::messaging::aeron {
namespace {

constexpr std::int32_t kPublisherPositionType = 12;
constexpr std::int32_t kReceiverPositionType = 5;
// Keys of both types: registration id (64 bits), session id (32), stream id (32), the channel.
constexpr std::size_t kSessionAt = 8;
constexpr std::size_t kStreamAt = 12;
constexpr std::size_t kChannelAt = 16;

struct Search {
    std::int32_t type_id;
    std::int32_t stream_id;
    std::vector<StreamEnd> found{};
    std::exception_ptr failure{};
};

std::int32_t number_at(const std::uint8_t* key, std::size_t offset) noexcept {
    std::int32_t number = 0;
    std::memcpy(&number, key + offset, sizeof(number));
    return number;
}

void on_counter(std::int64_t value, std::int32_t /*id*/, std::int32_t type_id, const std::uint8_t* key,
                std::size_t key_length, const char* /*label*/, std::size_t /*label_length*/,
                void* state) noexcept {
    auto& search = *static_cast<Search*>(state);
    if (type_id != search.type_id || key_length < kChannelAt || search.failure != nullptr) return;
    if (number_at(key, kStreamAt) != search.stream_id) return;
    try {
        search.found.push_back({.session_id = number_at(key, kSessionAt), .position = value});
    } catch (...) {
        search.failure = std::current_exception();
    }
}

void skip(aeron_image_t* image, void* state) noexcept {
    const auto& ends = *static_cast<const std::vector<StreamEnd>*>(state);
    aeron_image_constants_t constants{};
    if (::aeron_image_constants(image, &constants) != 0) return;
    const auto term = static_cast<std::int64_t>(constants.term_buffer_length);
    for (const StreamEnd& end : ends) {
        if (end.session_id != constants.session_id) continue;
        // Aeron moves an image to the end of its term at most; what it refuses stays.
        for (std::int64_t at = ::aeron_image_position(image); at >= 0 && at < end.position;) {
            at = std::min(end.position, (at / term + 1) * term);
            if (::aeron_image_set_position(image, at) != 0) break;
        }
    }
}

}  // namespace

std::vector<StreamEnd> read_stream_ends(const Session& session, std::int32_t stream_id, bool ipc) {
    Search search{.type_id = ipc ? kPublisherPositionType : kReceiverPositionType, .stream_id = stream_id};
    ::aeron_counters_reader_foreach_counter(::aeron_counters_reader(session.client()), &on_counter, &search);
    if (search.failure != nullptr) std::rethrow_exception(search.failure);
    return std::move(search.found);
}

void skip_to(const std::vector<StreamEnd>& ends, aeron_subscription_t* subscription) noexcept {
    if (ends.empty()) return;
    ::aeron_subscription_for_each_image(subscription, &skip, const_cast<std::vector<StreamEnd>*>(&ends));
}

}  // namespace tensorpool::messaging::aeron
