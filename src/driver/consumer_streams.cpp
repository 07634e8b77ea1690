// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "driver/consumer_streams.hpp"

#include "base/log.hpp"
#include "control/stream_request.hpp"
#include "messaging/channel_uri.hpp"

namespace tensorpool::driver {
namespace {

using control::classify;
using Request = control::StreamRequest;

/// Gives `held` an id from `ids` unless it has one; 0 stays 0 when nothing can be given.
std::uint32_t assign(std::uint32_t& held, IdAllocator& ids) {
    if (held == 0) held = ids.take_next().value_or(0);
    return held;
}

void log_assignment(const control::ConsumerHello& hello, const std::string& channel,
                    std::uint32_t stream_id) noexcept {
    base::log_with(LogLevel::Info, "Driver",
                   {{"stream_id", hello.stream_id},
                    {"consumer_id", hello.consumer_id},
                    {"channel", std::string_view(channel)},
                    {"assigned_stream_id", stream_id}},
                   "stream {}: consumer {} gets {} {} of its own", hello.stream_id, hello.consumer_id,
                   channel, stream_id);
}

}  // namespace

ConsumerStreams::ConsumerStreams(MessagingKind messaging, std::vector<IdRange> descriptor_ranges,
                                 std::vector<IdRange> control_ranges)
    : messaging_(messaging),
      descriptor_ids_(std::move(descriptor_ranges)),
      control_ids_(std::move(control_ranges)) {
}

std::optional<control::ConsumerConfig> ConsumerStreams::answer(const control::ConsumerHello& hello,
                                                               const Lease* lease, std::uint64_t& declined) {
    const std::string& descriptor_channel = hello.descriptor_channel;
    const std::string& control_channel = hello.control_channel;
    const Request descriptor = classify(descriptor_channel, hello.descriptor_stream_id);
    const Request progress = classify(control_channel, hello.control_stream_id);
    if (descriptor == Request::None && progress == Request::None) return std::nullopt;

    control::ConsumerConfig config;
    config.stream_id = hello.stream_id;
    config.consumer_id = hello.consumer_id;
    config.use_shm = hello.supports_shm;
    config.mode = hello.mode;
    const auto grant = [&](Request request, const std::string& channel, std::uint32_t Assignment::*held,
                           IdAllocator& ids) -> std::uint32_t {
        if (request == Request::None) return 0;
        std::uint32_t id = 0;
        if (request == Request::Full && lease != nullptr &&
            messaging::is_consumer_channel(channel, messaging_ == MessagingKind::Embedded)) {
            Assignment& assignment = by_lease_[lease->lease_id];
            assignment.consumer_id = lease->client_id;
            const std::uint32_t before = assignment.*held;
            id = assign(assignment.*held, ids);
            if (id != 0 && id != before) log_assignment(hello, channel, id);
        }
        if (id == 0) ++declined;
        return id;
    };
    config.descriptor_stream_id =
        grant(descriptor, descriptor_channel, &Assignment::descriptor_stream_id, descriptor_ids_);
    config.control_stream_id = grant(progress, control_channel, &Assignment::control_stream_id, control_ids_);
    if (config.descriptor_stream_id != 0) config.descriptor_channel = descriptor_channel;
    if (config.control_stream_id != 0) config.control_channel = control_channel;
    return config;
}

void ConsumerStreams::release(std::uint64_t lease_id) noexcept {
    const auto found = by_lease_.find(lease_id);
    if (found == by_lease_.end()) return;
    if (found->second.descriptor_stream_id != 0) descriptor_ids_.release(found->second.descriptor_stream_id);
    if (found->second.control_stream_id != 0) control_ids_.release(found->second.control_stream_id);
    by_lease_.erase(found);
}

std::vector<DriverAssignedStreams> ConsumerStreams::assigned() const {
    std::vector<DriverAssignedStreams> all;
    for (const auto& [lease_id, assignment] : by_lease_) {
        if (assignment.descriptor_stream_id == 0 && assignment.control_stream_id == 0) continue;
        all.push_back(
            {assignment.consumer_id, assignment.descriptor_stream_id, assignment.control_stream_id});
    }
    return all;
}

}  // namespace tensorpool::driver
