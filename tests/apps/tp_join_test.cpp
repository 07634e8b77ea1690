// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// tp join: joins of streams that other processes produce, and merge maps as `tp listen` prints them.

#include "apps/tp_fixture.hpp"

namespace tensorpool::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

class TpJoinTest : public TpTest {
protected:
    std::unique_ptr<Program> start_producer(const std::string& stream_id, const std::string& rate) const {
        return tp({"produce", "--stream-id", stream_id, "--standalone", "--shm-base-dir", shm_dir(), "--rate",
                   rate, "--shape", "64", "--nslots", "4096", "--json"});
    }
    std::string write_map(const std::string& body) const {
        std::string file = path("map.toml");
        std::ofstream(file) << "[merge_map]\nout_stream_id = 20000\n" << body;
        return file;
    }
    std::string lockstep() const {
        return write_map(
            "rules = [{ input_stream_id = 10000, offset = 0 }, "
            "{ input_stream_id = 10001, window_size = 3 }]\n");
    }
    std::vector<std::string> join(std::vector<std::string> more) const {
        std::vector<std::string> words{"join", "--standalone", "--allow", shm_dir(), "--duration-s", "60"};
        words.insert(words.end(), more.begin(), more.end());
        return words;
    }
};

// spec: JOIN-034
TEST_F(TpJoinTest, JoinsTwoStreamsInLockstepByAMapInAFile) {
    const auto left = start_producer("10000", "200");
    const auto right = start_producer("10001", "200");
    ASSERT_EQ(run(join({lockstep(), "--outputs", "20", "--json"})), 0) << err << out;
    const auto lines = json_lines(out);
    const auto& summary = lines.back();
    EXPECT_GE(summary.at("outputs"), 20);
    nlohmann::json previous;
    int ready = 0;
    for (const auto& line : lines) {
        if (line.at("type") != "JoinDecision" || line.at("state") != "READY") continue;
        ++ready;
        EXPECT_EQ(line.at("inputs")[0].at("last"), line.at("out_seq"));
        EXPECT_EQ(line.at("inputs")[1].at("last"), line.at("out_seq"));
        EXPECT_EQ(line.at("inputs")[1].at("first").get<int>(), line.at("out_seq").get<int>() - 2);
        EXPECT_TRUE(line.at("missing").empty());
        if (!previous.is_null()) {
            EXPECT_EQ(line.at("out_seq").get<int>(), previous.get<int>() + 1);
        }
        previous = line.at("out_seq");
    }
    EXPECT_GE(ready, 20);
}

// spec: JOIN-073 JOIN-074
TEST_F(TpJoinTest, ASecondJoinAsksForTheMapThatTheFirstAnnounces) {
    const auto left = start_producer("10000", "200");
    const auto right = start_producer("10001", "200");
    const auto authority = tp(join({lockstep(), "--quiet"}));
    EXPECT_EQ(run(join({"--out-stream-id", "20000", "--outputs", "5", "--json"})), 0) << err << out;
    EXPECT_EQ(json_lines(out).back().at("maps_applied"), 1);
    authority->signal(SIGINT);
    EXPECT_EQ(authority->wait(), 0);
    EXPECT_THAT(authority->out(), StartsWith("summary outputs="));
}

TEST_F(TpJoinTest, JoinsByTimeAndByWhateverIsNewest) {
    const auto slow = start_producer("10000", "30");
    const auto fast = start_producer("10001", "200");
    const std::string map = write_map(
        "kind = \"timestamp\"\n"
        "rules = [{ input_stream_id = 10000, offset_ns = 0 },\n"
        "         { input_stream_id = 10001, window_ns = 50_000_000 }]\n");
    ASSERT_EQ(run(join({map, "--outputs", "5", "--json"})), 0) << err << out;
    for (const auto& line : json_lines(out)) {
        if (line.at("type") != "JoinDecision" || line.at("state") != "READY") continue;
        EXPECT_EQ(line.at("inputs")[1].at("last"), line.at("out_time_ns"));
    }
    ASSERT_EQ(run(join({map, "--latest", "--order", "timestamp", "--period-s", "0.05", "--outputs", "3",
                        "--json"})),
              0)
        << err << out;
    EXPECT_EQ(json_lines(out).back().at("outputs"), 3);
}

// spec: JOIN-034 JOIN-021
TEST_F(TpJoinTest, NamesAnInputThatIsMissingAndStartsANewEpochWhenOneRestarts) {
    auto left = start_producer("10000", "200");
    const auto watch = tp(join({lockstep(), "--json", "--period-s", "0.1"}));
    const auto lines_with = [&](const std::string& state) {
        std::vector<nlohmann::json> found;
        std::istringstream in(watch->out());
        for (std::string line; std::getline(in, line) && !in.eof();) {
            auto parsed = nlohmann::json::parse(line);
            if (parsed.value("state", "") == state) found.push_back(std::move(parsed));
        }
        return found;
    };
    ASSERT_TRUE(eventually([&] {
        const auto waiting = lines_with("NOT_READY");
        return !waiting.empty() && waiting.back().at("missing") == std::vector<int>{10001};
    })) << watch->out()
        << watch->err();
    auto right = start_producer("10001", "200");
    ASSERT_TRUE(eventually([&] { return lines_with("READY").size() > 5; })) << watch->err();
    left->signal(SIGKILL);
    right->signal(SIGKILL);
    left->wait();
    right->wait();
    left = start_producer("10000", "200");
    right = start_producer("10001", "200");
    EXPECT_TRUE(eventually([&] {
        const auto ready = lines_with("READY");
        return ready.back().at("epoch") > ready.front().at("epoch");
    })) << watch->err();
    watch->signal(SIGTERM);
    EXPECT_EQ(watch->wait(), 0);
}

TEST_F(TpJoinTest, PrintsMergeMapsAndRequestsAsTheyPass) {
    const auto authority = tp(join({lockstep(), "--quiet"}));
    const auto asking = tp(join({"--out-stream-id", "30000", "--kind", "timestamp", "--quiet"}));
    const auto heard = [&](const std::string& type, std::vector<std::string> more) {
        more.insert(more.begin(), {"listen", "--types", type, "--duration-s", "2.5"});
        return eventually([&] { return run(more) == 0 && !out.empty(); });
    };
    ASSERT_TRUE(heard("SequenceMergeMapAnnounce", {"--names"}));
    EXPECT_THAT(out, StartsWith("SequenceMergeMapAnnounce stream=20000 epoch=1 stale_ns=null rules=["));
    EXPECT_THAT(out, AllOf(HasSubstr("input=10000"), HasSubstr("type=OFFSET"), HasSubstr("window=3")));
    ASSERT_TRUE(heard("TimestampMergeMapRequest", {"--json"}));
    const auto request = json_lines(out).at(0);
    EXPECT_EQ(request.at("stream"), 30000);
    EXPECT_EQ(request.at("epoch"), 1);
    asking->signal(SIGINT);
    EXPECT_EQ(asking->wait(), 3) << "nothing was joined";
    authority->signal(SIGINT);
    authority->wait();
}

// spec: JOIN-077
TEST_F(TpJoinTest, ADriverNeitherKeepsNorPassesOnAMap) {
    const auto driver = start_driver();
    const auto authority = tp({"join", lockstep(), "--allow", shm_dir(), "--quiet"});
    const std::vector<std::string> ask{"join",    "--out-stream-id", "20000",        "--allow", shm_dir(),
                                       "--quiet", "--json",          "--duration-s", "1.5"};
    ASSERT_TRUE(eventually([&] { return run(ask) == 3 && json_lines(out).back().at("maps_applied") == 1; }))
        << out << err;
    authority->signal(SIGKILL);
    authority->wait();
    EXPECT_EQ(run(ask), 3);
    EXPECT_EQ(json_lines(out).back().at("maps_applied"), 0) << "the driver heard it all and said nothing";
    EXPECT_GT(json_lines(out).back().at("requests_sent"), 0);
}

TEST_F(TpJoinTest, RefusesWhatCannotBeWithOneLine) {
    EXPECT_EQ(run({"join"}), 2);
    EXPECT_THAT(err, HasSubstr("give a map FILE to announce, or --out-stream-id"));
    EXPECT_EQ(run({"join", lockstep(), "--out-stream-id", "1"}), 2);
    EXPECT_EQ(run({"join", write_map("rules = [{ input_stream_id = 1, window_size = 0 }]\n")}), 1);
    EXPECT_THAT(err, AllOf(HasSubstr("map.toml:3"), HasSubstr("rules[0].window_size")));
    EXPECT_EQ(run({"join", path("nothing.toml")}), 1);
    EXPECT_EQ(run({"join", "--help"}), 0);
    EXPECT_THAT(out, HasSubstr("Example: tp join"));
}

}  // namespace
}  // namespace tensorpool::test
