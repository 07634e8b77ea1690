// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// tp produce, tp consume, tp ls, tp listen: a stream from one process to others.

#include "apps/tp_fixture.hpp"

#include "common/tensor_file.hpp"

#include <array>

namespace tensorpool::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

class TpStreamsTest : public TpTest {
protected:
    /// A producer without a driver; ends when the test does.
    std::unique_ptr<Program> start_producer(const std::vector<std::string>& more) const {
        std::vector<std::string> words{"produce", "--stream-id", "10000", "--standalone", "--shm-base-dir",
                                       shm_dir(), "--rate",      "500",   "--json"};
        words.insert(words.end(), more.begin(), more.end());
        return tp(words);
    }
    int consume(const std::vector<std::string>& more) {
        std::vector<std::string> words{"consume",      "--stream-id", "10000",
                                       "--standalone", "--allow",     shm_dir()};
        words.insert(words.end(), more.begin(), more.end());
        return run(words);
    }
};

TEST_F(TpStreamsTest, DeliversWholeFramesThroughADriver) {
    const auto driver = start_driver();
    const auto producer = tp({"produce", "--stream-id", "10000", "--shape", "100,200", "--pattern", "seq",
                              "--rate", "500", "--allow", shm_dir(), "--json"});
    EXPECT_EQ(run({"consume", "--stream-id", "10000", "--verify", "--frames", "50", "--duration-s", "30",
                   "--allow", shm_dir(), "--json"}),
              0)
        << err;
    const auto summary = json_lines(out).back();
    EXPECT_EQ(summary.at("type"), "summary");
    EXPECT_EQ(summary.at("frames"), 50);
    EXPECT_EQ(summary.at("bad_frames"), 0);
    producer->signal(SIGINT);
    EXPECT_EQ(producer->wait(), 0);
    EXPECT_GE(json_lines(producer->out()).back().at("frames"), 50);
}

TEST_F(TpStreamsTest, NoticesFramesThatAreNotThePatternItVerifies) {
    const auto producer = start_producer({"--shape", "64", "--pattern", "gradient"});
    EXPECT_EQ(consume({"--verify", "--frames", "3", "--duration-s", "30"}), 1);
    EXPECT_THAT(err, HasSubstr("3 frames did not hold the seq pattern"));
}

TEST_F(TpStreamsTest, SavesAFrameAsNpyWithShapeAndValues) {
    const apps::TensorData image{image_layout(Dtype::UInt16, 2, 3), std::vector<std::byte>(12, std::byte{7})};
    TensorLayout layout = image.layout;
    layout.strides = {6, 2};
    apps::write_tensor(path("in.npy"), layout, image.bytes);
    const auto producer = start_producer({"--file", path("in.npy")});
    EXPECT_EQ(consume({"--save", "1", path("out.npy"), "--duration-s", "30", "--frames", "1"}), 0) << err;
    const apps::TensorData saved = apps::read_npy(path("out.npy"));
    EXPECT_EQ(saved.layout.dtype, Dtype::UInt16);
    EXPECT_EQ(saved.layout.ndims, 2);
    EXPECT_EQ(saved.layout.dims[1], 3);
    EXPECT_EQ(saved.bytes, image.bytes);
}

TEST_F(TpStreamsTest, SavesAFrameAsPng) {
    const auto producer = start_producer({"--shape", "16,32,3", "--pattern", "checker"});
    EXPECT_EQ(consume({"--save", "2", path("frame.png"), "--duration-s", "30", "--frames", "2"}), 0) << err;
    for (const char* name : {"frame-0.png", "frame-1.png"}) {
        std::ifstream file(path(name), std::ios::binary);
        std::array<char, 24> head{};
        file.read(head.data(), head.size());
        EXPECT_THAT(std::string(head.data() + 1, 3), StartsWith("PNG")) << name;
        EXPECT_EQ(head[19], 32) << "width";
        EXPECT_EQ(head[23], 16) << "height";
    }
}

TEST_F(TpStreamsTest, LosesFramesOfASlowReaderAndSaysWhy) {
    const auto producer = start_producer({"--shape", "64", "--nslots", "8"});
    EXPECT_EQ(consume({"--slow", "50", "--frames", "5", "--duration-s", "60", "--json"}), 0) << err;
    const auto summary = json_lines(out).back();
    EXPECT_GT(summary.at("drops_late").get<int>() + summary.at("skipped").get<int>(), 0);
}

TEST_F(TpStreamsTest, ListsStreamsWithTheirProducersConsumersAndRates) {
    const auto driver = start_driver();
    const auto producer = tp({"produce", "--stream-id", "10000", "--producer-id", "77", "--shape", "64",
                              "--rate", "200", "--allow", shm_dir()});
    const auto consumer =
        tp({"consume", "--stream-id", "10000", "--consumer-id", "78", "--allow", shm_dir()});
    EXPECT_TRUE(eventually([&] {
        if (run({"ls", "--json", "--duration-s", "1.5"}) != 0) return false;
        const auto streams = json_lines(out).at(0).at("streams");
        return streams.size() == 1 && streams[0].at("stream_id") == 10000 && streams[0].at("epoch") > 0 &&
               streams[0].at("producers") == std::vector<int>{77} &&
               streams[0].at("consumers") == std::vector<int>{78} && streams[0].at("frames_per_s") > 1;
    })) << out;
    EXPECT_EQ(run({"ls", "--duration-s", "0.1"}), 0);
    EXPECT_THAT(out, HasSubstr("10000"));
}

TEST_F(TpStreamsTest, PrintsEveryDescriptorAndAnnounceInItsTextAndJsonForm) {
    const auto producer = start_producer({"--shape", "64"});
    EXPECT_EQ(run({"listen", "--streams", "descriptor", "--duration-s", "0.5", "--raw-file", path("raw")}),
              0);
    EXPECT_THAT(out,
                AllOf(StartsWith("FrameDescriptor stream=10000 epoch="), HasSubstr(" timestamp_ns=null ")));
    std::ifstream raw(path("raw"));
    std::string line;
    std::getline(raw, line);
    EXPECT_THAT(line, StartsWith("RAW descriptor len=48 schema=900 template=4 block_length=40 version="));
    EXPECT_EQ(run({"listen", "--types", "ShmPoolAnnounce", "--duration-s", "1.5", "--json", "--names"}), 0);
    const auto announce = json_lines(out).at(0);
    EXPECT_EQ(announce.at("stream"), 10000);
    EXPECT_EQ(announce.at("clock_domain"), "MONOTONIC");
    EXPECT_EQ(announce.at("pools").size(), 1U);
}

TEST_F(TpStreamsTest, ASupervisorSeesWhoReadsAndWhoWrites) {
    const auto driver = start_driver();
    const auto producer = tp({"produce", "--stream-id", "10000", "--shape", "64", "--rate", "200", "--allow",
                              shm_dir(), "--json"});
    const auto consumer = tp({"consume", "--stream-id", "10000", "--allow", shm_dir(), "--json"});
    const auto supervisor =
        tp({"supervisor", path("driver.toml"), "--json", "--interval-s", "0.2"}, {"TP_LOG=1"});
    const auto last_state = [&] {
        const auto lines = json_lines(supervisor->out());
        return lines.empty() ? nlohmann::json() : nlohmann::json(lines.back());
    };
    EXPECT_TRUE(eventually([&] {
        const auto state = last_state();
        return !state.is_null() && state.at("producers").size() == 1 && state.at("consumers").size() == 1 &&
               state.at("consumers")[0].at("last_seq") > 0 && state.at("producers")[0].at("current_seq") > 0;
    })) << supervisor->err();
    consumer->signal(SIGKILL);
    EXPECT_TRUE(eventually([&] { return last_state().at("consumers").empty(); })) << supervisor->err();
    EXPECT_THAT(supervisor->err(), HasSubstr("is silent for"));
    supervisor->signal(SIGINT);
    EXPECT_EQ(supervisor->wait(), 0);
    EXPECT_EQ(json_lines(supervisor->out()).back().at("type"), "summary");
}

// spec: TOOL-037
TEST_F(TpStreamsTest, DumpsTheMetadataThatFramesName) {
    const auto producer = start_producer(
        {"--shape", "8", "--name", "cam0", "--summary", "Mono8 line", "--meta", "exposure_us=100"});
    EXPECT_EQ(run({"metadata-dump", "--stream-id", "10000", "--timeout-ms", "30000", "--json"}), 0) << err;
    const auto dump = json_lines(out).at(0);
    EXPECT_EQ(dump.at("meta_version"), 1);
    EXPECT_EQ(dump.at("name"), "cam0");
    EXPECT_EQ(dump.at("summary"), "Mono8 line");
    EXPECT_EQ(dump.at("attributes").at(0).at("attr"), "exposure_us");
    EXPECT_EQ(dump.at("attributes").at(0).at("value"), "100");
    EXPECT_EQ(run({"descriptor-listen", "--duration-s", "0.5", "--json"}), 0);
    EXPECT_EQ(json_lines(out).at(0).at("meta_version"), 1);
    EXPECT_EQ(run({"metadata-listen", "--duration-s", "2.5"}), 0);
    EXPECT_EQ(out, "stream_id=10000 meta_version=1 name=cam0\n");
    EXPECT_EQ(run({"metadata-dump", "--stream-id", "10000", "--timeout-ms", "30000"}), 0) << err;
    EXPECT_EQ(out,
              "stream_id=10000 meta_version=1 name=cam0\nsummary=Mono8 line\n"
              "attr=exposure_us mime=text/plain value=100\n");
    EXPECT_EQ(run({"metadata-dump", "--stream-id", "1", "--timeout-ms", "100"}), 4);
}

TEST_F(TpStreamsTest, RefusesWhatCannotBeWithOneLine) {
    EXPECT_EQ(consume({"--save", "1", "frame.bmp"}), 2);
    EXPECT_THAT(err, HasSubstr("valid are .png and .npy"));
    EXPECT_EQ(run({"produce", "--stream-id", "1", "--shape", "0"}), 2);
    std::ofstream(path("short.raw")) << "abc";
    EXPECT_EQ(run({"produce", "--stream-id", "1", "--shape", "4", "--file", path("short.raw")}), 2);
    EXPECT_THAT(err, HasSubstr("3 bytes"));
    std::ofstream(path("bad.npy")) << "no array";
    EXPECT_EQ(run({"produce", "--stream-id", "1", "--file", path("bad.npy")}), 1);
    EXPECT_THAT(err, HasSubstr("not a .npy file"));
    EXPECT_EQ(run({"produce", "--stream-id", "1", "--messaging", "aeron", "--aeron-dir", path("aeron")}), 1);
    EXPECT_THAT(err, HasSubstr("aeron"));
}

TEST_F(TpStreamsTest, LeavesNothingBehindWhenAStandaloneProducerIsStopped) {
    const auto producer = start_producer({"--shape", "64"});
    ASSERT_TRUE(eventually([&] { return files_left() == 2; }));
    producer->signal(SIGTERM);
    EXPECT_EQ(producer->wait(), 0);
    EXPECT_EQ(files_left(), 0);
    EXPECT_FALSE(std::filesystem::exists(messaging_dir()));
}

}  // namespace
}  // namespace tensorpool::test
