// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// Any bytes as a discovery message: the decoders refuse them, or decode them into something that encodes and
// decodes to the same message again.

#include "control/discovery_messages.hpp"
#include "fuzz/check.hpp"

#include <cstdint>
#include <tuple>
#include <vector>

namespace tensorpool::control {
namespace {

template <typename Message>
bool round_trip(std::span<const std::byte> bytes) {
    Message message;
    if (decode(bytes, message) != DecodeResult::Ok) return false;
    std::vector<std::byte> first(std::size_t{1} << 20);
    first.resize(encode(first, message));
    if (first.empty()) return true;  // larger than any message we send
    Message again;
    FUZZ_CHECK(decode(std::span<const std::byte>(first), again) == DecodeResult::Ok);
    FUZZ_CHECK(again == message);
    return true;
}

}  // namespace
}  // namespace tensorpool::control

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace tensorpool;
    // Exactly as large as the message: one byte further is a finding.
    const std::vector<std::uint8_t> exact(data, data + size);
    const auto bytes = std::as_bytes(std::span(exact));
    const bool request = control::round_trip<control::DiscoveryRequest>(bytes);
    const bool response = control::round_trip<control::DiscoveryResponse>(bytes);
    FUZZ_CHECK(!(request && response));
    control::DiscoveryResponse decoded;
    if (response && control::decode(bytes, decoded) == control::DecodeResult::Ok) {
        for (const auto& result : decoded.results) {
            if (control::invalid_reason(result)) continue;
            FUZZ_CHECK(!result.driver_control_channel.empty() && result.driver_control_stream_id != 0);
            for (const auto& pool : result.pools) FUZZ_CHECK(pool.nslots == result.header_nslots);
        }
    }
    return 0;
}
