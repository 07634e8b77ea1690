// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "control/publisher.hpp"
#include "messaging/embedded/embedded_client.hpp"
#include "shm/seqlock.hpp"
#include "shm/stream_files.hpp"
#include "support/manual_clock.hpp"
#include "support/temp_dir.hpp"

#include <tensorpool/consumer.hpp>
#include <tensorpool/context.hpp>

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

namespace tensorpool::test {

/// A context on embedded messaging in `dir` whose time a test turns.
inline std::unique_ptr<Context> context_in(const TempDir& dir, const Clock& clock) {
    messaging::EmbeddedOptions options;
    options.clock = &clock;
    options.dir = (dir.path() / "messaging").string();
    return std::make_unique<Context>(messaging::make_embedded_client(options), clock);
}

/// A producer made by hand: its shared memory and messages hold whatever a test wants, right or wrong.
class RawStream {
public:
    static constexpr std::uint32_t kStream = 10000;
    static constexpr std::uint32_t kSlots = 8;
    static constexpr std::uint32_t kStride = 4096;
    static constexpr std::uint32_t kProducer = 7;

    RawStream()
        : context(context_in(dir, clock)),
          announces_(
              context->messaging().add_publication(endpoints.announce.channel, endpoints.announce.stream_id)),
          descriptors_(context->messaging().add_publication(endpoints.descriptor.channel,
                                                            endpoints.descriptor.stream_id)) {
        create(1);
    }

    /// Makes the files of an epoch and takes it as the current one. The files of earlier ones stay.
    void create(std::uint64_t epoch) {
        shm::StreamCreation what;
        what.stream_id = kStream;
        what.epoch = epoch;
        what.header_nslots = kSlots;
        what.pools = {{1, kSlots, kStride, ""}, {2, kSlots, 2 * kStride, ""}};
        mapping = std::make_unique<shm::StreamMapping>(
            shm::create_stream(paths(), what, static_cast<std::uint64_t>(clock.now_ns())));
    }

    [[nodiscard]] shm::StreamPaths paths() const { return {dir.str(), "tester", "default"}; }
    [[nodiscard]] std::byte* region(std::uint16_t pool_id) const {
        std::byte* const first =
            pool_id == 0 ? mapping->header_slots() : mapping->find_pool(pool_id)->slot(0);
        return first - wire::kSuperblockBytes;
    }
    template <typename Field>
    void poke_superblock(std::uint16_t pool_id, std::size_t offset, Field value) const {
        std::memcpy(region(pool_id) + offset, &value, sizeof(value));
    }

    /// A correct announce of the current epoch, stamped now.
    [[nodiscard]] control::PoolAnnounce announce() const {
        const shm::StreamLayout& layout = mapping->layout();
        control::PoolAnnounce message;
        message.stream_id = kStream;
        message.producer_id = kProducer;
        message.epoch = layout.epoch;
        message.announce_timestamp_ns = static_cast<std::uint64_t>(clock.now_ns());
        message.header_nslots = layout.header_nslots;
        message.header_region_uri = layout.header_uri;
        for (const shm::PoolLayout& pool : layout.pools)
            message.pools.push_back({pool.pool_id, pool.nslots, pool.stride_bytes, pool.uri});
        return message;
    }
    void send(const control::PoolAnnounce& message) { ASSERT_TRUE(announces_.send(message)); }
    /// Refreshes the activity stamps and announces, as an owner does every period.
    void send_announce() {
        mapping->touch_activity(static_cast<std::uint64_t>(clock.now_ns()));
        send(announce());
    }

    /// The slot a producer would write for a 2 x 3 frame of bytes.
    [[nodiscard]] static wire::HeaderSlot header_for(std::uint64_t seq) {
        wire::HeaderSlot slot{};
        slot.slot.seq_commit = shm::committed_word(seq);
        slot.slot.values_len_bytes = 6;
        slot.slot.payload_slot = static_cast<std::uint32_t>(seq % kSlots);
        slot.slot.pool_id = 1;
        slot.slot.timestamp_ns = 1000 + seq;
        slot.slot.meta_version = 3;
        slot.header_bytes_length = wire::kHeaderBytesLength;
        slot.tensor_message = {sizeof(wire::TensorHeader), wire::kTensorHeaderTemplateId,
                               wire::kControlSchemaId, wire::kControlSchemaVersion};
        slot.tensor.dtype = Dtype::UInt8;
        slot.tensor.major_order = MajorOrder::Row;
        slot.tensor.ndims = 2;
        slot.tensor.dims[0] = 2;
        slot.tensor.dims[1] = 3;
        return slot;
    }
    void write(std::uint64_t seq, const wire::HeaderSlot& slot) const {
        std::memcpy(mapping->header_slots() + (seq % kSlots) * wire::kHeaderSlotBytes, &slot, sizeof(slot));
    }
    [[nodiscard]] std::byte* payload(std::uint64_t seq, std::uint16_t pool_id = 1) const {
        return mapping->find_pool(pool_id)->slot(static_cast<std::uint32_t>(seq % kSlots));
    }
    [[nodiscard]] control::FrameDescriptor descriptor(std::uint64_t seq) const {
        control::FrameDescriptor message;
        message.stream_id = kStream;
        message.epoch = mapping->layout().epoch;
        message.seq = seq;
        return message;
    }
    void send(const control::FrameDescriptor& message) { ASSERT_TRUE(descriptors_.send(message)); }

    /// Writes a frame whose payload bytes all equal seq, then its descriptor.
    void publish(std::uint64_t seq) { publish(seq, header_for(seq)); }
    void publish(std::uint64_t seq, const wire::HeaderSlot& slot) {
        std::memset(payload(seq), static_cast<int>(seq & 0xff), kStride);
        write(seq, slot);
        send(descriptor(seq));
    }

    TempDir dir;
    ManualClock clock{100 * kNanosPerSecond};
    StreamEndpoints endpoints;
    std::unique_ptr<Context> context;
    std::unique_ptr<shm::StreamMapping> mapping;

private:
    control::ControlPublisher announces_;
    control::ControlPublisher descriptors_;
};

/// A consumer of a RawStream, without a driver.
class RawStreamReader {
public:
    explicit RawStreamReader(RawStream& stream, const std::function<void(ConsumerOptions&)>& adjust = {})
        : stream_(stream),
          context(context_in(stream.dir, stream.clock)),
          consumer(*context, options(stream, adjust)) {
        // Join everything, also with publications that exist already.
        cycle();
        stream.context->messaging().do_work(stream.clock.now_ns());
        cycle();
    }

    void cycle() {
        consumer.do_work(stream_.clock.now_ns());
        consumer.poll([this](const Frame& frame) {
            seqs.push_back(frame.seq());
            if (on_frame) on_frame(frame);
        });
    }
    void map() {
        stream_.send_announce();
        cycle();
    }
    void advance(Nanos by_ns) {
        stream_.clock.advance(by_ns);
        cycle();
    }
    [[nodiscard]] const ConsumerCounters& counters() const { return consumer.counters(); }

private:
    static ConsumerOptions options(const RawStream& stream,
                                   const std::function<void(ConsumerOptions&)>& adjust) {
        ConsumerOptions options;
        options.stream_id = RawStream::kStream;
        options.use_driver = false;
        options.allowed_base_dirs = {stream.dir.str()};
        if (adjust) adjust(options);
        return options;
    }
    RawStream& stream_;

public:
    std::unique_ptr<Context> context;
    Consumer consumer;
    std::vector<std::uint64_t> seqs;  // delivered
    std::function<void(const Frame&)> on_frame;
};

}  // namespace tensorpool::test
