// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// Any text as a channel of a stranger: of a consumer's hello, of a payload fallback. What is accepted is what
// the messaging can take, and what is refused is refused by an Error that fits one line.

#include "bridge/payload_receiver.hpp"
#include "fuzz/check.hpp"
#include "messaging/channel_uri.hpp"

#include <tensorpool/error.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace tensorpool {
namespace {

template <typename Parse>
auto parsed(Parse&& parse) -> std::optional<decltype(parse())> {
    try {
        return parse();
    } catch (const Error& error) {
        FUZZ_CHECK(error.code() == ErrorCode::InvalidConfig);
        FUZZ_CHECK(!std::string_view(error.what()).empty());
        return std::nullopt;
    }
}

void check_channel(std::string_view text) {
    const auto uri = parsed([&] { return messaging::ChannelUri::parse(text); });
    const bool served = messaging::is_consumer_channel(text, false);
    const bool served_here = messaging::is_consumer_channel(text, true);
    FUZZ_CHECK(!served_here || served);
    FUZZ_CHECK(!served || uri);
    if (!uri) return;
    FUZZ_CHECK(uri->media == "ipc" || uri->media == "udp");
    FUZZ_CHECK(!served_here || uri->media == "ipc");
    for (const auto& param : uri->params) {
        FUZZ_CHECK(!param.first.empty() && !param.second.empty());
        parsed([&] { return uri->size_bytes(param.first); });
    }
    const auto term = parsed([&] { return uri->term_length_bytes(); });
    if (served) FUZZ_CHECK(term && term->value_or(0) <= messaging::kMaxConsumerTermBytes);
}

void check_fallback(std::string_view text) {
    const auto address = parsed([&] { return bridge::FallbackAddress::parse(text); });
    if (!address) return;
    FUZZ_CHECK(messaging::is_payload_fallback(text));
    FUZZ_CHECK(address->payload_stream_id > 0 && address->control_stream_id > 0);
    // What is left is a channel again, and nothing of ours is left in it.
    for (const std::string& channel : {address->channel, address->control_channel}) {
        const auto uri = parsed([&] { return messaging::ChannelUri::parse(channel); });
        FUZZ_CHECK(uri.has_value());
        for (const char* ours : {"stream-id", "control-stream-id", "control-endpoint", "tensor-stream-id"})
            FUZZ_CHECK(!uri->params.contains(ours));
    }
}

}  // namespace
}  // namespace tensorpool

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    tensorpool::check_channel(text);
    tensorpool::check_fallback(text);
    return 0;
}
