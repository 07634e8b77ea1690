// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// An aeronmd killed under a whole deployment of real processes, and started again: none of them ends, and
// each does its job again.

#include "apps/tp_fixture.hpp"
#include "support/media_driver.hpp"

#include <map>

namespace tensorpool::test {
namespace {

constexpr const char* kConsumerOfSource = "consumer";
constexpr const char* kConsumerOfThinned = "thin consumer";

class TpMediaDriverKillTest : public TpTest {
protected:
    void SetUp() override {
        media_driver = std::make_unique<AeronmdProcess>(std::vector<std::string>{kTimeout});
        aeron_dir_of_tests() = media_driver->dir();
        TpTest::SetUp();
    }
    void TearDown() override {
        programs.clear();
        aeron_dir_of_tests().clear();
    }

    void start(const std::string& name, std::vector<std::string> words) {
        programs[name] = tp(std::move(words), {kTimeout, "TP_LOG=1"});
    }
    Program& program(const std::string& name) { return *programs.at(name); }
    nlohmann::json last_of(const std::string& name) {
        const auto lines = json_lines(program(name).out());
        return lines.empty() ? nlohmann::json() : nlohmann::json(lines.back());
    }
    std::uint64_t frames_of(const std::string& name) {
        const auto last = last_of(name);
        return last.is_null() ? 0 : last.at("frames").get<std::uint64_t>();
    }
    /// What the supervisor saw last of the source's producer and its readers; empty without either.
    std::string seen_by_supervisor() {
        const auto state = last_of("supervisor");
        if (state.is_null() || state.at("producers").empty() || state.at("consumers").empty()) return {};
        return state.at("producers").dump() + state.at("consumers").dump();
    }
    std::size_t joined() {
        std::size_t ready = 0;
        for (const auto& line : json_lines(program("join").out()))
            ready += line.value("state", "") == "READY" ? 1U : 0U;
        return ready;
    }
    /// The source and, as the limiter passes metadata on, its thinned stream.
    bool both_discovered() {
        return run({"discover", "--json", "--data-source-name", "camera-1", "--timeout-ms", "2000"}) == 0 &&
               json_lines(out).at(0).at("count") == 2;
    }
    static std::size_t count(const std::string& text, const std::string& word) {
        std::size_t found = 0;
        for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++found;
        return found;
    }
    /// Until every program has noticed `times` deaths.
    void expect_everybody_notices(std::size_t times) {
        for (const auto& [name, process] : programs) {
            EXPECT_TRUE(within([&, &p = *process] {
                return count(p.err(), "lost the media driver") >= times || !p.running();
            })) << name
                << " has not noticed death " << times;
            EXPECT_TRUE(process->running()) << name << " ended: " << process->err();
        }
    }
    /// Every role does its job after this call was made.
    void expect_everything_works() {
        const std::uint64_t direct = frames_of(kConsumerOfSource);
        const std::uint64_t thin = frames_of(kConsumerOfThinned);
        const std::uint64_t recorded = frames_of("recorder");
        const std::string seen = seen_by_supervisor();
        const std::size_t ready = joined();
        EXPECT_TRUE(within([&] { return frames_of(kConsumerOfSource) >= direct + 100; }))
            << program(kConsumerOfSource).err() << program("producer").err() << program("driver").err();
        EXPECT_TRUE(within([&] { return frames_of(kConsumerOfThinned) >= thin + 10; }))
            << program(kConsumerOfThinned).err() << program("limiter").err();
        EXPECT_TRUE(within([&] { return frames_of("recorder") > recorded; })) << program("recorder").err();
        EXPECT_TRUE(within([&] {
            const std::string now = seen_by_supervisor();
            return !now.empty() && now != seen;
        })) << program("supervisor").err();
        EXPECT_TRUE(within([&] { return joined() >= ready + 5; })) << program("join").err();
        EXPECT_TRUE(within([&] { return both_discovered(); })) << out << err;
    }
    template <typename Condition>
    static bool within(Condition&& condition) {
        return eventually(std::forward<Condition>(condition), std::chrono::seconds(90));
    }

    /// On both sides: patience with a busy machine, and not more.
    static constexpr const char* kTimeout = "AERON_DRIVER_TIMEOUT=4000";
    std::unique_ptr<AeronmdProcess> media_driver;
    std::map<std::string, std::unique_ptr<Program>> programs;
};

TEST_F(TpMediaDriverKillTest, EveryRoleGoesOnWithTheNextOne) {
    const std::string config = write_config(
        "[streams.thin]\nstream_id = 20000\nprofile = \"small\"\n"
        "[discovery]\nmetadata_channel = \"aeron:ipc?term-length=4m\"\nmetadata_stream_id = 1300\n");
    std::ofstream(path("limiter.toml")) << R"([rate_limiter]
instance_id = "limiter-1"
descriptor_channel = "aeron:ipc?term-length=4m"
descriptor_stream_id = 1100
driver_control_channel = "aeron:ipc?term-length=4m"
driver_control_stream_id = 1000
metadata_channel = "aeron:ipc?term-length=4m"
metadata_stream_id = 1300
shm_base_dir = ")" << shm_dir() << R"("
[[mappings]]
source_stream_id = 10000
dest_stream_id = 20000
max_rate_hz = 50
)";
    std::ofstream(path("map.toml")) << "[merge_map]\nout_stream_id = 30000\nrules = ["
                                       "{ input_stream_id = 10000, offset = 0 }, "
                                       "{ input_stream_id = 20000, offset = 0 }]\n";
    const auto consume = [&](const char* name, const char* stream) {
        start(name, {"consume", "--stream-id", stream, "--verify", "--allow", shm_dir(), "--json",
                     "--interval-s", "0.2"});
    };
    start("driver", {"driver", config});
    ASSERT_TRUE(within([&] { return program("driver").err().find(" runs on ") != std::string::npos; }))
        << program("driver").err();
    start("supervisor", {"supervisor", config, "--json", "--interval-s", "0.2", "--observe"});
    start("recorder",
          {"trace", "record", path("run.db"), "--allow", shm_dir(), "--json", "--interval-s", "0.2"});
    start("producer", {"produce", "--stream-id", "10000", "--shape", "64", "--pattern", "seq", "--rate",
                       "400", "--name", "camera-1", "--trace", "--allow", shm_dir()});
    start("limiter", {"rate-limiter", path("limiter.toml")});
    start("join",
          {"join", path("map.toml"), "--latest", "--period-s", "0.1", "--allow", shm_dir(), "--json"});
    consume(kConsumerOfSource, "10000");
    consume(kConsumerOfThinned, "20000");
    expect_everything_works();
    for (std::size_t round = 1; round <= 2 && !HasFailure(); ++round) {
        media_driver->kill();
        expect_everybody_notices(round);
        media_driver->restart();
        expect_everything_works();
    }
    for (const char* name : {kConsumerOfSource, kConsumerOfThinned}) {
        program(name).signal(SIGINT);
        EXPECT_EQ(program(name).wait(), 0) << "no frame was torn";
        EXPECT_EQ(last_of(name).at("bad_frames"), 0);
    }
    for (const char* name : {"join", "limiter", "producer", "recorder", "supervisor", "driver"}) {
        program(name).signal(SIGINT);
        EXPECT_EQ(program(name).wait(), 0) << name << program(name).err();
    }
    EXPECT_EQ(files_left(), 0);
}

}  // namespace
}  // namespace tensorpool::test
