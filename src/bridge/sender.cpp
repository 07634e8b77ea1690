// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "bridge/sender.hpp"

#include "base/log.hpp"
#include "base/racy_copy.hpp"
#include "wire/frame_descriptor.hpp"

#include <algorithm>
#include <span>
#include <utility>

namespace tensorpool::bridge {
namespace {

constexpr std::string_view kModule = "Bridge";
constexpr int kLocalLimit = 16;
constexpr int kFrameLimit = 4;

ConsumerOptions consumer_options(const BridgeOptions& options, const Route& route) {
    ConsumerOptions consumer;
    consumer.stream_id = route.mapping.source_stream_id;
    consumer.endpoints = options.local;
    consumer.use_driver = options.source_uses_driver;
    consumer.allowed_base_dirs = options.allowed_base_dirs;
    consumer.keepalive_interval_ns = options.keepalive_interval_ns;
    consumer.announce_period_ns = options.announce_period_ns;
    // No wish: 0 would tell a rate limiter that makes the source to let every frame through (RATE-055).
    consumer.max_rate_hz = wire::kNullU32;
    return consumer;
}

}  // namespace

Sender::Sender(Context& local, Publications& transport, const BridgeOptions& options, const Route& route)
    : options_(options),
      route_(route),
      plan_(route.limits),
      consumer_(local, consumer_options(options, route)),
      payload_(transport.at(route.payload)),
      control_(transport.at(route.control)) {
    messaging::Client& client = local.messaging();
    const StreamEndpoints& at = options.local;
    listen(client, at.announce, {.announces = true});
    if (options.forward_qos || options.forward_progress) {
        const auto stream = static_cast<std::int32_t>(route.mapping.source_control_stream_id);
        listen(client, {at.control.channel, stream}, {.control = true});
    }
    if (options.forward_qos) listen(client, at.qos, {.control = true});  // where our own roles report
    if (route.has_metadata() && (options.forward_metadata || options.forward_tracelink)) {
        metadata_ = &transport.at(route.metadata);
        listen(client, {at.metadata.channel, options.source_metadata_stream_id},
               {.metadata = options.forward_metadata, .trace_links = options.forward_tracelink});
        // Producers emit trace links on the control stream (trap 18).
        if (options.forward_tracelink) listen(client, at.control, {.trace_links = true});
    }
    if (plan_.longest_message() > payload_.max_claim_length()) staging_.resize(plan_.longest_message());
    if (plan_.largest_payload() < options.max_payload_bytes) {
        base::log(LogLevel::Info, kModule,
                  "stream {}: with chunks of {} bytes a frame may have {} bytes at most, less than "
                  "max_payload_bytes {} (65535 chunks); larger ones are refused",
                  route.mapping.source_stream_id, route.limits.most(), plan_.largest_payload(),
                  options.max_payload_bytes);
    }
}

void Sender::listen(messaging::Client& client, const Endpoint& endpoint, Interest interest) {
    const auto same = std::ranges::find_if(local_, [&](const Local& l) {
        return l.subscription->channel() == endpoint.channel &&
               l.subscription->stream_id() == endpoint.stream_id;
    });
    if (same == local_.end()) {
        local_.push_back({client.add_subscription(endpoint.channel, endpoint.stream_id), interest});
        return;
    }
    same->interest.announces |= interest.announces;
    same->interest.control |= interest.control;
    same->interest.metadata |= interest.metadata;
    same->interest.trace_links |= interest.trace_links;
}

int Sender::do_work(Nanos now_ns) noexcept {
    int work = 0;
    for (Local& local : local_) {
        work += local.subscription->poll(
            [&](const messaging::Message& message) { on_local(message.bytes, local.interest); }, kLocalLimit);
    }
    repeat_announce_to_newcomers();
    work += consumer_.do_work(now_ns);
    return work + consumer_.poll([this](const Frame& frame) { send_frame(frame); }, kFrameLimit);
}

BridgeCounters Sender::counters() const noexcept {
    BridgeCounters counters = counters_;
    const ConsumerCounters& consumer = consumer_.counters();
    counters.frames_missed = consumer.drops_gap + consumer.drops_late + consumer.skipped_resync;
    return counters;
}

// ---- beside the frames ------------------------------------------------------------------------------------

bool Sender::wanted(Forwarded kind, const Interest& interest) const noexcept {
    switch (kind) {
        case Forwarded::Announce:
            return interest.announces;
        case Forwarded::QosProducer:
        case Forwarded::QosConsumer:
            return interest.control && options_.forward_qos;
        case Forwarded::Progress:
            return interest.control && options_.forward_progress;
        case Forwarded::Metadata:
            return interest.metadata;
        case Forwarded::TraceLink:
            return interest.trace_links;
        case Forwarded::Other:
        case Forwarded::Invalid:
            break;
    }
    return false;
}

void Sender::on_local(std::span<const std::byte> message, const Interest& interest) {
    const Envelope envelope = open_envelope(message);
    if (envelope.kind == Forwarded::Invalid) ++counters_.messages_invalid;
    if (!wanted(envelope.kind, interest) || envelope.stream_id != route_.mapping.source_stream_id) return;
    if (envelope.kind == Forwarded::Announce) last_announce_.assign(message.begin(), message.end());
    forward(envelope, message);
}

void Sender::forward(const Envelope& envelope, std::span<const std::byte> message) {
    const bool beside_metadata =
        envelope.kind == Forwarded::Metadata || envelope.kind == Forwarded::TraceLink;
    std::uint32_t stream_id = beside_metadata ? route_.metadata_stream_id() : route_.wire_stream_id();
    if (envelope.kind == Forwarded::Progress && !options_.progress_under_dest_id)
        stream_id = route_.mapping.source_stream_id;  // BRG-097, trap 2
    messaging::Publication& to = beside_metadata ? *metadata_ : control_;
    if (rewriter_.send(to, message, stream_id, counters_)) count_forwarded(envelope.kind, counters_);
}

void Sender::repeat_announce_to_newcomers() noexcept {
    const bool connected = control_.is_connected();
    const bool newcomer = connected && !control_was_connected_;
    control_was_connected_ = connected;
    if (!newcomer || last_announce_.empty()) return;
    try {
        forward({Forwarded::Announce, route_.mapping.source_stream_id}, last_announce_);
    } catch (...) {  // no memory for the copy: the next announce is a second away
        ++counters_.forward_send_failures;
    }
}

// ---- one frame --------------------------------------------------------------------------------------------

void Sender::send_frame(const Frame& frame) noexcept {
    const auto length = static_cast<std::uint32_t>(frame.payload().size());
    const std::uint64_t chunks = plan_.chunks(length);
    if (length > options_.max_payload_bytes || chunks > wire::kMaxChunks) {
        ++counters_.frames_too_large;
        if (!std::exchange(warned_too_large_, true)) {
            base::log(LogLevel::Warn, kModule,
                      "stream {}: a frame of {} bytes is not sent: max_payload_bytes is {} and 65535 chunks "
                      "carry {}",
                      route_.mapping.source_stream_id, length, options_.max_payload_bytes,
                      plan_.largest_payload());
        }
        return;
    }
    if (!frame.copy_header_to(header_)) {
        ++counters_.frames_overrun;
        return;
    }
    wire::BridgeFrameChunkBlock block{};
    block.stream_id = route_.wire_stream_id();
    block.epoch = frame.epoch();
    block.seq = frame.seq();
    block.trace_id = frame.trace_id();
    block.chunk_count = static_cast<std::uint32_t>(chunks);
    block.payload_length = length;
    for (std::uint32_t index = 0; index < block.chunk_count; ++index) {
        block.chunk_index = index;
        block.chunk_offset = plan_.offset(index);
        block.chunk_length = plan_.length(index, length);
        block.header_included = index == 0 ? 1 : 0;
        if (!send_chunk(frame, block)) return;
        ++counters_.chunks_sent;
    }
    ++counters_.frames_forwarded;
}

bool Sender::send_chunk(const Frame& frame, const wire::BridgeFrameChunkBlock& block) noexcept {
    const std::size_t header_bytes = block.header_included != 0 ? header_.size() : 0;
    const std::size_t bytes = chunk_message_bytes(header_bytes, block.chunk_length);
    if (bytes <= payload_.max_claim_length()) {
        auto claim = payload_.try_claim(bytes);
        if (!claim) {
            count_refusal(claim.error());
            return false;
        }
        if (!fill(claim->bytes(), frame, block)) return false;  // the claim gives itself up
        claim->commit();
        return true;
    }
    const std::span<std::byte> message = std::span(staging_).first(bytes);
    if (!fill(message, frame, block)) return false;
    const auto sent = payload_.offer(message);
    if (!sent) count_refusal(sent.error());
    return sent.has_value();
}

bool Sender::fill(std::span<std::byte> message, const Frame& frame,
                  const wire::BridgeFrameChunkBlock& block) noexcept {
    const std::span<const std::byte> header =
        block.header_included != 0 ? std::span<const std::byte>(header_) : std::span<const std::byte>();
    const std::span<std::byte> payload = begin_chunk(message, block, header);
    if (!payload.empty()) {
        base::racy_copy_from_shared(payload.data(), frame.payload().data() + block.chunk_offset,
                                    payload.size());
    }
    // Nothing of a slot that was reused meanwhile may leave (trap 10).
    if (!frame.intact()) {
        ++counters_.frames_overrun;
        return false;
    }
    if (options_.integrity_crc32c) seal_chunk(message, header.size());
    return true;
}

void Sender::count_refusal(messaging::SendError error) noexcept {
    ++counters_.chunks_dropped;
    ++(error == messaging::SendError::NotConnected ? counters_.frames_not_connected
                                                   : counters_.frames_refused);
}

}  // namespace tensorpool::bridge
