// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// tp rate-limiter as a real process; also what is left when it is killed.

#include "apps/tp_fixture.hpp"

namespace tensorpool::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class TpRateLimiterTest : public TpTest {
protected:
    std::unique_ptr<Program> start_driver_with_two() const {
        auto driver =
            tp({"driver", write_config("[streams.thin]\nstream_id = 20000\nprofile = \"small\"\n")});
        EXPECT_TRUE(eventually([&] { return driver->err().find(" runs on ") != std::string::npos; }))
            << driver->err();
        return driver;
    }
    std::string write_limiter() const {
        std::string file = path("limiter.toml");
        std::ofstream(file) << R"([rate_limiter]
instance_id = "limiter-1"
descriptor_channel = "aeron:ipc?term-length=4m"
descriptor_stream_id = 1100
driver_control_channel = "aeron:ipc?term-length=4m"
driver_control_stream_id = 1000
metadata_channel = "aeron:ipc?term-length=4m"
metadata_stream_id = 1300
shm_base_dir = ")" << shm_dir()
                            << R"("
[[mappings]]
source_stream_id = 10000
dest_stream_id = 20000
max_rate_hz = 20
)";
        return file;
    }
    std::unique_ptr<Program> start_limiter() const {
        return tp({"rate-limiter", write_limiter(), "--json", "--interval-s", "0.2"});
    }
    std::unique_ptr<Program> start_consumer(const std::string& stream) const {
        return tp({"consume", "--stream-id", stream, "--max-rate", "20", "--verify", "--allow", shm_dir(),
                   "--json", "--interval-s", "0.2"});
    }
    static nlohmann::json last_of(const Program& program) {
        const auto lines = json_lines(program.out());
        return lines.empty()
                   ? nlohmann::json{{"frames", 0}, {"epoch", 0}, {"mappings", nlohmann::json::array()}}
                   : lines.back();
    }
    static bool reads_more(const Program& consumer, int more = 10) {
        const int before = last_of(consumer).at("frames");
        return eventually([&] { return last_of(consumer).at("frames") >= before + more; },
                          std::chrono::seconds(60));
    }
};

// spec: RATE-053 RATE-054
TEST_F(TpRateLimiterTest, ThinsAStreamForItsConsumer) {
    const auto driver = start_driver_with_two();
    const auto producer = tp({"produce", "--stream-id", "10000", "--shape", "64", "--pattern", "seq",
                              "--rate", "400", "--name", "camera-1", "--allow", shm_dir()});
    const auto limiter = start_limiter();
    const auto consumer = start_consumer("20000");
    ASSERT_TRUE(reads_more(*consumer)) << consumer->err() << limiter->err();
    consumer->signal(SIGINT);
    EXPECT_EQ(consumer->wait(), 0) << "every frame is whole and carries its source's number";
    EXPECT_GT(last_of(*consumer).at("drops_gap"), 0);
    limiter->signal(SIGINT);
    EXPECT_EQ(limiter->wait(), 0);
    const auto summary = last_of(*limiter);
    EXPECT_EQ(summary.at("type"), "summary");
    const auto mapping = summary.at("mappings").at(0);
    EXPECT_GT(mapping.at("drops_rate"), 0);
    EXPECT_GT(mapping.at("metadata_forwarded"), 0);
}

TEST_F(TpRateLimiterTest, NothingElseStopsWhenItIsKilled) {
    const auto driver = start_driver_with_two();
    const auto producer = tp({"produce", "--stream-id", "10000", "--shape", "64", "--pattern", "seq",
                              "--rate", "400", "--allow", shm_dir()});
    auto limiter = start_limiter();
    const auto direct = start_consumer("10000");
    const auto thin = start_consumer("20000");
    ASSERT_TRUE(reads_more(*direct)) << direct->err();
    ASSERT_TRUE(reads_more(*thin)) << thin->err() << limiter->err();
    const std::uint64_t epoch = last_of(*thin).at("epoch");
    limiter->signal(SIGKILL);
    EXPECT_EQ(limiter->wait(), -SIGKILL);
    EXPECT_TRUE(reads_more(*direct, 200)) << "the source's consumers do not notice";
    for (const Program* program : {driver.get(), producer.get(), direct.get(), thin.get()})
        EXPECT_TRUE(const_cast<Program*>(program)->running());
    limiter = start_limiter();
    EXPECT_TRUE(reads_more(*thin)) << "its consumer goes on with the next one";
    EXPECT_GT(last_of(*thin).at("epoch"), epoch);
    for (const auto* consumer : {&direct, &thin}) {
        (*consumer)->signal(SIGINT);
        EXPECT_EQ((*consumer)->wait(), 0) << "no frame was torn";
    }
}

TEST_F(TpRateLimiterTest, ABadConfigurationIsRefusedWithEveryProblem) {
    std::ofstream(path("bad.toml")) << "[rate_limiter]\nforward_progress = true\n";
    EXPECT_EQ(run({"rate-limiter", path("bad.toml")}), 1);
    EXPECT_THAT(err, AllOf(HasSubstr("rate_limiter.instance_id: is missing"),
                           HasSubstr("rate_limiter.descriptor_channel: is missing"),
                           HasSubstr("rate_limiter.source_control_stream_id: is 0 or missing"),
                           HasSubstr("mappings: is missing")));
}

}  // namespace
}  // namespace tensorpool::test
