// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "control/dispatcher.hpp"
#include "support/raw_stream.hpp"

#include <tensorpool/producer.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <vector>

namespace tensorpool::test {

/// A standalone producer of byte frames, and everything it says, on a manual clock. The header ring is looked
/// at through a mapping of its own.
class ProducerFixture : private control::ControlHandler {
public:
    static constexpr std::uint32_t kStream = 10000;
    static constexpr std::uint32_t kSlots = 8;

    explicit ProducerFixture(const std::function<void(ProducerOptions&)>& adjust = {})
        : context(context_in(dir, clock)), listener_(context_in(dir, clock)) {
        options.stream_id = kStream;
        options.producer_id = 77;
        options.standalone.emplace();
        options.standalone->base_dir = dir.str();
        options.standalone->header_nslots = kSlots;
        options.standalone->pools = {{2, 4096}, {1, 256}};
        if (adjust) adjust(options);
    }

    void start() {
        producer = std::make_unique<Producer>(*context, options);
        cycle();
    }
    /// Subscribes to announces and descriptors; without it nobody listens.
    void listen() {
        announce_subscription_ = listener_->messaging().add_subscription(
            options.endpoints.announce.channel, options.endpoints.announce.stream_id);
        descriptor_subscription_ = listener_->messaging().add_subscription(
            options.endpoints.descriptor.channel, options.endpoints.descriptor.stream_id);
    }
    void cycle() {
        if (producer) producer->do_work(clock.now_ns());
        listener_->messaging().do_work(clock.now_ns());
        for (auto* subscription : {announce_subscription_.get(), descriptor_subscription_.get()}) {
            while (subscription != nullptr && dispatcher_.poll(*subscription, 64) > 0) {
            }
        }
    }
    void advance(Nanos by_ns) {
        clock.advance(by_ns);
        cycle();
    }

    [[nodiscard]] static FrameInfo bytes_info(std::uint32_t length) {
        FrameInfo info;
        info.tensor.dims[0] = static_cast<std::int32_t>(length);
        info.values_len_bytes = length;
        return info;
    }
    expected<PublishResult, ClaimError> offer(std::uint32_t length, std::byte value = std::byte{1}) {
        const std::vector<std::byte> values(length, value);
        return producer->offer(values, bytes_info(length));
    }

    /// The producer's regions as another process would see them.
    [[nodiscard]] shm::StreamMapping look() const {
        const control::PoolAnnounce& announce = announces.back();
        shm::StreamLayout layout;
        layout.stream_id = kStream;
        layout.epoch = announce.epoch;
        layout.header_nslots = announce.header_nslots;
        layout.header_uri = announce.header_region_uri;
        for (const auto& pool : announce.pools)
            layout.pools.push_back({pool.pool_id, pool.nslots, pool.stride_bytes, pool.region_uri});
        return shm::StreamMapping::open(layout, shm::PathPolicy({dir.str()}), shm::Access::ReadWrite);
    }
    [[nodiscard]] static wire::HeaderSlot slot(const shm::StreamMapping& mapping, std::uint64_t seq) {
        wire::HeaderSlot header;
        std::memcpy(&header, mapping.header_slots() + (seq % kSlots) * wire::kHeaderSlotBytes,
                    sizeof(header));
        return header;
    }

    TempDir dir;
    ManualClock clock{100 * kNanosPerSecond};
    ProducerOptions options;
    std::unique_ptr<Context> context;
    std::unique_ptr<Producer> producer;
    std::vector<control::PoolAnnounce> announces;
    std::vector<control::FrameDescriptor> descriptors;
    std::function<void(const control::FrameDescriptor&)> on_descriptor;

private:
    void on_pool_announce(const control::PoolAnnounce& announce, const messaging::Message&) override {
        announces.push_back(announce);
    }
    void on_frame_descriptor(const control::FrameDescriptor& descriptor, const messaging::Message&) override {
        descriptors.push_back(descriptor);
        if (on_descriptor) on_descriptor(descriptor);
    }

    std::unique_ptr<Context> listener_;
    std::unique_ptr<messaging::Subscription> announce_subscription_;
    std::unique_ptr<messaging::Subscription> descriptor_subscription_;
    control::ControlDispatcher dispatcher_{*this};
};

}  // namespace tensorpool::test
