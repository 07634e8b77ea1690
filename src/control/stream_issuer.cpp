// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "control/stream_issuer.hpp"

#include "base/log.hpp"

#include "control/stream_request.hpp"
#include "messaging/channel_uri.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace tensorpool::control {
namespace {

constexpr std::uint32_t kMaxId = std::numeric_limits<std::int32_t>::max();  // STR-007

}  // namespace

StreamIssuer::StreamIssuer(PerConsumerStreams policy, const StreamEndpoints& shared, bool ipc_only)
    : policy_(std::move(policy)), ipc_only_(ipc_only) {
    for (const Endpoint* endpoint :
         {&shared.control, &shared.announce, &shared.descriptor, &shared.qos, &shared.metadata})
        reserved_.push_back(static_cast<std::uint32_t>(endpoint->stream_id));
}

int StreamIssuer::answer(const ConsumerHello& hello, ConsumerConfig& config) {
    Held& held = held_by(hello);
    const Held before = held;
    int declined = 0;
    declined += grant(policy_.descriptor, hello.descriptor_channel, hello.descriptor_stream_id,
                      held.descriptor, config.descriptor_channel, config.descriptor_stream_id)
                    ? 1
                    : 0;
    declined += grant(policy_.control, hello.control_channel, hello.control_stream_id, held.control,
                      config.control_channel, config.control_stream_id)
                    ? 1
                    : 0;
    if ((held.descriptor != 0 && held.descriptor != before.descriptor) ||
        (held.control != 0 && held.control != before.control)) {
        base::log_with(LogLevel::Info, "Control",
                       {{"stream_id", hello.stream_id},
                        {"consumer_id", hello.consumer_id},
                        {"descriptor_stream_id", held.descriptor},
                        {"control_stream_id", held.control}},
                       "stream {}: consumer {} gets streams of its own: descriptors {}, progress {}",
                       hello.stream_id, hello.consumer_id, held.descriptor, held.control);
    }
    if (held.descriptor == 0 && held.control == 0) release(hello.stream_id, hello.consumer_id);
    return declined;
}

void StreamIssuer::release(std::uint32_t stream_id, std::uint32_t consumer_id) noexcept {
    std::erase_if(held_, [&](const Held& held) {
        return held.stream_id == stream_id && held.consumer_id == consumer_id;
    });
}

StreamIssuer::Held& StreamIssuer::held_by(const ConsumerHello& hello) {
    for (Held& held : held_) {
        if (held.stream_id == hello.stream_id && held.consumer_id == hello.consumer_id) return held;
    }
    Held fresh;
    fresh.stream_id = hello.stream_id;
    fresh.consumer_id = hello.consumer_id;
    return held_.emplace_back(fresh);
}

bool StreamIssuer::is_free(std::uint32_t id) const noexcept {
    return std::ranges::find(reserved_, id) == reserved_.end() &&
           std::ranges::none_of(
               held_, [id](const Held& held) { return held.descriptor == id || held.control == id; });
}

std::uint32_t StreamIssuer::choose(const ConsumerStreamRange& from, std::uint32_t asked) const noexcept {
    if (from.base == 0) return asked <= kMaxId && is_free(asked) ? asked : 0;
    for (std::uint32_t i = 0; i < from.range && from.base + i <= kMaxId; ++i) {
        if (is_free(from.base + i)) return from.base + i;
    }
    return 0;
}

bool StreamIssuer::grant(const ConsumerStreamRange& from, const std::string& asked_channel,
                         std::uint32_t asked_id, std::uint32_t& held, std::string& channel,
                         std::uint32_t& id) {
    const std::string& served = from.channel.empty() ? asked_channel : from.channel;
    const StreamRequest request = classify(asked_channel, asked_id);
    const bool usable = request == StreamRequest::Full && policy_.enabled &&
                        messaging::is_consumer_channel(served, ipc_only_);
    if (!usable) {
        held = 0;
    } else if (held == 0) {
        held = choose(from, asked_id);
    }
    id = held;
    channel = held != 0 ? served : std::string();
    return request != StreamRequest::None && held == 0;
}

}  // namespace tensorpool::control
