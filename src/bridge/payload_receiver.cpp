// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "bridge/payload_receiver.hpp"

#include "base/log.hpp"
#include "bridge/chunk.hpp"
#include "bridge/crc32c.hpp"
#include "bridge/forwarding.hpp"
#include "control/codec.hpp"
#include "messaging/channel_uri.hpp"

#include <tensorpool/error.hpp>

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <exception>
#include <limits>

namespace tensorpool::bridge {
namespace {

constexpr int kControlLimit = 16;
constexpr int kChunkLimit = 1024;

std::uint32_t number(std::string_view uri, std::string_view key, std::string_view text) {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value == 0 ||
        value > static_cast<std::uint32_t>(std::numeric_limits<std::int32_t>::max())) {
        throw Error(
            ErrorCode::InvalidConfig,
            fmt::format("payload fallback \"{}\": {} is not a stream id; choose 1 ... 2147483647", uri, key));
    }
    return value;
}

AssemblerOptions assembler_options(const FallbackOptions& options) {
    AssemblerOptions assembler;
    assembler.crc32c = options.integrity_crc32c;
    assembler.timeout_ns = options.assembly_timeout_ns;
    assembler.frames_in_flight = PrivateStream::kFramesInFlight;
    return assembler;
}

}  // namespace

FallbackAddress FallbackAddress::parse(std::string_view uri) {
    const auto params = messaging::ChannelUri::parse(uri).params;  // well-formed, nothing twice
    const auto elsewhere = params.find("control-endpoint");
    FallbackAddress address;
    const std::size_t question = uri.find('?');
    address.channel = address.control_channel = uri.substr(0, question);
    char before = '?';
    for (std::size_t at = question; at != std::string_view::npos;) {
        const std::size_t end = uri.find('|', at + 1);
        const std::string_view param = uri.substr(at + 1, end == std::string_view::npos ? end : end - at - 1);
        const std::string_view key = param.substr(0, param.find('='));
        const std::string_view value = param.substr(key.size() + 1);
        at = end;
        if (key == "stream-id") {
            address.payload_stream_id = static_cast<std::int32_t>(number(uri, key, value));
        } else if (key == "control-stream-id") {
            address.control_stream_id = static_cast<std::int32_t>(number(uri, key, value));
        } else if (key == "tensor-stream-id") {
            address.tensor_stream_id = number(uri, key, value);
        } else if (key != "control-endpoint") {
            const bool replaced = key == "endpoint" && elsewhere != params.end();
            address.channel += fmt::format("{}{}", before, param);
            address.control_channel += replaced ? fmt::format("{}endpoint={}", before, elsewhere->second)
                                                : fmt::format("{}{}", before, param);
            before = '|';
        }
    }
    if (address.control_stream_id == 0) {
        if (address.payload_stream_id == std::numeric_limits<std::int32_t>::max())
            throw Error(ErrorCode::InvalidConfig,
                        fmt::format("payload fallback \"{}\": give control-stream-id", uri));
        address.control_stream_id = address.payload_stream_id + 1;
    }
    return address;
}

PayloadReceiver::PayloadReceiver(messaging::Client& transport, const FallbackAddress& address,
                                 std::uint32_t stream_id, const FallbackOptions& options)
    : transport_(transport),
      stream_id_(address.tensor_stream_id != 0 ? address.tensor_stream_id : stream_id),
      max_memory_bytes_(options.max_memory_bytes),
      assembler_(assembler_options(options), stream_, counters_),
      payload_(transport.add_subscription(address.channel, address.payload_stream_id)),
      control_(transport.add_subscription(address.control_channel, address.control_stream_id)) {
    if (options.integrity_crc32c && !crc32c_available())
        throw Error(ErrorCode::Unsupported, "payload fallback: this build has no CRC32C (ISA-L)");
}

int PayloadReceiver::do_work(Nanos now_ns) noexcept {
    now_ns_ = now_ns;
    int work = transport_.do_work(now_ns);
    // Announces before chunks: a frame of a new epoch is refused until its announce was read.
    work += control_->poll([this](const messaging::Message& message) { on_control(message.bytes); },
                           kControlLimit);
    work +=
        payload_->poll([this](const messaging::Message& message) { on_chunk(message.bytes); }, kChunkLimit);
    return work + assembler_.expire(now_ns);
}

void PayloadReceiver::wait(Nanos timeout_ns) noexcept {
    const std::array<messaging::Subscription*, 2> both{payload_.get(), control_.get()};
    transport_.wait(both, timeout_ns);
}

void PayloadReceiver::on_control(std::span<const std::byte> message) {
    const Envelope envelope = open_envelope(message);
    if (envelope.kind == Forwarded::Invalid) ++counters_.messages_invalid;
    if (envelope.kind != Forwarded::Announce || envelope.stream_id != stream_id_) return;
    control::PoolAnnounce announce;
    if (control::decode(message, announce) != control::DecodeResult::Ok) return;
    const Assembler::Announced what = assembler_.on_announce(announce);
    if (what != Assembler::Announced::First && what != Assembler::Announced::NewEpoch) return;
    try {
        stream_.open(announce, max_memory_bytes_);
        refusal_.clear();
    } catch (const std::exception& error) {
        stream_.close();
        refusal_ = error.what();
        base::log(LogLevel::Warn, "Consumer", "{}", refusal_);
    }
}

void PayloadReceiver::on_chunk(std::span<const std::byte> message) noexcept {
    Chunk chunk;
    if (decode_chunk(message, chunk) != ChunkDecode::Ok) {
        ++counters_.messages_invalid;
        return;
    }
    if (chunk.block.stream_id == stream_id_) assembler_.on_chunk(chunk, now_ns_);
}

std::string PayloadReceiver::last_error() const {
    if (!refusal_.empty()) return refusal_;
    return epoch() == 0 ? fmt::format("no announce of stream {} has arrived on {} stream {} yet", stream_id_,
                                      control_->channel(), control_->stream_id())
                        : std::string();
}

}  // namespace tensorpool::bridge
