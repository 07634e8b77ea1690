// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "common/top_screen.hpp"
#include "common/metrics_endpoint.hpp"
#include "common/program.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace tensorpool::apps {
namespace {

using testing::HasSubstr;
using testing::Not;

TopOwner& owner(TopSample& sample, const std::string& role, std::uint32_t stream, std::uint64_t id) {
    TopOwner& made = sample.owners[{role + " stream=" + std::to_string(stream), id}];
    made.role = role;
    made.id = id;
    made.stream_id = stream;
    return made;
}

TopOwner& producer(TopSample& sample, std::uint32_t stream, std::uint64_t frames) {
    TopOwner& made = owner(sample, "Producer", stream, 7);
    made.values = {{"producer_epoch", 5},
                   {"producer_next_seq", frames},
                   {"producer_frames_committed", frames},
                   {"producer_committed_bytes", frames * 1'000'000}};
    return made;
}

TopOwner& consumer(TopSample& sample, std::uint32_t stream, std::uint64_t id, std::uint64_t last_seq,
                   std::uint64_t drops = 0) {
    TopOwner& made = owner(sample, "Consumer", stream, id);
    made.values = {{"consumer_epoch", 5},
                   {"consumer_last_seq", last_seq},
                   {"consumer_frames_delivered", last_seq + 1},
                   {"consumer_delivered_bytes", (last_seq + 1) * 1'000'000},
                   {"consumer_drops_gap", drops}};
    return made;
}

std::vector<std::string> lines(const std::string& screen) {
    std::vector<std::string> all;
    std::istringstream in(screen);
    for (std::string line; std::getline(in, line);) all.push_back(line);
    return all;
}

std::string words(const std::string& line) {
    std::istringstream in(line);
    std::string text;
    for (std::string word; in >> word;) text += (text.empty() ? "" : " ") + word;
    return text;
}

// spec: OBS-016
TEST(TopScreenTest, ShowsRatesBetweenTwoSamplesAndHowFarAConsumerIsBehind) {
    TopSample before;
    producer(before, 1, 100);
    consumer(before, 1, 42, 99);
    TopSample now;
    now.at_ns = 2 * kNanosPerSecond;
    producer(now, 1, 300);
    consumer(now, 1, 42, 289, 3);
    const auto screen = lines(render_top(before, now, 80, 24));
    ASSERT_EQ(screen.size(), 5u);
    EXPECT_EQ(words(screen[3]), "1 producer 7 100.0 100.0 300 - 0");
    EXPECT_EQ(words(screen[4]), "1 consumer 42 95.0 95.0 289 10 3!");
}

// spec: OBS-016, OT-05
TEST(TopScreenTest, KnowsNoLagOfTheUnmappedOrAcrossEpochs) {
    TopSample now;
    producer(now, 1, 300);
    consumer(now, 1, 42, 10).values["consumer_epoch"] = 0;
    consumer(now, 1, 43, 10).values["consumer_epoch"] = 4;
    consumer(now, 2, 44, 10);
    consumer(now, 1, 45, 299);
    const auto screen = lines(render_top(now, now, 80, 24));
    EXPECT_EQ(words(screen[4]), "1 consumer 42 0.0 0.0 unmapped - 0");
    EXPECT_EQ(words(screen[5]), "1 consumer 43 0.0 0.0 10 - 0");
    EXPECT_EQ(words(screen[6]), "1 consumer 45 0.0 0.0 299 0 0");
    EXPECT_EQ(words(screen[7]), "2 consumer 44 0.0 0.0 10 - 0");
}

TEST(TopScreenTest, FitsTheWindowAndSaysWhatIsMissing) {
    TopSample now;
    for (std::uint32_t stream = 1; stream <= 50; ++stream) producer(now, stream, 18'446'744'073'709'551'000U);
    TopOwner& driver = now.owners[{"Driver instance=x", 1}];
    driver.role = "Driver";
    driver.instance = std::string(300, 'x') + "\x1b[2J";
    const std::string screen = render_top(now, now, 80, 24);
    const auto all = lines(screen);
    EXPECT_EQ(all.size(), 24u);
    for (const std::string& line : all) EXPECT_LE(line.size(), 80u) << line;
    EXPECT_THAT(all.back(), HasSubstr("31 more lines"));
    EXPECT_THAT(screen, Not(HasSubstr("\x1b")));
    EXPECT_EQ(lines(render_top(now, now, 20, 3)).size(), 3u);
}

TEST(TopScreenTest, SaysThatNothingRuns) {
    EXPECT_THAT(render_top({}, {}, 80, 24), HasSubstr("is anything running"));
}

TEST(TopScreenTest, ARoleThatHasJustAppearedHasNoRateYet) {
    TopSample before;
    TopSample now;
    now.at_ns = kNanosPerSecond;
    producer(now, 1, 1000);
    EXPECT_EQ(words(lines(render_top(before, now, 80, 24))[3]), "1 producer 7 0.0 0.0 1000 - 0");
}

TEST(MetricsAddressTest, IsALoopbackAddressAndAPort) {
    EXPECT_EQ(parse_metrics_address("127.0.0.1:9464").port, 9464);
    EXPECT_EQ(parse_metrics_address("localhost:0").host, "127.0.0.1");
    EXPECT_EQ(parse_metrics_address("[::1]:65535").host, "[::1]");
    EXPECT_EQ(parse_metrics_address("127.1.2.3:1").host, "127.1.2.3");
    for (const char* bad : {"", ":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
                            "127.0.0.1: 1", "10.0.0.1:9464", "[::]:9464", "::1:9464", "host:1"}) {
        EXPECT_THROW((void)parse_metrics_address(bad), UsageError) << bad;
    }
}

TEST(TopScreenTest, ShowsWhoServesAndWhoCarriesStreams) {
    const auto sample = [](std::uint64_t n, Nanos at_ns) {
        TopSample made;
        made.at_ns = at_ns;
        TopOwner& bridge = owner(made, "Bridge", 20000, 20000);
        bridge.source_stream_id = 10000;
        bridge.values = {{"bridge_frames_forwarded", 10 * n}, {"bridge_chunks_dropped", n}};
        owner(made, "RateLimiter", 20001, 20001).values = {{"rate_limiter_frames_published", 5 * n},
                                                           {"rate_limiter_published_bytes", n * 1'000'000},
                                                           {"rate_limiter_drops_rate", 1000},
                                                           {"rate_limiter_dest_epoch", 1},
                                                           {"rate_limiter_last_seq", n}};
        owner(made, "Join", 20002, 20002).values = {{"join_ready", 3 * n}};
        owner(made, "Tracer", 20003, 20003).values = {{"tracer_ids_minted", n}, {"tracer_ids_carried", n}};
        TopOwner& transport = made.owners[{"Bridge instance=x", 0}];
        transport.role = "Bridge";
        TopOwner& discovery = made.owners[{"Discovery instance=unknown", 7000}];
        discovery.role = "Discovery";
        discovery.id = 7000;
        discovery.values = {{"discovery_streams", 4}, {"discovery_requests", 6 * n}};
        TopOwner& recorder = made.owners[{"TraceRecorder instance=unknown", 1000}];
        recorder.role = "TraceRecorder";
        recorder.values = {{"trace_recorder_frames", n}, {"trace_recorder_rows_pending", 9}};
        return made;
    };
    const auto screen = lines(render_top(sample(1, 0), sample(11, kNanosPerSecond), 80, 24));
    ASSERT_EQ(screen.size(), 9u);
    EXPECT_EQ(screen[1], "discovery 7000: 4 streams, 60 requests/s, 0 answers dropped");
    EXPECT_EQ(screen[2], "trace recorder: 10 frames/s, 0 links, 9 rows wait, 0 dropped");
    EXPECT_EQ(words(screen[5]), "20000 bridge 10000 100.0 - - - 11!");
    EXPECT_EQ(words(screen[6]), "20001 limiter - 50.0 10.0 11 - 0") << "what the rate drops is no loss";
    EXPECT_EQ(words(screen[7]), "20002 join - 30.0 - no map - 0");
    EXPECT_EQ(words(screen[8]), "20003 tracer - 20.0 - - - 0");
}

}  // namespace
}  // namespace tensorpool::apps
