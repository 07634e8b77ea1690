// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// tp discovery, tp discover and names, as real processes; also what is left when one of them is killed.

#include "apps/tp_fixture.hpp"

namespace tensorpool::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class TpDiscoveryTest : public TpTest {
protected:
    /// A driver that answers itself, on its control stream.
    std::unique_ptr<Program> start_embedded() const {
        auto driver =
            tp({"driver", write_config("[discovery]\nmetadata_channel = \"aeron:ipc?term-length=4m\"\n"
                                       "metadata_stream_id = 1300\n"
                                       "[[discovery.labels]]\nstream_id = 10000\ntags = [\"lab\", \"fast\"]\n"
                                       "data_source_id = 42\n")});
        EXPECT_TRUE(eventually([&] { return driver->err().find(" runs on ") != std::string::npos; }))
            << driver->err();
        return driver;
    }
    /// A registry over that one driver, on stream 7000.
    std::unique_ptr<Program> start_registry() const {
        const std::string file = path("discovery.toml");
        std::ofstream(file) << R"([discovery_registry]
channel = "aeron:ipc?term-length=4m"
stream_id = 7000
[[discovery_registry.endpoints]]
driver_instance_id = "driver-01"
announce_channel = "aeron:ipc?term-length=4m"
announce_stream_id = 1000
metadata_channel = "aeron:ipc?term-length=4m"
metadata_stream_id = 1300
driver_control_channel = "aeron:ipc?term-length=4m"
driver_control_stream_id = 1000
)";
        auto registry = tp({"discovery", file});
        EXPECT_TRUE(eventually([&] { return registry->err().find("lists 1 drivers") != std::string::npos; }))
            << registry->err();
        return registry;
    }
    std::unique_ptr<Program> start_producer(const std::string& name) const {
        return tp({"produce", "--stream-id", "10000", "--producer-id", "77", "--shape", "64", "--rate", "200",
                   "--name", name, "--allow", shm_dir()});
    }
    /// Asks until the answer has that many streams.
    bool lists(std::size_t count, std::vector<std::string> more = {}) {
        std::vector<std::string> words{"discover", "--json"};
        words.insert(words.end(), more.begin(), more.end());
        return eventually([&] { return run(words) == 0 && json_lines(out).at(0).at("count") == count; },
                          std::chrono::seconds(60));
    }
};

// spec: DISC-003 DISC-005 DISC-014 DISC-085 DISC-088 TOOL-039 TOOL-040
TEST_F(TpDiscoveryTest, ADriverListsItsOwnStreamsByNameAndTag) {
    const auto driver = start_embedded();
    const auto producer = start_producer("camera-1");
    ASSERT_TRUE(lists(1, {"--data-source-name", "camera-1", "--tags", "lab,fast"})) << out << err;
    const auto stream = json_lines(out).at(0).at("streams").at(0);
    EXPECT_EQ(stream.at("stream_id"), 10000);
    EXPECT_EQ(stream.at("data_source_name"), "camera-1");
    EXPECT_EQ(stream.at("data_source_id"), 42);
    EXPECT_EQ(stream.at("driver_instance_id"), "driver-01");
    EXPECT_EQ(run({"discover", "--json", "--tags", "lab,slow"}), 0);
    EXPECT_EQ(json_lines(out).at(0).at("count"), 0);
    EXPECT_EQ(run({"discovery-list"}), 0);
    EXPECT_THAT(out, AllOf(HasSubstr("status=OK\ncount=1\n"), HasSubstr("stream_id=10000 producer_id="),
                           HasSubstr("driver_control=aeron:ipc?term-length=4m stream=1000\n"),
                           HasSubstr("nslots=16 slot_bytes=256 max_dims=8\n"),
                           HasSubstr("data_source_name=camera-1 data_source_id=42\n"),
                           HasSubstr("tags=lab,fast\n"), HasSubstr("pool_id=1 nslots=16 stride=65536 uri=")));
}

// spec: DISC-009 DISC-010 DISC-060 DISC-089 DISC-090 DISC-091 DISC-092 DISC-093 DISC-094 DISC-095
TEST_F(TpDiscoveryTest, AConsumerFindsItsStreamByNameAndAttachesAtTheDriver) {
    const auto driver = start_embedded();
    const auto producer = start_producer("camera-1");
    EXPECT_EQ(
        run({"consume", "camera-1", "--frames", "20", "--duration-s", "60", "--allow", shm_dir(), "--json"}),
        0)
        << err;
    const auto summary = json_lines(out).back();
    EXPECT_EQ(summary.at("frames"), 20);
    EXPECT_EQ(summary.at("stream_id"), 10000);
    EXPECT_EQ(run({"consume", "camera-2", "--allow", shm_dir()}), 1);
    EXPECT_THAT(err, HasSubstr("no stream is called 'camera-2'"));
}

// spec: DISC-008 DISC-009 DISC-081 DISC-095
TEST_F(TpDiscoveryTest, BeingListedGrantsNothing) {
    const auto driver = start_embedded();
    const auto producer = start_producer("camera-1");
    ASSERT_TRUE(lists(1, {"--data-source-name", "camera-1"})) << err;
    // The list says where the memory is; without a lease, or outside the allowed directories, nothing is
    // mapped.
    std::filesystem::create_directory(path("elsewhere"));
    ASSERT_EQ(run({"consume", "camera-1", "--duration-s", "2", "--allow", path("elsewhere"), "--json"}), 0)
        << err;
    EXPECT_EQ(json_lines(out).back().at("frames"), 0);
    EXPECT_EQ(json_lines(out).back().at("mapped"), false);
}

TEST_F(TpDiscoveryTest, AQueryWithoutAProviderTimesOutAndSaysWhere) {
    EXPECT_EQ(run({"discover", "--timeout-ms", "300"}), 4);
    EXPECT_THAT(err, HasSubstr("no provider took the request"));
}

// spec: DISC-004 DISC-078 DISC-080
TEST_F(TpDiscoveryTest, NothingElseStopsWhenARegistryIsKilled) {
    const auto driver = start_driver();
    auto registry = start_registry();
    const std::vector<std::string> there{"--request-stream-id", "7000", "--data-source-name", "camera-1"};
    const auto producer = start_producer("camera-1");
    ASSERT_TRUE(lists(1, there)) << out << err;
    const auto consumer = tp({"consume", "camera-1", "--discovery-stream-id", "7000", "--allow", shm_dir(),
                              "--json", "--interval-s", "0.2"});
    const auto frames = [&] {
        const auto lines = json_lines(consumer->out());
        return lines.empty() ? 0 : lines.back().at("frames").get<int>();
    };
    ASSERT_TRUE(eventually([&] { return frames() > 0; }, std::chrono::seconds(60))) << consumer->err();
    registry->signal(SIGKILL);
    EXPECT_EQ(registry->wait(), -SIGKILL);
    const int before = frames();
    EXPECT_TRUE(eventually([&] { return frames() > before + 100; }, std::chrono::seconds(60)));
    EXPECT_TRUE(consumer->running());
    EXPECT_TRUE(driver->running());
    registry = start_registry();
    EXPECT_TRUE(lists(1, there)) << "the next one learns from the next announces";
    driver->signal(SIGKILL);
    EXPECT_TRUE(eventually(
        [&] {
            return run({"discover", "--json", "--request-stream-id", "7000"}) == 0 &&
                   json_lines(out).at(0).at("count") == 0;
        },
        std::chrono::seconds(60)))
        << "a dead driver's streams expire";
    EXPECT_TRUE(registry->running());
}

TEST_F(TpDiscoveryTest, AnEmbeddedProviderDiesWithItsDriverOnly) {
    auto driver = start_embedded();
    const auto producer = start_producer("camera-1");
    ASSERT_TRUE(lists(1, {"--data-source-name", "camera-1"})) << err;
    driver->signal(SIGKILL);
    EXPECT_EQ(driver->wait(), -SIGKILL);
    EXPECT_EQ(run({"discover", "--timeout-ms", "300"}), 4);
    EXPECT_TRUE(producer->running());
    driver = start_embedded();
    EXPECT_TRUE(lists(1, {"--data-source-name", "camera-1"})) << err;
}

TEST_F(TpDiscoveryTest, ABadConfigurationIsRefusedWithEveryProblem) {
    std::ofstream(path("bad.toml")) << "[discovery_registry]\nstream_id = 0\n";
    EXPECT_EQ(run({"discovery", path("bad.toml")}), 1);
    EXPECT_THAT(err, AllOf(HasSubstr("bad.toml:2: discovery_registry.stream_id: 0 is not"),
                           HasSubstr("discovery_registry.channel: is missing"),
                           HasSubstr("discovery_registry.endpoints: is missing")));
}

}  // namespace
}  // namespace tensorpool::test
