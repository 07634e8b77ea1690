// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// What the bridge carries beside frames.

#include "bridge/forwarding.hpp"
#include "bridge/two_hosts.hpp"
#include "support/golden.hpp"

#include <tensorpool/metadata.hpp>

#include <gmock/gmock.h>

#include <algorithm>
#include <cstring>

namespace tensorpool::test {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class ForwardingTest : public TwoHosts {
protected:
    static constexpr std::int32_t kControlA = 1201;
    static constexpr std::int32_t kControlB = 2201;

    ForwardingTest() {
        options.mappings[0].source_control_stream_id = kControlA;
        options.mappings[0].dest_control_stream_id = kControlB;
        options.source_metadata_stream_id = options.local.metadata.stream_id;
        taps = {&control_wire, &metadata_wire, &payload_wire, &control_b, &metadata_b};
    }
    control::ControlPublisher peer_at_a(const Endpoint& endpoint) {
        return control::ControlPublisher(
            a.context->messaging().add_publication(endpoint.channel, endpoint.stream_id));
    }
    [[nodiscard]] Endpoint control_of_a() const { return {options.local.control.channel, kControlA}; }
    void forget() {
        for (Tap* tap : taps) tap->messages.clear();
    }
    [[nodiscard]] control::FrameProgress progress(std::uint64_t seq,
                                                  std::uint32_t stream_id = kSource) const {
        control::FrameProgress message;
        message.stream_id = stream_id;
        message.epoch = producer->epoch();
        message.seq = seq;
        message.payload_bytes_filled = 4321;
        message.state = FrameProgressState::Progress;
        return message;
    }
    /// A TraceLinkSet with two parents.
    static std::vector<std::byte> trace_links(std::uint32_t stream_id) {
        std::vector<std::byte> bytes = load_golden("tracelink/TraceLinkSet").bytes;
        std::memcpy(bytes.data() + 8, &stream_id, sizeof stream_id);
        return bytes;
    }

    Tap control_wire{network_b->messaging(), options.control};
    Tap metadata_wire{network_b->messaging(), options.metadata};
    Tap payload_wire{network_b->messaging(), options.payload};
    Tap control_b{b.context->messaging(), {options.local.control.channel, kControlB}};
    Tap metadata_b{b.context->messaging(), options.local.metadata};
};

// spec: BRG-083 BRG-084 BRG-085 BRG-086
TEST_F(ForwardingTest, MetadataReachesConsumersOfTheDestination) {
    options.forward_metadata = true;
    start();
    MetadataPublisherOptions publishing;
    publishing.stream_id = kSource;
    publishing.name = "camera";
    publishing.summary = "a test image";
    publishing.attributes = {{.key = "exposure", .format = "text/plain", .value = "10ms"}};
    MetadataPublisher publisher(*a.context, publishing);
    MetadataCacheOptions caching;
    caching.stream_id = kDest;
    MetadataCache cache(*b.context, caching);
    more = [&](Nanos now) {
        publisher.do_work(now);
        cache.do_work(now);
    };
    ASSERT_TRUE(run_until([&] { return cache.latest() != nullptr && cache.source() != nullptr; }));
    EXPECT_EQ(cache.source()->name, "camera");
    EXPECT_EQ(cache.latest()->version, 1U);
    ASSERT_NE(cache.latest()->find("exposure"), nullptr);
    publisher.set("exposure", "20ms");
    ASSERT_TRUE(run_until([&] { return cache.find(2) != nullptr; })) << "the version is kept";
    EXPECT_EQ(cache.find(2)->find("exposure")->value, "20ms");
    EXPECT_GE(sending().counters.metadata_forwarded, 4U);
    EXPECT_GE(receiving().counters.metadata_forwarded, 4U);
    for (const auto& message : metadata_wire.all<control::DataSourceMeta>())
        EXPECT_EQ(message.stream_id, kDest);
    EXPECT_THAT(control_wire.all<control::DataSourceMeta>(), IsEmpty())
        << "never on the control channel (BRG-092)";
    EXPECT_THAT(control_wire.all<control::DataSourceAnnounce>(), IsEmpty());
}

// spec: BRG-086
TEST_F(ForwardingTest, MetadataTakesTheStreamIdThatTheMappingNames) {
    options.forward_metadata = true;
    options.mappings[0].metadata_stream_id = 777;
    start();
    auto peer = peer_at_a(options.local.metadata);
    control::DataSourceMeta meta;
    meta.stream_id = kSource;
    meta.meta_version = 9;
    meta.timestamp_ns = 5;
    meta.attributes = {{"k", "text/plain", "v"}};
    ASSERT_TRUE(peer.send(meta));
    ASSERT_TRUE(run_until([&] { return !metadata_b.all<control::DataSourceMeta>().empty(); }));
    const auto received = metadata_b.all<control::DataSourceMeta>()[0];
    EXPECT_EQ(received.stream_id, 777U);
    EXPECT_EQ(received.meta_version, 9U);
    EXPECT_EQ(received.timestamp_ns, 5U);
    EXPECT_EQ(received.attributes, meta.attributes);
}

// Trap 18.
TEST_F(ForwardingTest, MetadataOfOtherStreamsStaysAtHome) {
    options.forward_metadata = true;
    start();
    auto peer = peer_at_a(options.local.metadata);
    control::DataSourceAnnounce announce;
    announce.stream_id = kSource + 1;
    ASSERT_TRUE(peer.send(announce));
    run(20);
    EXPECT_THAT(metadata_wire.messages, IsEmpty());
}

// spec: BRG-087 BRG-089
TEST_F(ForwardingTest, WithoutMetadataForwardingNoneCrosses) {
    options.forward_metadata = false;
    start();
    auto peer = peer_at_a(options.local.metadata);
    control::DataSourceAnnounce announce;
    announce.stream_id = kSource;
    std::ignore = peer.send(announce);  // nobody listens
    std::ignore = peer.publication().offer(trace_links(kSource));
    run(20);
    EXPECT_THAT(metadata_wire.messages, IsEmpty());
    EXPECT_THAT(metadata_b.messages, IsEmpty());
    publish(100);
    ASSERT_TRUE(run_until([&] { return !seqs.empty(); })) << "frames do";
}

// spec: BRG-086 BRG-090 BRG-092
TEST_F(ForwardingTest, TraceLinksArePickedUpOnEitherStreamAndPublishedAsMetadata) {
    options.forward_tracelink = true;
    start();
    auto on_metadata = peer_at_a(options.local.metadata);
    auto on_control = peer_at_a(options.local.control);
    ASSERT_TRUE(on_metadata.publication().offer(trace_links(kSource)));
    ASSERT_TRUE(run_until([&] { return metadata_b.messages.size() == 1; }));
    EXPECT_EQ(to_hex(metadata_b.messages[0]), to_hex(trace_links(kDest)))
        << "all but the stream id as it was";
    ASSERT_TRUE(on_control.publication().offer(trace_links(kSource)));
    ASSERT_TRUE(run_until([&] { return metadata_b.messages.size() == 2; }));
    ASSERT_TRUE(on_control.publication().offer(trace_links(kSource + 1)));
    run(20);
    EXPECT_THAT(metadata_b.messages, SizeIs(2));
    EXPECT_THAT(metadata_wire.messages, SizeIs(2));
}

TEST_F(ForwardingTest, TraceLinksThatAreCutShortAreNotForwarded) {
    options.forward_tracelink = true;
    start();
    auto peer = peer_at_a(options.local.metadata);
    const auto whole = trace_links(kSource);
    for (std::size_t length = 8; length < whole.size(); ++length)
        ASSERT_TRUE(peer.publication().offer(std::span(whole).first(length)));
    run(50);
    EXPECT_THAT(metadata_wire.messages, IsEmpty());
    EXPECT_EQ(sending().counters.messages_invalid, whole.size() - 8);
}

// spec: BRG-091 BRG-092 BRG-093 BRG-094
TEST_F(ForwardingTest, QosCrossesOnTheControlChannelUnderTheDestinationsId) {
    options.forward_qos = true;
    start();
    auto peer = peer_at_a(control_of_a());
    control::QosProducer from_producer;
    from_producer.stream_id = kSource;
    from_producer.producer_id = 11;
    from_producer.current_seq = 99;
    control::QosConsumer from_consumer;
    from_consumer.stream_id = kSource;
    from_consumer.consumer_id = 12;
    from_consumer.drops_gap = 3;
    ASSERT_TRUE(peer.send(from_producer));
    ASSERT_TRUE(peer.send(from_consumer));
    const auto has_both = [&] {
        const auto producers = control_b.all<control::QosProducer>();
        const auto consumers = control_b.all<control::QosConsumer>();
        return std::ranges::any_of(
                   producers, [](const auto& q) { return q.producer_id == 11 && q.current_seq == 99; }) &&
               std::ranges::any_of(consumers,
                                   [](const auto& q) { return q.consumer_id == 12 && q.drops_gap == 3; });
    };
    ASSERT_TRUE(run_until(has_both));
    for (const auto& q : control_b.all<control::QosProducer>()) EXPECT_EQ(q.stream_id, kDest);
    for (const auto& q : control_wire.all<control::QosProducer>()) EXPECT_EQ(q.stream_id, kDest);
    EXPECT_THAT(payload_wire.all<control::QosProducer>(), IsEmpty());
    // What our own producer reports on the QoS stream of its host crosses too.
    ASSERT_TRUE(run_until([&] {
        const auto all = control_b.all<control::QosProducer>();
        return std::ranges::any_of(all,
                                   [&](const auto& q) { return q.producer_id == producer->producer_id(); });
    }));
}

// spec: BRG-093
TEST_F(ForwardingTest, QosStaysAtHomeUnlessItIsSwitchedOn) {
    start();
    auto peer = peer_at_a(control_of_a());
    control::QosProducer qos;
    qos.stream_id = kSource;
    std::ignore = peer.send(qos);
    run(300);
    EXPECT_THAT(control_wire.all<control::QosProducer>(), IsEmpty());
    EXPECT_THAT(control_wire.all<control::QosConsumer>(), IsEmpty());
}

// spec: BRG-091 BRG-095 BRG-096 BRG-097 BRG-098 BRG-099
TEST_F(ForwardingTest, ProgressCrossesUnderTheSourcesIdAndIsRepublishedUnderTheDestinations) {
    options.forward_progress = true;
    start();
    auto peer = peer_at_a(control_of_a());
    ASSERT_TRUE(peer.send(progress(5)));
    ASSERT_TRUE(run_until([&] { return !control_b.all<control::FrameProgress>().empty(); }));
    const auto on_wire = control_wire.all<control::FrameProgress>();
    ASSERT_THAT(on_wire, SizeIs(1));
    EXPECT_EQ(on_wire[0].stream_id, kSource);
    const auto received = control_b.all<control::FrameProgress>()[0];
    EXPECT_EQ(received.stream_id, kDest);
    EXPECT_EQ(received.epoch, producer->epoch()) << "the source's (trap 14)";
    EXPECT_EQ(received.seq, 5U);
    EXPECT_EQ(received.payload_bytes_filled, 4321U);
    EXPECT_EQ(received.state, FrameProgressState::Progress);
    EXPECT_THAT(payload_wire.messages, IsEmpty());
}

// Trap 2: both ids are understood.
TEST_F(ForwardingTest, ProgressMayCrossUnderTheDestinationsId) {
    options.forward_progress = true;
    options.progress_under_dest_id = true;
    start();
    auto peer = peer_at_a(control_of_a());
    ASSERT_TRUE(peer.send(progress(5)));
    ASSERT_TRUE(run_until([&] { return !control_b.all<control::FrameProgress>().empty(); }));
    EXPECT_EQ(control_wire.all<control::FrameProgress>()[0].stream_id, kDest);
    EXPECT_EQ(control_b.all<control::FrameProgress>()[0].stream_id, kDest);
}

// spec: BRG-100 BRG-101
TEST_F(ForwardingTest, ProgressOfFramesThatAreOverOrOfAnotherEpochIsDropped) {
    options.forward_progress = true;
    start();
    auto peer = peer_at_a(control_of_a());
    publish(100);
    ASSERT_TRUE(run_until([&] { return !seqs.empty(); }));
    ASSERT_TRUE(peer.send(progress(0)));
    auto other_epoch = progress(7);
    ++other_epoch.epoch;
    ASSERT_TRUE(peer.send(other_epoch));
    ASSERT_TRUE(peer.send(progress(8, kSource + 5)));  // nobody's
    ASSERT_TRUE(peer.send(progress(9)));
    ASSERT_TRUE(run_until([&] { return !control_b.all<control::FrameProgress>().empty(); }));
    ASSERT_THAT(control_b.all<control::FrameProgress>(), SizeIs(1));
    EXPECT_EQ(control_b.all<control::FrameProgress>()[0].seq, 9U);
    EXPECT_EQ(receiving().counters.progress_dropped, 2U);
}

// spec: BRG-095
TEST_F(ForwardingTest, ProgressStaysAtHomeUnlessItIsSwitchedOn) {
    start();
    auto peer = peer_at_a(control_of_a());
    std::ignore = peer.send(progress(5));
    run(20);
    EXPECT_THAT(control_wire.all<control::FrameProgress>(), IsEmpty());
}

// spec: BRG-105
TEST_F(ForwardingTest, ProgressAloneMakesNoFrameAvailable) {
    options.forward_progress = true;
    start();
    auto peer = peer_at_a(control_of_a());
    auto complete = progress(0);
    complete.state = FrameProgressState::Complete;
    ASSERT_TRUE(peer.send(complete));
    ASSERT_TRUE(run_until([&] { return !control_b.all<control::FrameProgress>().empty(); }));
    run(50);
    EXPECT_THAT(seqs, IsEmpty());
    publish(100);
    ASSERT_TRUE(run_until([&] { return !seqs.empty(); }));
}

// spec: BRG-103
TEST_F(ForwardingTest, AReceiverThatForwardsNoProgressDropsIt) {
    options.forward_progress = true;
    start();
    retire(receiver);
    options.forward_progress = false;
    start_receiver();
    ASSERT_TRUE(run_until([&] { return receiving().dest_epoch != 0; }));
    auto peer = peer_at_a(control_of_a());
    ASSERT_TRUE(peer.send(progress(5)));
    ASSERT_TRUE(run_until([&] { return !control_wire.all<control::FrameProgress>().empty(); }));
    run(20);
    EXPECT_THAT(control_b.all<control::FrameProgress>(), IsEmpty());
}

// spec: BRG-081 BRG-082 BRG-092
TEST_F(ForwardingTest, OnTheControlChannelOtherSchemasAndTemplatesMeanNothing) {
    options.forward_qos = true;
    options.forward_metadata = true;
    start();
    forget();
    auto stranger =
        network_a->messaging().add_publication(options.control.channel, options.control.stream_id);
    const auto before = receiver->transport_counters();
    int sent = 0;
    for (const char* name :
         {"bridge/BridgeFrameChunk", "tracelink/TraceLinkSet", "discovery/DiscoveryRequest",
          "driver/ShmLeaseKeepalive", "wire/ConsumerHello"}) {
        ASSERT_TRUE(stranger->offer(load_golden(name).bytes));
        ++sent;
    }
    // Metadata has a channel of its own.
    control::ControlPublisher wrong(
        network_a->messaging().add_publication(options.control.channel, options.control.stream_id));
    control::DataSourceAnnounce announce;
    announce.stream_id = kDest;
    ASSERT_TRUE(wrong.send(announce));
    // A newer version, a truncated message.
    auto newer = load_golden("wire/QosProducer").bytes;
    newer[6] = std::byte{2};
    ASSERT_TRUE(stranger->offer(newer));
    ASSERT_TRUE(stranger->offer(std::span(newer).first(20)));
    run(20);
    const auto after = receiver->transport_counters();
    EXPECT_EQ(after.messages_foreign - before.messages_foreign, 4U) << sent;
    EXPECT_EQ(after.messages_malformed - before.messages_malformed, 2U);
    EXPECT_THAT(metadata_b.messages, IsEmpty());
}

}  // namespace
}  // namespace tensorpool::test
