// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// `tp stats`, `tp top` and TP_LOG with real processes.

#include "apps/tp_fixture.hpp"

#include <algorithm>
#include <regex>

namespace tensorpool::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class TpStatsTest : public TpTest {
protected:
    std::unique_ptr<Program> produce(std::vector<std::string> more = {},
                                     const std::vector<std::string>& environment = {}) {
        std::vector<std::string> words{"produce", "--stream-id", "10000",  "--allow", shm_dir(),
                                       "--shape", "16,16",       "--rate", "200"};
        words.insert(words.end(), more.begin(), more.end());
        return tp(words, environment);
    }
    std::unique_ptr<Program> consume(std::vector<std::string> more = {}) {
        std::vector<std::string> words{"consume", "--stream-id", "10000", "--allow", shm_dir()};
        words.insert(words.end(), more.begin(), more.end());
        return tp(words);
    }
    /// The sum over all counters with that label; -1 when there is none.
    long long stat(const std::string& label) {
        EXPECT_EQ(run({"stats", "--all", "--json", "--filter", label + ": "}), 0) << err;
        long long sum = -1;
        for (const auto& line : json_lines(out)) {
            if (line["label"].get<std::string>().starts_with(label + ": "))
                sum = std::max(sum, 0LL) + line["value"].get<long long>();
        }
        return sum;
    }
};

// spec: TOOL-032, OBS-004, OBS-005
TEST_F(TpStatsTest, ShowsTheCountersOfEveryRunningRole) {
    const auto driver = start_driver();
    const auto producer = produce();
    const auto consumer = consume();
    EXPECT_TRUE(eventually([&] { return stat("FramesPublished") > 10 && stat("FramesDelivered") > 10; }));
    ASSERT_EQ(run({"stats"}), 0);
    const std::regex line("id=\\d+ type=\\d+ value=-?\\d+ label=[A-Za-z]+: NodeId=\\d+ Name=.*");
    std::istringstream in(out);
    int lines = 0;
    for (std::string text; std::getline(in, text); ++lines) EXPECT_TRUE(std::regex_match(text, line)) << text;
    EXPECT_GT(lines, 20);
    for (const char* label : {"label=FramesPublished: NodeId=", "label=DropsGap: NodeId=",
                              "label=DropsEpochMismatch: NodeId=", "label=AttachResponses: NodeId=32767 "})
        EXPECT_THAT(out, HasSubstr(label));
    EXPECT_THAT(out, Not(HasSubstr("FramesDelivered"))) << "beyond the protocol's table: only with --all";

    ASSERT_EQ(run({"stats", "--filter", "consumer"}), 0);
    EXPECT_THAT(out, HasSubstr("Name=Consumer stream=10000"));
    EXPECT_THAT(out, Not(HasSubstr("Name=Producer")));
    ASSERT_EQ(run({"stats", "--filter", "Qos"}), 0);
    EXPECT_THAT(out, HasSubstr("Name=Producer"));
    EXPECT_THAT(out, HasSubstr("Name=Consumer"));
    EXPECT_THAT(out, Not(HasSubstr("DropsGap")));
}

// spec: TOOL-030, TOOL-031
TEST_F(TpStatsTest, DriverCountersAndBridgeStatusFilterByRole) {
    const auto driver = start_driver();
    EXPECT_TRUE(eventually([&] { return run({"driver-counters"}) == 0 && !out.empty(); }));
    EXPECT_THAT(out, HasSubstr("label=Keepalives: NodeId=32767 Name=Driver"));
    ASSERT_EQ(run({"driver-counters", "--filter", "Keepalives", "--json"}), 0);
    const auto lines = json_lines(out);
    ASSERT_EQ(lines.size(), 1u);
    EXPECT_EQ(lines[0]["type"], 32767 << 16 | 6);
    EXPECT_EQ(lines[0]["value"], 0);
    ASSERT_EQ(run({"bridge-status"}), 0);
    EXPECT_EQ(out, "") << "no bridge runs";
    std::ofstream(path("bridge.toml")) << "[bridge]\ninstance_id = \"b-1\"\nforward_metadata = false\n"
                                       << "payload_channel = \"aeron:ipc\"\npayload_stream_id = 3000\n"
                                       << "control_channel = \"aeron:ipc\"\ncontrol_stream_id = 3001\n"
                                       << "[[mappings]]\nsource_stream_id = 10000\ndest_stream_id = 20000\n";
    const auto bridge = tp({"bridge", path("bridge.toml")});
    EXPECT_TRUE(eventually([&] {  // its last counter is there
        return run({"bridge-status"}) == 0 && out.find("BridgeDestEpoch: NodeId=20000 ") != std::string::npos;
    })) << bridge->err();
    EXPECT_THAT(out, HasSubstr("label=FramesForwarded: NodeId=20000 Name=Bridge stream=20000 source=10000 "
                               "end=both instance=b-1\n"));
    ASSERT_EQ(run({"stats", "--filter", "bridge"}), 0);
    EXPECT_THAT(out, HasSubstr("label=AssembliesReset: NodeId=20000 "));
    EXPECT_THAT(out, Not(HasSubstr("DropsCrc"))) << "beyond the protocol's table";
    ASSERT_EQ(run({"stats", "--filter", "join"}), 0);
    EXPECT_EQ(out, "");
}

TEST_F(TpStatsTest, ShowsNothingOfTheDead) {
    auto producer = tp({"produce", "--stream-id", "1", "--standalone", "--shm-base-dir", shm_dir(), "--shape",
                        "4,4", "--rate", "100"});
    EXPECT_TRUE(eventually([&] { return stat("FramesCommitted") > 0; })) << producer->err();
    producer->signal(SIGKILL);
    producer->wait();
    if (aeron_dir_of_tests().empty()) {
        EXPECT_EQ(stat("FramesCommitted"), -1);
    } else {  // once the media driver counts its client as dead
        EXPECT_TRUE(eventually([&] { return stat("FramesCommitted") == -1; }));
    }
    EXPECT_FALSE(std::filesystem::exists(messaging_dir() + "/counters"));
}

TEST_F(TpStatsTest, TopPrintsOneScreenForScripts) {
    const auto driver = start_driver();
    const auto producer = produce({"--producer-id", "77"});
    const auto consumer = consume({"--consumer-id", "88"});
    EXPECT_TRUE(eventually([&] { return stat("FramesDelivered") > 10; }));
    ASSERT_EQ(run({"top", "--once", "--interval-s", "0.5"}), 0);
    EXPECT_THAT(out, HasSubstr("tp top: 1 producers, 1 consumers"));
    EXPECT_THAT(out, HasSubstr("driver driver-01: 1 streams, 2 leases"));
    std::smatch row;
    ASSERT_TRUE(
        std::regex_search(out, row, std::regex("10000 producer +77 +([0-9.]+) +([0-9.]+) +\\d+ +- +0\n")))
        << out;
    EXPECT_GT(std::stod(row[1]), 0);
    EXPECT_TRUE(std::regex_search(out, std::regex("10000 consumer +88 +[0-9.]+ +[0-9.]+ +\\d+ +\\d+ +\\d+")))
        << out;
    std::istringstream in(out);
    for (std::string text; std::getline(in, text);) EXPECT_LE(text.size(), 80u) << text;
}

TEST_F(TpStatsTest, TopWithoutATerminalSaysWhatToDo) {
    EXPECT_EQ(run({"top"}), 2);
    EXPECT_THAT(err, HasSubstr("--once"));
    ASSERT_EQ(run({"top", "--once", "--interval-s", "0.1"}), 0);
    EXPECT_THAT(out, HasSubstr("is anything running"));
}

// spec: OBS-026
TEST_F(TpStatsTest, HistogramsAppearAsCountersWhenAskedFor) {
    const auto driver = tp({"driver", write_config(), "--histograms", "control"});
    const auto producer = produce();
    EXPECT_TRUE(eventually([&] { return stat("AttachLatencyCount") > 0 && stat("DriverPollP99") > 0; }));
    EXPECT_EQ(stat("PublishLatencyCount"), -1) << "not asked for";
}

// spec: OBS-017, OBS-020, OBS-021, OBS-024, TOOL-041
TEST_F(TpStatsTest, LogsAsTheEnvironmentSays) {
    const auto stopped = [&](const std::vector<std::string>& environment) {
        const std::string config = write_config();
        const auto driver = tp({"driver", config}, environment);
        EXPECT_TRUE(eventually([&] { return stat("TotalDutyCycles") >= 0; }));
        const auto producer = produce({"--frames", "3"});
        EXPECT_EQ(producer->wait(), 0) << producer->err();
        driver->signal(SIGTERM);
        EXPECT_EQ(driver->wait(), 0);
        return driver->err();
    };
    const auto records = json_lines(stopped({"TP_LOG=1"}));
    const auto attached = std::find_if(records.begin(), records.end(), [](const auto& record) {
        return record["msg"].template get<std::string>().find(" attached to stream ") != std::string::npos;
    });
    ASSERT_NE(attached, records.end());
    EXPECT_EQ((*attached)["level"], "info");
    EXPECT_EQ((*attached)["module"], "Driver");
    EXPECT_EQ((*attached)["fields"]["stream_id"], 10000);
    EXPECT_TRUE((*attached)["fields"]["lease_id"].is_number_unsigned());

    EXPECT_THAT(stopped({"TP_LOG=1", "TP_LOG_FORMAT=text"}), HasSubstr(" info Driver: client "));
    EXPECT_EQ(stopped({"TP_LOG=1", "TP_LOG_MODULES=Consumer"}), "");
    EXPECT_EQ(stopped({"TP_LOG=1", "TP_LOG_LEVEL=error"}), "");
    EXPECT_EQ(stopped({"TP_LOG=0"}), "");
    EXPECT_EQ(stopped({"TP_LOG=1", "TP_LOG_FILE=" + path("driver.log")}), "");
    std::ifstream log(path("driver.log"));
    std::ostringstream text;
    text << log.rdbuf();
    EXPECT_FALSE(json_lines(text.str()).empty());
    EXPECT_EQ(run({"driver", write_config()}, {"TP_LOG=1", "TP_LOG_FILE=" + dir.str()}), 1);
    EXPECT_THAT(err, HasSubstr("TP_LOG_FILE"));
}

}  // namespace
}  // namespace tensorpool::test
