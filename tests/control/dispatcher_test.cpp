// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "control/dispatcher.hpp"

#include "control/message_cases.hpp"
#include "control/message_fields.hpp"
#include "control/publisher.hpp"
#include "messaging/embedded/embedded_client.hpp"
#include "support/eventually.hpp"
#include "support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace tensorpool::test {
namespace {

using control::DecodeResult;

/// Notes what the dispatcher calls, by the message's name in the schema.
class Recorder final : public control::ControlHandler {
public:
    struct Call {
        std::string message;
        FieldMap fields;
        const messaging::Message* from;
    };
    struct Undecodable {
        int schema_id;
        int template_id;
        std::int64_t correlation_id;
        DecodeResult why;
    };
    std::vector<Call> calls;
    std::vector<Undecodable> undecodable;

    using Message = messaging::Message;
    void on_pool_announce(const control::PoolAnnounce& m, const Message& f) override {
        note("ShmPoolAnnounce", m, f);
    }
    void on_consumer_hello(const control::ConsumerHello& m, const Message& f) override {
        note("ConsumerHello", m, f);
    }
    void on_consumer_config(const control::ConsumerConfig& m, const Message& f) override {
        note("ConsumerConfig", m, f);
    }
    void on_frame_descriptor(const control::FrameDescriptor& m, const Message& f) override {
        note("FrameDescriptor", m, f);
    }
    void on_frame_progress(const control::FrameProgress& m, const Message& f) override {
        note("FrameProgress", m, f);
    }
    void on_qos_consumer(const control::QosConsumer& m, const Message& f) override {
        note("QosConsumer", m, f);
    }
    void on_qos_producer(const control::QosProducer& m, const Message& f) override {
        note("QosProducer", m, f);
    }
    void on_data_source_announce(const control::DataSourceAnnounce& m, const Message& f) override {
        note("DataSourceAnnounce", m, f);
    }
    void on_data_source_meta(const control::DataSourceMeta& m, const Message& f) override {
        note("DataSourceMeta", m, f);
    }
    void on_control_response(const control::ControlResponse& m, const Message& f) override {
        note("ControlResponse", m, f);
    }
    void on_meta_blob_announce(const control::MetaBlobAnnounce& m, const Message& f) override {
        note("MetaBlobAnnounce", m, f);
    }
    void on_meta_blob_chunk(const control::MetaBlobChunk& m, const Message& f) override {
        note("MetaBlobChunk", m, f);
    }
    void on_meta_blob_complete(const control::MetaBlobComplete& m, const Message& f) override {
        note("MetaBlobComplete", m, f);
    }
    void on_attach_request(const control::AttachRequest& m, const Message& f) override {
        note("ShmAttachRequest", m, f);
    }
    void on_attach_response(const control::AttachResponse& m, const Message& f) override {
        note("ShmAttachResponse", m, f);
    }
    void on_detach_request(const control::DetachRequest& m, const Message& f) override {
        note("ShmDetachRequest", m, f);
    }
    void on_detach_response(const control::DetachResponse& m, const Message& f) override {
        note("ShmDetachResponse", m, f);
    }
    void on_lease_keepalive(const control::LeaseKeepalive& m, const Message& f) override {
        note("ShmLeaseKeepalive", m, f);
    }
    void on_driver_shutdown(const control::DriverShutdown& m, const Message& f) override {
        note("ShmDriverShutdown", m, f);
    }
    void on_lease_revoked(const control::LeaseRevoked& m, const Message& f) override {
        note("ShmLeaseRevoked", m, f);
    }
    void on_driver_shutdown_request(const control::DriverShutdownRequest& m, const Message& f) override {
        note("ShmDriverShutdownRequest", m, f);
    }
    void on_sequence_merge_map(const SequenceMergeMap& m, const Message& f) override {
        note("SequenceMergeMapAnnounce", m, f);
    }
    void on_sequence_merge_map_request(const control::SequenceMergeMapRequest& m, const Message& f) override {
        note("SequenceMergeMapRequest", m, f);
    }
    void on_timestamp_merge_map(const TimestampMergeMap& m, const Message& f) override {
        note("TimestampMergeMapAnnounce", m, f);
    }
    void on_timestamp_merge_map_request(const control::TimestampMergeMapRequest& m,
                                        const Message& f) override {
        note("TimestampMergeMapRequest", m, f);
    }
    void on_undecodable(std::uint16_t schema_id, std::uint16_t template_id, std::int64_t correlation_id,
                        DecodeResult why, const Message&) override {
        undecodable.push_back({schema_id, template_id, correlation_id, why});
    }

private:
    template <typename M>
    void note(std::string name, const M& message, const Message& from) {
        calls.push_back({std::move(name), fields_of(message), &from});
    }
};

class ControlDispatcherTest : public testing::Test {
protected:
    void dispatch(std::span<const std::byte> bytes) { dispatcher.dispatch({bytes, nullptr}); }
    [[nodiscard]] const control::DispatchCounters& counters() const { return dispatcher.counters(); }

    Recorder heard;
    control::ControlDispatcher dispatcher{heard};
};

// spec: WIRE-003 WIRE-004 DRV-015
TEST_F(ControlDispatcherTest, CallsTheOneMemberOfEachMessageWithAllItsFields) {
    for (const Golden& golden : message_vectors()) {
        SCOPED_TRACE(golden.name);
        heard.calls.clear();
        const messaging::Image image{17, 18};
        const messaging::Message message{golden.bytes, &image};
        dispatcher.dispatch(message);
        ASSERT_EQ(heard.calls.size(), 1U);
        EXPECT_EQ(heard.calls[0].message, golden.message);
        EXPECT_EQ(heard.calls[0].fields, golden.fields);
        EXPECT_EQ(heard.calls[0].from, &message);
    }
    EXPECT_TRUE(heard.undecodable.empty());
    EXPECT_EQ(counters().dispatched, message_vectors().size());
    EXPECT_EQ(counters().foreign + counters().malformed + counters().too_new, 0U);
}

// spec: WIRE-003 WIRE-004 DRV-015
TEST_F(ControlDispatcherTest, SkipsOtherSchemasAndUnknownTemplatesWithoutAWord) {
    std::uint64_t sent = 0;
    for (const Golden& golden : message_vectors()) {
        // The sister schemas reuse our template numbers on the same stream.
        for (const int schema : {0, 902, 904, 905, 910, 65535}) {
            Header header = header_of(golden);
            header.schema_id = static_cast<std::uint16_t>(schema);
            header.version = 200;
            dispatch(with_header(golden.bytes, header));
            ++sent;
        }
        for (const int template_id : {0, 14, 50, 51, 52, 65535}) {
            Header header = header_of(golden);
            header.template_id = static_cast<std::uint16_t>(template_id);
            dispatch(with_header(golden.bytes, header));
            ++sent;
        }
    }
    EXPECT_TRUE(heard.calls.empty());
    EXPECT_TRUE(heard.undecodable.empty());
    EXPECT_EQ(counters().foreign, sent);
    EXPECT_EQ(counters().dispatched + counters().malformed + counters().too_new, 0U);
}

// spec: WIRE-003
TEST_F(ControlDispatcherTest, SkipsRealMessagesOfTheOtherSchemas) {
    std::uint64_t sent = 0;
    for (const std::string_view folder : {"bridge", "tracelink", "discovery"}) {
        for (const std::string& name : golden_names(folder)) {
            dispatch(load_golden(name).bytes);
            ++sent;
        }
    }
    ASSERT_GT(sent, 4U);
    EXPECT_EQ(counters().foreign, sent);
    EXPECT_TRUE(heard.calls.empty());
    EXPECT_TRUE(heard.undecodable.empty());
}

// spec: WIRE-006 DRV-081
TEST_F(ControlDispatcherTest, CountsTruncatedMessagesAndSaysWhichTheyWere) {
    std::uint64_t sent = 0;
    for (const Golden& golden : message_vectors()) {
        heard.undecodable.clear();
        const std::size_t length = golden.bytes.size() - 1;
        const ExactBuffer cut(std::span(golden.bytes).first(length));
        dispatch(cut.bytes());
        ++sent;
        ASSERT_EQ(heard.undecodable.size(), 1U) << golden.name;
        EXPECT_EQ(heard.undecodable[0].schema_id, golden.schema_id);
        EXPECT_EQ(heard.undecodable[0].template_id, golden.template_id);
        EXPECT_EQ(heard.undecodable[0].why, DecodeResult::Malformed);
    }
    EXPECT_EQ(counters().malformed, sent);
    EXPECT_TRUE(heard.calls.empty());
}

TEST_F(ControlDispatcherTest, CountsWhatIsTooShortForAHeaderAndCallsNobody) {
    for (std::size_t length = 0; length < 8; ++length) {
        const ExactBuffer cut(std::span(message_vectors()[0].bytes).first(length));
        dispatch(cut.bytes());
    }
    EXPECT_EQ(counters().malformed, 8U);
    EXPECT_TRUE(heard.calls.empty());
    EXPECT_TRUE(heard.undecodable.empty()) << "nothing is known about it";
}

// spec: DRV-016 DRV-018
TEST_F(ControlDispatcherTest, CountsNewerVersionsApartAndDeliversOnlyTheAttachRequest) {
    std::uint64_t sent = 0;
    for (const Golden& golden : message_vectors()) {
        heard.calls.clear();
        heard.undecodable.clear();
        Header header = header_of(golden);
        header.version = 2;
        dispatch(with_header(golden.bytes, header));
        if (golden.message == "ShmAttachRequest") {
            EXPECT_EQ(heard.calls.size(), 1U) << "so that the driver can answer UNSUPPORTED";
            continue;
        }
        ++sent;
        EXPECT_TRUE(heard.calls.empty()) << golden.name;
        ASSERT_EQ(heard.undecodable.size(), 1U) << golden.name;
        EXPECT_EQ(heard.undecodable[0].why, DecodeResult::TooNew);
    }
    EXPECT_EQ(counters().too_new, sent);
    EXPECT_EQ(counters().malformed, 0U);
}

// spec: WIRE-009 DRV-081
TEST_F(ControlDispatcherTest, CountsUnknownEnumValuesAsMalformed) {
    auto bytes = load_golden("wire/QosConsumer").bytes;
    bytes.back() = std::byte{9};
    dispatch(bytes);
    ASSERT_EQ(heard.undecodable.size(), 1U);
    EXPECT_EQ(heard.undecodable[0].why, DecodeResult::BadEnum);
    EXPECT_EQ(counters().malformed, 1U);
    EXPECT_EQ(counters().dispatched, 0U);
}

// spec: DRV-081
TEST_F(ControlDispatcherTest, NamesTheRequestThatADamagedAttachResponseAnswers) {
    const Golden golden = load_golden("driver/ShmAttachResponse");
    const auto correlation_id = static_cast<std::int64_t>(golden.raw.at("correlationId"));
    dispatch(std::span(golden.bytes).first(golden.bytes.size() - 1));
    auto bad_code = golden.bytes;
    put_u32(bad_code, 8 + 8, 99);
    dispatch(bad_code);
    dispatch(std::span(golden.bytes).first(20));
    ASSERT_EQ(heard.undecodable.size(), 3U);
    EXPECT_EQ(heard.undecodable[0].correlation_id, correlation_id) << "the last text is cut";
    EXPECT_EQ(heard.undecodable[1].correlation_id, correlation_id) << "an unknown code";
    EXPECT_EQ(heard.undecodable[2].correlation_id, 0) << "the fixed part is cut";
}

// spec: DRV-014
TEST(ControlDispatcherPollTest, DeliversWhatAPublisherSentAndSurvivesAHandlerThatThrows) {
    class Thrower final : public control::ControlHandler {
    public:
        void on_control_response(const control::ControlResponse& m, const messaging::Message& from) override {
            if (m.correlation_id == 2) throw std::runtime_error("no");
            seen.push_back(m.correlation_id);
            has_image = from.image != nullptr;
        }
        std::vector<std::int64_t> seen;
        bool has_image = false;
    };
    const TempDir dir;
    messaging::EmbeddedOptions options;
    options.dir = dir.str() + "/messaging";
    const auto client = messaging::make_embedded_client(options);
    const auto subscription = client->add_subscription("aeron:ipc", 1000);
    control::ControlPublisher publisher(client->add_publication("aeron:ipc", 1000));
    Thrower handler;
    control::ControlDispatcher dispatcher(handler);
    ASSERT_TRUE(eventually([&] {
        dispatcher.poll(*subscription, 1);
        client->do_work(system_clock().now_ns());
        return publisher.is_connected() && subscription->image_count() == 1;
    }));

    for (std::int64_t id = 1; id <= 4; ++id) {
        ASSERT_TRUE(publisher.send(control::ControlResponse{id, ResponseCode::Ok, "text"}).has_value());
    }
    EXPECT_EQ(dispatcher.poll(*subscription, 1), 1) << "no more than the limit";
    EXPECT_EQ(handler.seen, std::vector<std::int64_t>({1}));
    EXPECT_TRUE(
        eventually([&] { return dispatcher.poll(*subscription, 8) == 0 && handler.seen.size() == 3; }));
    EXPECT_EQ(handler.seen, std::vector<std::int64_t>({1, 3, 4}))
        << "the one that threw is lost, and only it";
    EXPECT_EQ(subscription->handler_errors(), 1U);
    EXPECT_EQ(dispatcher.counters().dispatched, 4U);
    EXPECT_TRUE(handler.has_image);
}

}  // namespace
}  // namespace tensorpool::test
