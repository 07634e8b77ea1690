// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "bridge/receiver.hpp"

#include "base/log.hpp"
#include "control/codec.hpp"

#include <fmt/format.h>

namespace tensorpool::bridge {
namespace {

constexpr std::string_view kModule = "Bridge";

DriverSessionOptions session_options(const BridgeOptions& options, const Route& route) {
    DriverSessionOptions session;
    session.stream_id = route.dest_stream_id;
    session.role = Role::Producer;
    session.control = options.local.control;
    session.announce = options.local.announce;
    session.publish_mode = PublishMode::ExistingOrCreate;  // a static entry, or the driver's dynamic range
    session.keepalive_interval_ns = options.keepalive_interval_ns;
    session.announce_period_ns = options.announce_period_ns;
    return session;
}

ProducerOptions producer_options(const BridgeOptions& options, const Route& route) {
    ProducerOptions producer;
    producer.stream_id = route.dest_stream_id;
    producer.endpoints = options.local;
    producer.allowed_base_dirs = options.allowed_base_dirs;
    producer.max_in_flight = options.max_frames_in_flight;
    producer.reservation_timeout_ns = 0;  // the assembler has its own
    return producer;
}

AssemblerOptions assembler_options(const BridgeOptions& options, const Route& route) {
    AssemblerOptions assembler;
    assembler.most_chunk_bytes = route.limits.most();
    assembler.max_payload_bytes = options.max_payload_bytes;
    assembler.crc32c = options.integrity_crc32c;
    assembler.timeout_ns = options.assembly_timeout_ns;
    assembler.frames_in_flight = options.max_frames_in_flight;
    return assembler;
}

}  // namespace

Receiver::Receiver(Context& local, Publications& publications, const BridgeOptions& options,
                   const Route& route)
    : clock_(local.clock()),
      options_(options),
      route_(route),
      session_(local, session_options(options, route)),
      producer_(Producer::from_attach(local, session_, producer_options(options, route))),
      assembler_(assembler_options(options, route), *this, counters_),
      now_ns_(local.clock().now_ns()) {
    const StreamEndpoints& at = options.local;
    if (options.forward_qos || options.forward_progress) {
        const auto stream = static_cast<std::int32_t>(route.mapping.dest_control_stream_id);
        control_ = &publications.at({at.control.channel, stream});
    }
    if (route.has_metadata() && (options.forward_metadata || options.forward_tracelink))
        metadata_ = &publications.at(at.metadata);
}

Receiver::~Receiver() {
    if (session_.state() == SessionState::Attached) session_.await_detach(clock_.now_ns() + kNanosPerSecond);
}

int Receiver::do_work(Nanos now_ns) noexcept {
    now_ns_ = now_ns;
    int work = session_.do_work(now_ns);
    if (renewing_ && session_.state() == SessionState::Unattached) {
        session_.request_attach();
        renewing_ = false;
    }
    work += producer_.do_work(now_ns);
    // Another mapping, or none: the slots that frames were growing in are gone.
    const std::uint64_t generation = producer_.is_ready() ? producer_.generation() : 0;
    if (generation != generation_) {
        generation_ = generation;
        assembler_.on_slots_gone(now_ns);
        ++work;
    }
    return work + assembler_.expire(now_ns);
}

bool Receiver::publish(const Reservation& reservation, const FrameInfo& info) noexcept {
    switch (producer_.publish(reservation, info)) {
        case PublishResult::Published:
        case PublishResult::NotConnected:
        case PublishResult::DescriptorLost:
            return true;
        case PublishResult::InvalidFrame:
        case PublishResult::Stale:
            break;
    }
    return false;
}

// ---- what comes beside the frames
// ---------------------------------------------------------------------------

void Receiver::on_control(const Envelope& envelope, std::span<const std::byte> message) {
    switch (envelope.kind) {
        case Forwarded::Announce:
            return on_announce(message);
        case Forwarded::QosProducer:
        case Forwarded::QosConsumer:
            if (control_ != nullptr && options_.forward_qos)
                republish(*control_, envelope.kind, message, route_.dest_stream_id);
            return;
        case Forwarded::Progress:
            return on_progress(envelope, message);
        case Forwarded::Metadata:  // never on this stream (BRG-092)
        case Forwarded::TraceLink:
        case Forwarded::Other:
        case Forwarded::Invalid:
            break;
    }
}

void Receiver::on_announce(std::span<const std::byte> message) {
    control::PoolAnnounce announce;
    if (control::decode(message, announce) != control::DecodeResult::Ok) return;
    switch (assembler_.on_announce(announce)) {
        case Assembler::Announced::First:
            base::log(LogLevel::Info, kModule, "stream {} -> {}: source epoch {}",
                      route_.mapping.source_stream_id, route_.dest_stream_id, announce.epoch);
            session_.request_attach();
            return;
        case Assembler::Announced::NewEpoch:
            base::log(LogLevel::Info, kModule, "stream {} -> {}: source epoch {}, beginning a new one here",
                      route_.mapping.source_stream_id, route_.dest_stream_id, announce.epoch);
            if (session_.attachment() != nullptr) {
                session_.detach();
                renewing_ = true;
            }
            return;
        case Assembler::Announced::Same:
        case Assembler::Announced::Older:
            break;
    }
}

void Receiver::on_progress(const Envelope& envelope, std::span<const std::byte> message) {
    if (control_ == nullptr || !options_.forward_progress) return;
    if (!takes_frames() || !assembler_.is_ahead(envelope.epoch, envelope.seq, now_ns_)) {
        ++counters_.progress_dropped;
        return;
    }
    republish(*control_, Forwarded::Progress, message, route_.dest_stream_id);
}

void Receiver::on_metadata(const Envelope& envelope, std::span<const std::byte> message) {
    const bool enabled = envelope.kind == Forwarded::Metadata    ? options_.forward_metadata
                         : envelope.kind == Forwarded::TraceLink ? options_.forward_tracelink
                                                                 : false;
    if (metadata_ != nullptr && enabled)
        republish(*metadata_, envelope.kind, message, route_.metadata_stream_id());
}

void Receiver::republish(messaging::Publication& to, Forwarded kind, std::span<const std::byte> message,
                         std::uint32_t stream_id) {
    if (rewriter_.send(to, message, stream_id, counters_)) count_forwarded(kind, counters_);
}

std::string Receiver::last_error() const {
    if (assembler_.epoch() == 0) return "no announce of the source stream has arrived yet";
    return takes_frames() ? std::string() : producer_.last_error();
}

}  // namespace tensorpool::bridge
