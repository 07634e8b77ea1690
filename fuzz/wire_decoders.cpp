// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// Any bytes as one message: every decoder refuses it, or decodes it into something that encodes and decodes
// to the same message again.

#include "control/dispatcher.hpp"
#include "fuzz/check.hpp"
#include "wire/frame_descriptor.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace tensorpool::control {
namespace {

template <typename Message>
std::vector<std::byte> encoded(const Message& message) {
    std::vector<std::byte> bytes(std::size_t{1} << 17);
    bytes.resize(encode(bytes, message));
    return bytes;
}

template <typename Message>
void round_trip(const Message& message) {
    const std::vector<std::byte> first = encoded(message);
    if (first.empty()) return;  // larger than any message we send
    Message again;
    FUZZ_CHECK(decode(first, again) == DecodeResult::Ok);
    FUZZ_CHECK(encoded(again) == first);
}

class RoundTrip final : public ControlHandler {
public:
    void on_pool_announce(const PoolAnnounce& m, const messaging::Message&) override {
        round_trip(m);
        if (invalid_reason(m)) return;
        FUZZ_CHECK(!m.pools.empty() && m.header_nslots > 0);
    }
    void on_consumer_hello(const ConsumerHello& m, const messaging::Message&) override {
        round_trip(m);
        std::ignore = invalid_reason(m);
    }
    void on_consumer_config(const ConsumerConfig& m, const messaging::Message&) override { round_trip(m); }
    void on_frame_descriptor(const FrameDescriptor& m, const messaging::Message&) override { round_trip(m); }
    void on_frame_progress(const FrameProgress& m, const messaging::Message&) override { round_trip(m); }
    void on_qos_consumer(const QosConsumer& m, const messaging::Message&) override { round_trip(m); }
    void on_qos_producer(const QosProducer& m, const messaging::Message&) override { round_trip(m); }
    void on_data_source_announce(const DataSourceAnnounce& m, const messaging::Message&) override {
        round_trip(m);
    }
    void on_data_source_meta(const DataSourceMeta& m, const messaging::Message&) override { round_trip(m); }
    void on_control_response(const ControlResponse& m, const messaging::Message&) override { round_trip(m); }
    void on_meta_blob_announce(const MetaBlobAnnounce& m, const messaging::Message&) override {
        round_trip(m);
    }
    void on_meta_blob_chunk(const MetaBlobChunk& m, const messaging::Message&) override { round_trip(m); }
    void on_meta_blob_complete(const MetaBlobComplete& m, const messaging::Message&) override {
        round_trip(m);
    }
    void on_attach_request(const AttachRequest& m, const messaging::Message&) override { round_trip(m); }
    void on_attach_response(const AttachResponse& m, const messaging::Message&) override {
        round_trip(m);
        std::ignore = invalid_reason(m);
    }
    void on_detach_request(const DetachRequest& m, const messaging::Message&) override { round_trip(m); }
    void on_detach_response(const DetachResponse& m, const messaging::Message&) override { round_trip(m); }
    void on_lease_keepalive(const LeaseKeepalive& m, const messaging::Message&) override { round_trip(m); }
    void on_driver_shutdown(const DriverShutdown& m, const messaging::Message&) override { round_trip(m); }
    void on_lease_revoked(const LeaseRevoked& m, const messaging::Message&) override {
        if (m.role && m.reason) round_trip(m);  // what we never send does not encode to itself
    }
    void on_driver_shutdown_request(const DriverShutdownRequest& m, const messaging::Message&) override {
        round_trip(m);
    }
    void on_sequence_merge_map(const SequenceMergeMap& m, const messaging::Message&) override {
        round_trip(m);
        std::ignore = fault_of(m);
    }
    void on_sequence_merge_map_request(const SequenceMergeMapRequest& m, const messaging::Message&) override {
        round_trip(m);
    }
    void on_timestamp_merge_map(const TimestampMergeMap& m, const messaging::Message&) override {
        round_trip(m);
        std::ignore = fault_of(m);
    }
    void on_timestamp_merge_map_request(const TimestampMergeMapRequest& m,
                                        const messaging::Message&) override {
        round_trip(m);
    }
};

}  // namespace
}  // namespace tensorpool::control

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace tensorpool;
    // Exactly as large as the message: one byte further is a finding.
    const std::vector<std::uint8_t> exact(data, data + size);
    const messaging::Image image{};
    const messaging::Message message{std::as_bytes(std::span(exact)), &image};
    control::RoundTrip handler;
    control::ControlDispatcher dispatcher(handler);
    dispatcher.dispatch(message);
    const control::DispatchCounters& c = dispatcher.counters();
    FUZZ_CHECK(c.dispatched + c.foreign + c.malformed + c.too_new == 1);

    // The fast path of descriptors agrees with the general one.
    wire::FrameDescriptorBlock block{};
    control::FrameDescriptor slow;
    const bool fast_ok = wire::decode_frame_descriptor(message.bytes, block);
    FUZZ_CHECK(fast_ok == (control::decode(message.bytes, slow) == control::DecodeResult::Ok));
    if (fast_ok)
        FUZZ_CHECK(block.seq == slow.seq && block.epoch == slow.epoch && block.stream_id == slow.stream_id);
    return 0;
}
