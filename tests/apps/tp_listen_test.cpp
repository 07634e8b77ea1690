// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// The listeners of tp and the one command that speaks to consumers, against messages sent by the test itself.

#include "apps/tp_fixture.hpp"

#include "control/publisher.hpp"
#include "messaging/messaging.hpp"
#include "wire/cursor.hpp"

#include <tensorpool/context.hpp>

#include <cstring>

namespace tensorpool::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

class TpListenTest : public TpTest {
protected:
    void SetUp() override {
        TpTest::SetUp();
        context = std::make_unique<Context>(messaging_options_in(dir));
        control = publisher(at.control);
        qos = publisher(at.qos);
        descriptors = publisher(at.descriptor);
        metadata = publisher(at.metadata);
    }
    std::unique_ptr<control::ControlPublisher> publisher(const Endpoint& endpoint) {
        return std::make_unique<control::ControlPublisher>(
            context->messaging().add_publication(endpoint.channel, endpoint.stream_id));
    }
    /// A listener that hears `heard`, the last stream it subscribes to; ends when the test does.
    std::unique_ptr<Program> listen(std::vector<std::string> words, control::ControlPublisher& heard) {
        words.insert(words.end(), {"--duration-s", "0"});
        auto listener = tp(words);
        EXPECT_TRUE(eventually([&] {
            context->messaging().do_work(context->clock().now_ns());
            return heard.is_connected();
        })) << listener->err();
        return listener;
    }
    /// Its output once it holds `text`, and it ended in good order on a signal.
    static std::string output_with(Program& listener, const std::string& text) {
        EXPECT_TRUE(eventually([&] { return listener.out().find(text) != std::string::npos; }))
            << text << " is not in " << listener.out() << listener.err();
        listener.signal(SIGINT);
        EXPECT_EQ(listener.wait(), 0) << listener.err();
        return listener.out();
    }
    void send_raw(std::uint16_t schema, std::uint16_t template_id, std::size_t body_bytes) {
        std::vector<std::byte> bytes(sizeof(wire::MessageHeader) + body_bytes, std::byte{1});
        const wire::MessageHeader header{static_cast<std::uint16_t>(body_bytes), template_id, schema, 1};
        std::memcpy(bytes.data(), &header, sizeof(header));
        ASSERT_TRUE(control->publication().offer(bytes));
    }
    static control::QosConsumer consumer_at(std::uint64_t seq) {
        control::QosConsumer message;
        message.stream_id = 10000;
        message.consumer_id = 42;
        message.epoch = 3;
        message.last_seq_seen = seq;
        return message;
    }
    static control::QosProducer producer_at(std::uint64_t seq) {
        control::QosProducer message;
        message.stream_id = 10000;
        message.producer_id = 7;
        message.epoch = 3;
        message.current_seq = seq;
        return message;
    }
    static control::DataSourceAnnounce source(std::uint32_t version, const std::string& name) {
        control::DataSourceAnnounce message;
        message.stream_id = 10000;
        message.producer_id = 7;
        message.meta_version = version;
        message.name = name;
        return message;
    }

    const StreamEndpoints at{};
    std::unique_ptr<Context> context;
    std::unique_ptr<control::ControlPublisher> control, qos, descriptors, metadata;
};

// spec: TOOL-008
TEST_F(TpListenTest, SkipsWhatItDoesNotKnowAndTakesNoTemplateOfAnotherSchema) {
    const auto listener = listen({"control-listen", "--raw"}, *qos);
    send_raw(777, 1, 40);  // nobody's schema, the template of ShmPoolAnnounce
    send_raw(901, 77, 40);
    send_raw(900, 77, 40);
    control::ControlResponse last;
    last.error_message = "last";
    ASSERT_TRUE(control->send(last));
    const std::string text = output_with(*listener, "last");
    EXPECT_EQ(text, "ControlResponse correlation_id=0 code=0 error_message=last\n");
    EXPECT_THAT(listener->err(),
                AllOf(HasSubstr("RAW control len=48 schema=777 template=1 block_length=40 version=1 "
                                "data=280001000903"),
                      HasSubstr("schema=901 template=77")));
}

// spec: TOOL-009
TEST_F(TpListenTest, EndsAfterItsTimeOrOnASignalWithZero) {
    for (const char* command : {"announce-listen", "control-listen", "descriptor-listen", "metadata-listen",
                                "qos-listen", "listen"}) {
        EXPECT_EQ(run({command, "--duration-s", "0.01"}), 0) << command << err;
        EXPECT_THAT(out, IsEmpty()) << command;
    }
    const auto listener = listen({"qos-listen"}, *qos);
    EXPECT_TRUE(listener->running());
    listener->signal(SIGTERM);
    EXPECT_EQ(listener->wait(), 0);
}

// spec: TOOL-010
TEST_F(TpListenTest, DumpsEveryFragmentIntoAFile) {
    for (const auto& each : std::vector<std::pair<std::string, control::ControlPublisher*>>{
             {"metadata-listen", metadata.get()}, {"descriptor-listen", descriptors.get()}}) {
        const std::string& command = each.first;
        control::ControlPublisher* const heard = each.second;
        const auto listener = listen({command, "--raw-file", path(command)}, *heard);
        ASSERT_TRUE(heard->send(source(4, "cam")));
        const std::vector<std::byte> short_one(3, std::byte{0xab});
        ASSERT_TRUE(heard->publication().offer(short_one));
        EXPECT_TRUE(eventually([&] {
            std::ifstream in(path(command));
            std::ostringstream text;
            text << in.rdbuf();
            return text.str().find("data=ababab\n") != std::string::npos;
        })) << listener->err();
        listener->signal(SIGINT);
        EXPECT_EQ(listener->wait(), 0);
        std::ifstream in(path(command));
        std::string first, second;
        std::getline(in, first);
        std::getline(in, second);
        EXPECT_THAT(first, StartsWith("RAW " + command.substr(0, command.find('-')) + " len=")) << command;
        EXPECT_THAT(first, HasSubstr("schema=900 template=7 ")) << command;
        EXPECT_THAT(second, HasSubstr("len=3 schema=0 template=0 block_length=0 version=0 data=ababab"));
    }
    EXPECT_EQ(run({"listen", "--raw-file", "/no/such/dir/file"}), 1);
    EXPECT_THAT(err, HasSubstr("/no/such/dir/file"));
}

// spec: TOOL-024
TEST_F(TpListenTest, TellsAConsumerHowToReadWithEveryFieldWritten) {
    const auto listener = listen({"control-listen", "--json"}, *qos);
    // Said again where a loaded machine made the listener open the log of the first too late.
    const auto heard = [&](const std::string& text) {
        return listener->out().find(text) != std::string::npos;
    };
    EXPECT_TRUE(eventually([&] {
        EXPECT_EQ(run({"send-consumer-config", "--stream-id", "10000", "--consumer-id", "42", "--use-shm",
                       "false", "--mode", "rate_limited", "--payload-fallback-uri", "bridge://9"}),
                  0)
            << err;
        EXPECT_THAT(out, IsEmpty());
        return heard("bridge://9");
    }));
    EXPECT_TRUE(eventually([&] {
        EXPECT_EQ(run({"send-consumer-config"}, {"TP_STREAM_ID=10001", "TP_CLIENT_ID=43", "TP_USE_SHM=true",
                                                 "TP_MODE=stream", "TP_PAYLOAD_FALLBACK_URI="}),
                  0)
            << err;
        return heard("10001");
    }));
    const auto lines = json_lines(output_with(*listener, "10001"));
    const auto& last = lines.back();
    EXPECT_EQ(lines[0],
              nlohmann::json::parse(R"({"type":"ConsumerConfig","stream":10000,"consumer":42,"use_shm":false,
        "mode":2,"descriptor_stream":0,"control_stream":0,"payload_fallback":"bridge://9","descriptor_channel":"",
        "control_channel":""})"));
    EXPECT_EQ(last.at("consumer"), 43);
    EXPECT_EQ(last.at("use_shm"), true);
    EXPECT_EQ(last.at("mode"), 1);
    EXPECT_EQ(last.at("payload_fallback"), "");
}

// spec: TOOL-033
TEST_F(TpListenTest, ListensForAnnouncesOn1001AndWhereDriversAnnounceUnlessToldWhere) {
    const auto on_1001 = publisher({at.announce.channel, 1001});
    const auto usual = listen({"announce-listen"}, *control);
    const auto told =
        listen({"announce-listen", "--announce-stream-id", "1500"}, *publisher({at.announce.channel, 1500}));
    ASSERT_TRUE(control->send(producer_at(5)));
    ASSERT_TRUE(on_1001->send(producer_at(6)));
    EXPECT_TRUE(eventually([&] { return usual->out().find("current_seq=5") != std::string::npos; }));
    EXPECT_THAT(output_with(*usual, "current_seq=6"), HasSubstr("QosProducer"));
    told->signal(SIGINT);
    EXPECT_EQ(told->wait(), 0);
    EXPECT_EQ(told->out(), "");
}

// spec: TOOL-033
TEST_F(TpListenTest, HearsAnnouncesQosAndProgressOnTheAnnounceStreamOnly) {
    const auto listener =
        listen({"announce-listen", "--names"}, *control);  // announces share the control stream
    control::PoolAnnounce announce;
    announce.stream_id = 10000;
    announce.producer_id = 7;
    announce.epoch = 3;
    announce.header_nslots = 8;
    announce.header_region_uri = "shm:file?path=/x/header.ring";
    announce.pools = {{1, 8, 4096, "shm:file?path=/x/1.pool"}};
    ASSERT_TRUE(control->send(announce));
    ASSERT_TRUE(control->send(producer_at(5)));
    control::ControlResponse other;
    other.error_message = "not asked for";
    ASSERT_TRUE(control->send(other));
    ASSERT_TRUE(control->send(consumer_at(4)));
    const std::string text = output_with(*listener, "QosConsumer");
    EXPECT_THAT(text,
                AllOf(StartsWith("ShmPoolAnnounce stream=10000 producer=7 epoch=3 layout=1 header_nslots=8 "
                                 "header_slot_bytes=256 announce_ts=0 clock_domain=MONOTONIC "
                                 "header_region_uri=shm:file?path=/x/header.ring "
                                 "pools=[pool_id=1 nslots=8 stride=4096 uri=shm:file?path=/x/1.pool]\n"),
                      HasSubstr("QosProducer stream=10000 producer=7 epoch=3 current_seq=5 watermark=null\n"),
                      HasSubstr("QosConsumer stream=10000 consumer=42 epoch=3 last_seq=4 drops_gap=0 "
                                "drops_late=0 mode=STREAM\n"),
                      Not(HasSubstr("not asked for"))));
}

// spec: TOOL-034
TEST_F(TpListenTest, HearsEverythingButDescriptorsOnControlMetadataAndQos) {
    const auto listener = listen({"control-listen", "--json"}, *qos);
    control::FrameDescriptor descriptor;
    descriptor.stream_id = 10000;
    ASSERT_TRUE(control->send(descriptor));
    control::LeaseKeepalive keepalive;
    keepalive.lease_id = 18446744073709551614U;
    keepalive.stream_id = 10000;
    ASSERT_TRUE(control->send(keepalive));
    ASSERT_TRUE(qos->send(producer_at(5)));
    ASSERT_TRUE(metadata->send(source(4, "cam")));
    EXPECT_TRUE(eventually([&] { return json_lines(listener->out()).size() == 3; })) << listener->out();
    const std::string text = output_with(*listener, "DataSourceAnnounce");
    EXPECT_THAT(text, AllOf(HasSubstr(R"("type":"ShmLeaseKeepalive","lease_id":18446744073709551614,)"),
                            HasSubstr(R"("type":"QosProducer")"), Not(HasSubstr("FrameDescriptor"))));
}

// spec: TOOL-035
TEST_F(TpListenTest, HearsDescriptorsAndSaysWhoComesAndGoes) {
    const auto listener = listen({"descriptor-listen"}, *descriptors);
    auto second = publisher(at.descriptor);
    control::FrameDescriptor descriptor;
    descriptor.stream_id = 10000;
    descriptor.epoch = 3;
    descriptor.seq = 9;
    ASSERT_TRUE(descriptors->send(descriptor));
    EXPECT_TRUE(eventually([&] { return listener->err().find("images=2 ") != std::string::npos; }));
    second.reset();
    EXPECT_TRUE(eventually([&] {
        context->messaging().do_work(context->clock().now_ns());
        return listener->err().rfind("images=1 ") > listener->err().find("images=2 ") &&
               listener->err().rfind("images=1 ") != std::string::npos;
    })) << listener->err();
    EXPECT_EQ(output_with(*listener, "seq=9"),
              "FrameDescriptor stream=10000 epoch=3 seq=9 timestamp_ns=null meta_version=null trace_id=0\n");
    EXPECT_THAT(listener->err(), AllOf(HasSubstr("first connection"), HasSubstr("status=connected")));
}

// spec: TOOL-036
TEST_F(TpListenTest, PrintsAMetadataVersionWhenItChanges) {
    const auto listener = listen({"metadata-listen"}, *metadata);
    for (const std::uint32_t version : {4U, 4U, 5U, 5U, 4U})
        ASSERT_TRUE(metadata->send(source(version, "left camera")));
    ASSERT_TRUE(metadata->send(source(9, "end")));
    EXPECT_EQ(output_with(*listener, "end"),
              "stream_id=10000 meta_version=4 name=\"left camera\"\n"
              "stream_id=10000 meta_version=5 name=\"left camera\"\n"
              "stream_id=10000 meta_version=4 name=\"left camera\"\n"
              "stream_id=10000 meta_version=9 name=end\n");
}

// spec: TOOL-038
TEST_F(TpListenTest, PrintsPositionsOnChangeOnly) {
    const auto listener = listen({"qos-listen"}, *qos);
    for (const std::uint64_t seq : {5U, 5U, 6U}) {
        ASSERT_TRUE(qos->send(producer_at(seq)));
        ASSERT_TRUE(qos->send(consumer_at(seq - 1)));
    }
    ASSERT_TRUE(qos->send(producer_at(99)));
    EXPECT_EQ(output_with(*listener, "seq=99"),
              "producer=7 stream=10000 seq=5\n"
              "consumer=42 stream=10000 last_seq=4\n"
              "producer=7 stream=10000 seq=6\n"
              "consumer=42 stream=10000 last_seq=5\n"
              "producer=7 stream=10000 seq=99\n");
}

// spec: TOOL-037
TEST_F(TpListenTest, TimesOutInWordsWhenASourceSaysNothing) {
    EXPECT_EQ(run({"metadata-dump", "--stream-id", "10000", "--timeout-ms", "20"}), 4);
    EXPECT_EQ(out, "timeout\n");
}

}  // namespace
}  // namespace tensorpool::test
