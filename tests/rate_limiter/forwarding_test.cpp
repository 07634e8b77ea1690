// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// Metadata, progress and QoS of the source, as the destination's consumers see them.

#include "rate_limiter/rate_limiter_fixture.hpp"

#include <gmock/gmock.h>

namespace tensorpool::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ForwardingTest : public RateLimiterTest, private control::ControlHandler {
protected:
    ForwardingTest() {
        options.qos.reset();  // its own reports would be among what is looked at
        options.mappings.push_back({kSource, kDest + 1, 0, 0});
    }
    void start() {
        start_driver();
        start_source();
        start_limiter();
    }
    void listen(const Endpoint& at) {
        if (!context_) context_ = new_context();
        subscription_ = context_->messaging().add_subscription(at.channel, at.stream_id);
    }
    void pump() {
        step();
        dispatcher_.poll(*subscription_, 100);
    }

    std::vector<control::DataSourceAnnounce> announces;
    std::vector<control::DataSourceMeta> metas;
    std::vector<control::FrameProgress> progress;
    std::vector<control::QosProducer> producers;
    std::vector<control::QosConsumer> qos_consumers;

private:
    void on_data_source_announce(const control::DataSourceAnnounce& m, const messaging::Message&) override {
        if (m.stream_id != kSource) announces.push_back(m);
    }
    void on_data_source_meta(const control::DataSourceMeta& m, const messaging::Message&) override {
        if (m.stream_id != kSource) metas.push_back(m);
    }
    void on_frame_progress(const control::FrameProgress& m, const messaging::Message&) override {
        progress.push_back(m);
    }
    void on_qos_producer(const control::QosProducer& m, const messaging::Message&) override {
        producers.push_back(m);
    }
    void on_qos_consumer(const control::QosConsumer& m, const messaging::Message&) override {
        qos_consumers.push_back(m);
    }

    std::unique_ptr<Context> context_;
    std::unique_ptr<messaging::Subscription> subscription_;
    control::ControlDispatcher dispatcher_{*this};
};

// spec: RATE-030 RATE-031 RATE-032 RATE-033
TEST_F(ForwardingTest, PassesMetadataOnUnderTheNumberOfEachMapping) {
    options.mappings[1].metadata_stream_id = 9999;
    listen(*options.metadata);
    start();
    control::DataSourceAnnounce announce;
    announce.stream_id = kSource;
    announce.producer_id = 5;
    announce.epoch = 77;
    announce.meta_version = 12;
    announce.name = "camera-1";
    announce.summary = "a camera";
    control::DataSourceMeta meta;
    meta.stream_id = kSource;
    meta.meta_version = 12;
    meta.timestamp_ns = 34;
    meta.attributes = {{"gain", "text/plain", "3"}};
    send(*options.metadata, announce);
    send(*options.metadata, meta);
    announce.stream_id = 4711;
    send(*options.metadata, announce);
    pump();
    std::erase_if(announces, [](const auto& a) { return a.stream_id == 4711; });  // not ours, not forwarded
    ASSERT_THAT(announces, SizeIs(2));
    EXPECT_EQ(announces[0].stream_id, kDest);
    EXPECT_EQ(announces[1].stream_id, 9999U) << "trap 4";
    for (const auto& a : announces) {
        EXPECT_EQ(a.meta_version, 12U);
        EXPECT_EQ(a.epoch, 77U);
        EXPECT_EQ(a.producer_id, 5U);
        EXPECT_EQ(a.name, "camera-1");
        EXPECT_EQ(a.summary, "a camera");
    }
    ASSERT_THAT(metas, SizeIs(2));
    EXPECT_EQ(metas[0].stream_id, kDest);
    EXPECT_EQ(metas[0].meta_version, 12U);
    EXPECT_EQ(metas[0].timestamp_ns, 34U);
    EXPECT_EQ(metas[0].attributes, meta.attributes);
    EXPECT_EQ(counters().metadata_forwarded, 2U);
}

// spec: RATE-034
TEST_F(ForwardingTest, PassesNoMetadataOnWhenToldNotTo) {
    const Endpoint metadata = *options.metadata;
    options.metadata.reset();
    listen(metadata);
    start();
    control::DataSourceAnnounce announce;
    announce.stream_id = kSource;
    send(metadata, announce);
    pump();
    EXPECT_THAT(announces, IsEmpty());
}

// spec: RATE-035 RATE-036 RATE-037 RATE-038 RATE-039 RATE-040 RATE-041
TEST_F(ForwardingTest, PassesProgressOnExceptOfFramesThatWereDropped) {
    options.mappings = {{kSource, kDest, 1, 0}};
    options.source_progress = Endpoint{"aeron:ipc?term-length=4m", 1400};
    options.dest_progress = Endpoint{"aeron:ipc?term-length=4m", 1401};
    listen(*options.dest_progress);
    start();
    add_consumer(kDest, 500, 0, 0);
    control::FrameProgress message;
    message.stream_id = kSource;
    message.epoch = source->epoch();
    message.seq = 0;
    message.payload_bytes_filled = 50;
    message.state = FrameProgressState::Progress;
    send(*options.source_progress, message);
    pump();
    ASSERT_THAT(progress, SizeIs(1));
    EXPECT_EQ(progress[0].stream_id, kDest);
    EXPECT_EQ(progress[0].seq, 0U);
    EXPECT_EQ(progress[0].epoch, source->epoch()) << "the source's (trap 12)";
    EXPECT_EQ(progress[0].payload_bytes_filled, 50U);
    EXPECT_EQ(progress[0].state, FrameProgressState::Progress);
    EXPECT_THAT(received, IsEmpty()) << "only a descriptor makes a frame available";

    for (int i = 0; i < 5; ++i) publish();
    pump();
    ASSERT_THAT(seqs(), ElementsAre(4));
    message.stream_id = kDest;
    send(*options.source_progress, message);  // of no source of ours
    message.stream_id = kSource;
    message.seq = 3;  // dropped
    send(*options.source_progress, message);
    message.seq = 4;
    message.state = FrameProgressState::Complete;
    send(*options.source_progress, message);
    message.seq = 5;  // not known yet
    send(*options.source_progress, message);
    pump();
    ASSERT_THAT(progress, SizeIs(3));
    EXPECT_EQ(progress[1].seq, 4U);
    EXPECT_EQ(progress[2].seq, 5U);
    EXPECT_EQ(counters().progress_suppressed, 1U);
    EXPECT_EQ(counters().progress_forwarded, 3U);
}

// spec: RATE-042 RATE-043 RATE-044 RATE-045
TEST_F(ForwardingTest, PassesQosOnOnceForEachMapping) {
    options.source_qos = Endpoint{"aeron:ipc?term-length=4m", 1250};
    options.dest_qos = Endpoint{"aeron:ipc?term-length=4m", 1251};
    listen(*options.dest_qos);
    start();
    control::QosProducer produced;
    produced.stream_id = kSource;
    produced.producer_id = 5;
    produced.epoch = 77;
    produced.current_seq = 123;
    send(*options.source_qos, produced);
    control::QosConsumer consumed;
    consumed.stream_id = kSource;
    consumed.consumer_id = 6;
    consumed.drops_gap = 9;
    send(*options.source_qos, consumed);
    consumed.stream_id = 4711;
    send(*options.source_qos, consumed);
    pump();
    ASSERT_THAT(producers, SizeIs(2));
    EXPECT_EQ(producers[0].stream_id, kDest);
    EXPECT_EQ(producers[1].stream_id, kDest + 1) << "both mappings of one source (trap 14)";
    EXPECT_EQ(producers[0].producer_id, 5U);
    EXPECT_EQ(producers[0].epoch, 77U);
    EXPECT_EQ(producers[0].current_seq, 123U);
    ASSERT_THAT(qos_consumers, SizeIs(2));
    EXPECT_EQ(qos_consumers[0].stream_id, kDest);
    EXPECT_EQ(qos_consumers[0].drops_gap, 9U);
    EXPECT_EQ(counters().qos_forwarded, 2U);
}

TEST_F(ForwardingTest, DoesNotPassItsOwnReportsOff) {
    options.qos = options.source_qos = Endpoint{"aeron:ipc?term-length=4m", 1250};
    options.dest_qos = Endpoint{"aeron:ipc?term-length=4m", 1251};
    options.mappings.pop_back();
    listen(*options.dest_qos);
    const auto peer = new_context();
    const auto reports = peer->messaging().add_subscription(options.qos->channel, options.qos->stream_id);
    start();
    for (int i = 0; i < 300; ++i) {
        pump();
        step(10 * kNanosPerMilli);
    }
    EXPECT_GT(reports->poll([](const messaging::Message&) {}, 100), 0) << "it does report";
    EXPECT_THAT(qos_consumers, IsEmpty())
        << "the limiter is a consumer of the source, not of the destination";
}

}  // namespace
}  // namespace tensorpool::test
