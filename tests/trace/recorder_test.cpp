// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// A recorder beside producers, stages and a driver: what ends up in the store.

#include "client/session_harness.hpp"
#include "control/publisher.hpp"
#include "support/eventually.hpp"
#include "support/golden.hpp"
#include "system/standalone_processes.hpp"
#include "telemetry/counter_list.hpp"

#include <tensorpool/consumer.hpp>
#include <tensorpool/producer.hpp>
#include <tensorpool/trace_store.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>

namespace tensorpool::test {
namespace {

using ::testing::ElementsAre;
using ::testing::Gt;
using ::testing::UnorderedElementsAre;

/// One traced standalone stream.
struct TracedStream {
    TracedStream(Context& context, const TempDir& dir, std::uint32_t stream_id, std::uint32_t node_id)
        : producer(context, options(dir, stream_id)), tracer(context, tracing(stream_id, node_id)) {
        tracer.set_output(producer.epoch(), producer.node_id());
    }
    static ProducerOptions options(const TempDir& dir, std::uint32_t stream_id) {
        ProducerOptions options = producer_options_in(dir, 64);
        options.stream_id = stream_id;
        options.producer_id = stream_id + 5;
        options.announce_period_ns = 10 * kNanosPerMilli;
        return options;
    }
    static TracerOptions tracing(std::uint32_t stream_id, std::uint32_t node_id) {
        TracerOptions options;
        options.stream_id = stream_id;
        options.node_id = node_id;
        return options;
    }
    /// Publishes one frame with this id; its seq.
    std::uint64_t publish(std::uint64_t trace_id, std::uint64_t t_ns = 0) {
        const std::vector<std::byte> values(kFrameBytes, std::byte{1});
        FrameInfo info = frame_info();
        info.trace_id = trace_id;
        info.timestamp_ns = t_ns;
        const std::uint64_t seq = producer.next_seq();
        EXPECT_TRUE(producer.offer(values, info).has_value());
        return seq;
    }
    void cycle() {
        producer.do_work(monotonic_now_ns());
        tracer.do_work(monotonic_now_ns());
    }

    Producer producer;
    Tracer tracer;
};

class RecorderTest : public ::testing::Test {
protected:
    RecorderTest() { start(); }

    [[nodiscard]] std::string db() const { return files_.str() + "/run.db"; }
    void start() {
        recorder.reset();
        store.emplace(TraceStoreOptions{.path = db()});
        TraceRecorderOptions options;
        options.allowed_base_dirs = {dir_.str()};
        options.batch_ns = kNanosPerMilli;
        options.untraced = untraced_;
        recorder.emplace(listening_, *store, options);
    }
    template <typename Condition>
    [[nodiscard]] bool run_until(Condition&& condition) {
        return eventually([&] {
            for (TracedStream* stream : streams) stream->cycle();
            recorder->do_work(monotonic_now_ns());
            return condition();
        });
    }
    [[nodiscard]] bool recorded(std::uint64_t frames, std::uint64_t links) {
        return run_until([&] {
            const auto totals = TraceReader(db()).totals();
            return totals.frames >= frames && totals.links >= links;
        });
    }
    /// The recorder hears this stream's descriptors and reads its slots.
    [[nodiscard]] bool joined(TracedStream& stream) {
        streams.push_back(&stream);
        return run_until([&] {
            const std::uint64_t before = recorder->counters().slots_read;
            stream.publish(stream.tracer.mint());
            recorder->do_work(monotonic_now_ns());
            return recorder->counters().slots_read > before;
        });
    }

    TempDir dir_;
    TempDir files_{false};
    Context publishing{context_options_in(dir_)};
    Context listening_{context_options_in(dir_)};
    bool untraced_ = false;
    std::optional<TraceStore> store;
    std::optional<TraceRecorder> recorder;
    std::vector<TracedStream*> streams;
};

// spec: TRACE-012 TRACE-013 TRACE-014 TRACE-015 TRACE-026
TEST_F(RecorderTest, TheLineageOfAJoinedFrameNamesTheExactFramesOfThreeCameras) {
    TracedStream camera1(publishing, dir_, 10001, 1);
    TracedStream camera2(publishing, dir_, 10002, 2);
    TracedStream camera3(publishing, dir_, 10003, 3);
    TracedStream filtered(publishing, dir_, 20003, 4);  // 1->1 of camera 3
    TracedStream joined_stream(publishing, dir_, 30001, 5);
    for (TracedStream* stream : {&camera1, &camera2, &camera3, &filtered, &joined_stream})
        ASSERT_TRUE(joined(*stream));

    struct Round {
        std::array<std::uint64_t, 3> inputs;
        std::uint64_t filtered;
        std::uint64_t output;
        std::uint64_t id;
    };
    std::vector<Round> rounds;
    for (std::uint64_t i = 0; i < 20; ++i) {
        std::array<std::uint64_t, 3> ids{};
        Round round{};
        const std::uint64_t t = 1'000'000 + i;
        std::size_t n = 0;
        for (TracedStream* camera : {&camera1, &camera2, &camera3}) {
            ids[n] = camera->tracer.mint();
            round.inputs[n] = camera->publish(ids[n], t);
            ++n;
        }
        round.filtered = filtered.publish(filtered.tracer.carry(ids[2]), t);
        round.id = joined_stream.tracer.mint();
        round.output = joined_stream.publish(round.id, t + 1);
        ASSERT_EQ(joined_stream.tracer.link(round.output, round.id, ids), LinkResult::Queued);
        rounds.push_back(round);
    }
    ASSERT_TRUE(recorded(5 * 21, 60));

    const TraceReader reader(db());
    for (const Round& round : rounds) {
        const auto id = reader.trace_of(30001, joined_stream.producer.epoch(), round.output);
        ASSERT_EQ(id, round.id);
        const Lineage lineage = reader.lineage({.trace_id = *id});
        ASSERT_EQ(lineage.nodes.size(), 4U);
        std::vector<std::pair<std::uint32_t, std::uint64_t>> frames;
        for (const LineageNode& node : lineage.nodes) {
            for (const TracedFrame& frame : node.frames) {
                frames.emplace_back(frame.stream_id, frame.seq);
                EXPECT_EQ(frame.status, TraceFrameStatus::Ok);
                EXPECT_EQ(frame.stage_id, frame.stream_id + 5) << "announces say who produces";
            }
        }
        EXPECT_THAT(frames, UnorderedElementsAre(
                                std::pair(30001U, round.output), std::pair(10001U, round.inputs[0]),
                                std::pair(10002U, round.inputs[1]), std::pair(10003U, round.inputs[2]),
                                std::pair(20003U, round.filtered)));
    }
    EXPECT_EQ(recorder->counters().messages_lost_bytes, 0U);
    EXPECT_EQ(recorder->counters().messages_invalid, 0U);
}

// spec: TRACE-033
TEST_F(RecorderTest, LeavesOutUntracedFramesUnlessAskedTo) {
    TracedStream camera(publishing, dir_, 10001, 1);
    ASSERT_TRUE(joined(camera));
    const std::uint64_t untraced = camera.publish(0);
    const std::uint64_t traced = camera.publish(camera.tracer.mint());
    ASSERT_TRUE(run_until(
        [&] { return TraceReader(db()).trace_of(10001, camera.producer.epoch(), traced).has_value(); }));
    EXPECT_EQ(TraceReader(db()).trace_of(10001, camera.producer.epoch(), untraced), std::nullopt);
    EXPECT_EQ(recorder->counters().frames_untraced, 1U);

    untraced_ = true;
    start();
    ASSERT_TRUE(joined(camera));
    const std::uint64_t again = camera.publish(0);
    EXPECT_TRUE(run_until([&] {
        return TraceReader(db()).trace_of(10001, camera.producer.epoch(), again) == std::uint64_t{0};
    }));
}

// spec: TRACE-019
TEST_F(RecorderTest, AConsumerThatKnowsNothingOfTracingReadsTracedFramesAsBefore) {
    TracedStream camera(publishing, dir_, 10001, 1);
    ConsumerOptions options = consumer_options_in(dir_);
    options.stream_id = 10001;
    Consumer consumer(listening_, options);
    streams.push_back(&camera);
    ASSERT_TRUE(run_until([&] {
        consumer.do_work(monotonic_now_ns());
        camera.publish(camera.tracer.mint());
        camera.publish(0);
        std::uint64_t id = 1;
        return consumer.poll([&](const Frame& frame) { id = frame.intact() ? frame.trace_id() : 1; }) > 1;
    }));
    EXPECT_EQ(consumer.counters().drops_header_invalid + consumer.counters().messages_invalid, 0U);
    EXPECT_GT(consumer.counters().frames_delivered, 1U);
}

TEST_F(RecorderTest, WithoutReadableSlotsItKeepsTheTimeOfReceipt) {
    TempDir elsewhere;
    TraceRecorderOptions options;
    options.allowed_base_dirs = {elsewhere.str()};
    options.batch_ns = kNanosPerMilli;
    recorder.emplace(listening_, *store, options);
    TracedStream camera(publishing, dir_, 10001, 1);
    streams.push_back(&camera);
    ASSERT_TRUE(run_until([&] {
        camera.publish(camera.tracer.mint(), 77);
        return TraceReader(db()).totals().frames > 0;
    }));
    const auto frames = TraceReader(db()).newest_frames(10001, 1);
    ASSERT_EQ(frames.size(), 1U);
    EXPECT_EQ(frames[0].status, TraceFrameStatus::ReceiveTime);
    EXPECT_THAT(frames[0].t_ns, Gt(77U));
    EXPECT_EQ(recorder->counters().slots_read, 0U);
}

// spec: TRACE-020 TRACE-030
TEST_F(RecorderTest, AcceptsLinksOnTheControlAndTheMetadataStreamAndCountsWhatIsNotValid) {
    const StreamEndpoints endpoints;
    control::ControlPublisher on_control(
        publishing.messaging().add_publication(endpoints.control.channel, endpoints.control.stream_id));
    control::ControlPublisher on_metadata(
        publishing.messaging().add_publication(endpoints.metadata.channel, endpoints.metadata.stream_id));
    ASSERT_TRUE(run_until([&] {
        publishing.messaging().do_work(monotonic_now_ns());
        return on_control.is_connected() && on_metadata.is_connected();
    }));
    ASSERT_TRUE(on_control.send(control::TraceLinkSet{1, 1, 1, 50, {51}}));
    ASSERT_TRUE(on_metadata.send(control::TraceLinkSet{1, 1, 2, 60, {61, 62}}));
    const Golden without_parents = load_golden("tracelink/TraceLinkSet_nulls");
    ASSERT_TRUE(on_control.publication().offer(without_parents.bytes));
    ASSERT_TRUE(on_control.publication().offer(load_golden("merge/SequenceMergeMapRequest").bytes));
    ASSERT_TRUE(recorded(0, 3));
    ASSERT_TRUE(run_until([&] { return recorder->counters().messages_invalid == 1; }));
    EXPECT_EQ(TraceReader(db()).lineage({.trace_id = 60}).nodes[0].parents.size(), 2U);
    EXPECT_EQ(recorder->counters().link_sets, 2U);
}

/// A driver's leases on a manual clock.
class NodeRecorderTest : public ::testing::Test {
protected:
    NodeRecorderTest() {
        harness.start_driver([](DriverConfig& config) {
            config.streams.push_back({.name = "cam2", .stream_id = 10001, .profile = "raw"});
        });
        store.emplace(TraceStoreOptions{.path = files_.str() + "/run.db"});
        TraceRecorderOptions options;
        options.allowed_base_dirs = {};
        recorder.emplace(harness.add(harness.options(Role::Consumer)).context.operator*(), *store, options);
    }
    TempDir files_{false};
    SessionHarness harness;
    std::optional<TraceStore> store;
    std::optional<TraceRecorder> recorder;
};

// spec: TRACE-007 TRACE-010
TEST_F(NodeRecorderTest, KeepsWhoHadWhichNodeIdSinceWhen) {
    recorder->do_work(harness.clock.now_ns());
    const auto before = static_cast<std::uint64_t>(realtime_now_ns());
    const TestClient& client = harness.attached(Role::Producer, 77);
    harness.attached(Role::Consumer, 78);  // gets none
    recorder->do_work(harness.clock.now_ns());
    // Its request came before the recorder knew of its publication: a keepalive names the client too.
    for (int i = 0; i < 30; ++i) {
        harness.advance(kNanosPerSecond / 10);
        recorder->do_work(harness.clock.now_ns());
    }
    ASSERT_TRUE(store->commit());
    const auto nodes = TraceReader(files_.str() + "/run.db").nodes();
    ASSERT_EQ(nodes.size(), 1U);
    EXPECT_EQ(nodes[0].node_id, client.session->attachment()->node_id);
    EXPECT_EQ(nodes[0].process_id, 77U);
    EXPECT_GE(nodes[0].start_time, before);
}

// spec: TRACE-008 TRACE-010
TEST_F(NodeRecorderTest, AProducerAsksForItsNodeIdAgainAlsoFromARestartedDriver) {
    const TestClient& other = harness.attached(Role::Producer, 76);
    auto options = harness.options(Role::Producer, 77);
    options.stream_id = 10001;
    const TestClient& client = harness.attached(options);
    const auto node_id = client.session->attachment()->node_id;
    ASSERT_TRUE(node_id.has_value());
    ASSERT_NE(node_id, other.session->attachment()->node_id);
    const std::uint64_t generation = client.session->generation();
    harness.crash_driver();
    harness.live(3 * kNanosPerSecond);
    ASSERT_EQ(client.session->attachment(), nullptr);
    harness.start_driver();
    ASSERT_TRUE(harness.run_until([&] { return client.session->attachment() != nullptr; }));
    EXPECT_GT(client.session->generation(), generation);
    EXPECT_EQ(client.session->attachment()->node_id, node_id);
}

// spec: OBS-006, OT-06
TEST_F(RecorderTest, OtherProcessesSeeWhatWasHeardAndWritten) {
    TracedStream camera(publishing, dir_, 10001, 1);
    ASSERT_TRUE(joined(camera));
    const std::uint64_t id = camera.tracer.mint();
    ASSERT_EQ(camera.tracer.link(camera.publish(id), id, std::array<std::uint64_t, 1>{7}),
              LinkResult::Queued);
    ASSERT_TRUE(recorded(2, 1));
    streams.clear();
    EXPECT_TRUE(run_until([&] {
        const auto rows = counter_value(publishing.messaging(), "TraceRowsWritten", "TraceRecorder");
        return store->pending_rows() == 0 &&
               rows == static_cast<std::int64_t>(store->counters().rows_written);
    }));
    expect_published(publishing.messaging(), recorder->counters(), "TraceRecorder");
    EXPECT_EQ(counter_value(publishing.messaging(), "TraceRowsPending", "TraceRecorder"), 0);
}

}  // namespace
}  // namespace tensorpool::test
