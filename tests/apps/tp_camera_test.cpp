// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "support/eventually.hpp"
#include "support/program.hpp"
#include "support/temp_dir.hpp"
#include "tp_camera/fake_camera_process.hpp"

#include <tensorpool/consumer.hpp>
#include <tensorpool/context.hpp>
#include <tensorpool/driver.hpp>
#include <tensorpool/producer.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <ostream>
#include <sstream>
#include <string>
#include <vector>

namespace tensorpool {
namespace {

namespace fs = std::filesystem;
using apps::FakeCameraProcess;
using test::eventually;
using test::Program;
using test::TempDir;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

constexpr const char* kLoopback = "127.0.0.1";
constexpr const char* kStream = "4711";
constexpr std::uint32_t kStreamId = 4711;

/// The shared memory and messaging of one test, and the tp-camera processes that use them.
class TpCameraTest : public testing::Test {
protected:
    [[nodiscard]] std::string messaging_dir() const { return dir.str() + "/messaging"; }
    [[nodiscard]] std::string shm_dir() const { return dir.str() + "/shm"; }

    void SetUp() override { fs::create_directory(shm_dir()); }

    [[nodiscard]] std::unique_ptr<Program> run(const std::vector<std::string>& options,
                                               const std::vector<std::string>& environment = {}) const {
        std::vector<std::string> words{TP_CAMERA, "--messaging-dir", messaging_dir(), "--shm-dir",
                                       shm_dir(), "--stream",        kStream};
        words.insert(words.end(), options.begin(), options.end());
        return std::make_unique<Program>(words, environment);
    }
    [[nodiscard]] std::vector<std::string> files_left() const {
        std::vector<std::string> files;
        for (const auto& entry : fs::recursive_directory_iterator(dir.path()))
            if (entry.path() != shm_dir()) files.push_back(entry.path().string());
        return files;
    }

    TempDir dir;
};

/// Whether `address` lies in a mapping of a payload pool's file.
bool is_in_payload_pool(const std::byte* address) {
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
        std::istringstream fields(line);
        std::uintptr_t begin = 0;
        std::uintptr_t end = 0;
        char dash = 0;
        fields >> std::hex >> begin >> dash >> end;
        const auto value = reinterpret_cast<std::uintptr_t>(address);
        if (begin <= value && value < end) return line.ends_with(".pool");
    }
    return false;
}

/// A consumer of the stream in this process that checks every pixel of the simulator's pattern.
class CheckingConsumer {
public:
    CheckingConsumer(const std::string& messaging_dir, const std::string& shm_dir, bool use_driver)
        : context([&] {
              ContextOptions options;
              options.messaging_dir = messaging_dir;
              return options;
          }()),
          consumer(context, [&] {
              ConsumerOptions options;
              options.stream_id = kStreamId;
              options.use_driver = use_driver;
              options.allowed_base_dirs = {shm_dir};
              return options;
          }()) {}

    void cycle() {
        consumer.do_work(monotonic_now_ns());
        consumer.poll([this](const Frame& frame) { check(frame); });
    }
    /// Whether that many more frames arrive whole while `meanwhile` is called in each cycle.
    template <typename Meanwhile>
    bool receives(std::uint64_t frames, Meanwhile&& meanwhile) {
        const std::uint64_t goal = good + frames;
        return eventually([&] {
            meanwhile();
            cycle();
            return good >= goal;
        });
    }
    bool receives(std::uint64_t frames) {
        return receives(frames, [] {});
    }

    Context context;
    Consumer consumer;
    std::uint64_t good = 0;
    std::uint64_t wrong = 0;
    std::uint64_t outside_pool = 0;
    std::uint64_t last_timestamp_ns = 0;

private:
    void check(const Frame& frame) {
        const TensorLayout& tensor = frame.tensor();
        ASSERT_EQ(tensor.dtype, Dtype::UInt8);
        ASSERT_EQ(frame.payload().size(), static_cast<std::size_t>(tensor.dims[0] * tensor.dims[1]));
        if (good == 0 && !is_in_payload_pool(frame.payload().data())) ++outside_pool;
        const auto first = std::to_integer<unsigned>(frame.payload()[0]);
        bool right = true;
        for (std::size_t i = 0; i < frame.payload().size(); ++i) {
            const auto x = static_cast<unsigned>(i % static_cast<std::size_t>(tensor.dims[1]));
            const auto y = static_cast<unsigned>(i / static_cast<std::size_t>(tensor.dims[1]));
            right = right && std::to_integer<unsigned>(frame.payload()[i]) == (x + y + first) % 255;
        }
        if (!frame.intact()) return;  // overwritten while it was checked: allowed
        EXPECT_GT(frame.timestamp_ns(), last_timestamp_ns);
        last_timestamp_ns = frame.timestamp_ns();
        ++(right ? good : wrong);
    }
};

std::size_t line_count(const std::string& text) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

// ---- --list ---------------------------------------------------------------------------------------------

TEST_F(TpCameraTest, ListsTheCameraThatAnswers) {
    const FakeCameraProcess camera(TP_FAKE_CAMERA, kLoopback, "LISTED");
    const auto text = run({"--list"});
    EXPECT_EQ(text->wait(), 0);
    EXPECT_THAT(text->out(), AllOf(HasSubstr("id=Aravis-Fake-LISTED"), HasSubstr("address=127.0.0.1"),
                                   HasSubstr("protocol=GigEVision")));
    const auto json = run({"--list", "--json"});
    EXPECT_EQ(json->wait(), 0);
    const auto cameras = nlohmann::json::parse(json->out()).at("cameras");
    const bool found = std::any_of(cameras.begin(), cameras.end(),
                                   [](const auto& c) { return c.at("id") == "Aravis-Fake-LISTED"; });
    EXPECT_TRUE(found) << json->out();
}

TEST_F(TpCameraTest, StartsTheCameraThatItListsWhenAskedTo) {
    const auto list = run({"--list", "--fake"});
    EXPECT_EQ(list->wait(), 0);
    EXPECT_THAT(list->out(), HasSubstr("protocol=GigEVision"));
}

// ---- frames ---------------------------------------------------------------------------------------------

TEST_F(TpCameraTest, AConsumerReadsItsFramesIntactAndInPlace) {
    const auto camera = run({"--fake", "--standalone", "--rate", "50"});
    CheckingConsumer reader(messaging_dir(), shm_dir(), false);
    ASSERT_TRUE(reader.receives(60)) << camera->err();
    EXPECT_EQ(reader.wrong, 0u);
    EXPECT_EQ(reader.outside_pool, 0u);
    EXPECT_TRUE(eventually([&] { return camera->out().find("frames_per_s=") != std::string::npos; }))
        << "no statistics line";
    EXPECT_THAT(camera->out(), AllOf(StartsWith("camera=Aravis-Fake-"), HasSubstr(" gaps=")));
}

TEST_F(TpCameraTest, PublishesExactlyTheFramesAskedForAndSumsUp) {
    const auto camera = run(
        {"--fake", "--standalone", "--rate", "200", "--roi", "64,32,320,200", "--frames", "25", "--json"});
    EXPECT_EQ(camera->wait(), 0) << camera->err();
    ASSERT_EQ(line_count(camera->out()), 1u) << "stdout is for one object";
    const auto summary = nlohmann::json::parse(camera->out());
    EXPECT_EQ(summary.at("frames"), 25);
    EXPECT_EQ(summary.at("bytes"), 25 * 320 * 200);
    EXPECT_EQ(summary.at("width"), 320);
    EXPECT_EQ(summary.at("height"), 200);
    EXPECT_EQ(summary.at("stream_id"), kStreamId);
    EXPECT_EQ(summary.at("mode"), "standalone");
    EXPECT_EQ(summary.at("stopped_by"), "frames");
    EXPECT_EQ(summary.at("gaps"), summary.at("incomplete").get<int>() + summary.at("missed").get<int>());
    EXPECT_THAT(files_left(), IsEmpty());
}

TEST_F(TpCameraTest, EndsAfterTheDurationAskedFor) {
    const auto camera = run({"--fake", "--standalone", "--rate", "100", "--duration", "0.5", "--json"});
    EXPECT_EQ(camera->wait(), 0) << camera->err();
    const auto summary = nlohmann::json::parse(camera->out());
    EXPECT_EQ(summary.at("stopped_by"), "duration");
    EXPECT_GE(summary.at("elapsed_s").get<double>(), 0.5);
    EXPECT_GT(summary.at("frames"), 0);
}

// ---- what it says when it cannot ------------------------------------------------------------------------

struct Refusal {
    const char* name;
    std::vector<std::string> options;
    std::string message;
    int code = 2;
};

std::ostream& operator<<(std::ostream& out, const Refusal& refusal) {
    return out << refusal.name;
}

class TpCameraRefusalTest : public TpCameraTest, public testing::WithParamInterface<Refusal> {};

TEST_P(TpCameraRefusalTest, IsOneLineThatSaysWhatToChange) {
    const auto camera = run(GetParam().options);
    EXPECT_EQ(camera->wait(), GetParam().code);
    EXPECT_THAT(camera->err(), AllOf(StartsWith("tp-camera: "), HasSubstr(GetParam().message)));
    // What the command line got wrong is followed by how it is used (TOOL-001).
    const bool usage = GetParam().code == 2 && camera->err().find("\nusage: tp-camera ") != std::string::npos;
    EXPECT_EQ(line_count(camera->err()), usage ? 2U : 1U) << camera->err();
    EXPECT_EQ(camera->out(), "");
    EXPECT_THAT(files_left(), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    CommandLine, TpCameraRefusalTest,
    testing::Values(
        Refusal{"UnknownOption", {"--frmes", "3"}, "--frmes"},
        Refusal{"RegionWithThreeNumbers", {"--roi", "1,2,3"}, "--roi: '1,2,3' must be four whole numbers"},
        Refusal{"RegionWithAWord", {"--roi", "1,2,3,x"}, "--roi: '1,2,3,x' must be four whole numbers"},
        Refusal{"RateOfZero", {"--rate", "0"}, "--rate: '0' must be a number above 0"},
        Refusal{"RateThatIsNoNumber", {"--rate", "nan"}, "--rate: 'nan' must be a number above 0"},
        Refusal{"NoFrames", {"--frames", "0"}, "--frames"},
        Refusal{"StreamZero", {"--stream-id", "0"}, "--stream"},
        Refusal{"SlotsNoPowerOfTwo", {"--slots", "48"}, "--slots: '48' must be a power of two"},
        Refusal{"TwoCameras", {"--fake", "--camera", "x"}, "--fake"},
        Refusal{"UnknownMessaging", {"--messaging", "pigeon"}, "pigeon"}),
    [](const auto& test) { return std::string(test.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Camera, TpCameraRefusalTest,
    testing::Values(
        Refusal{"RegionBeyondTheSensor",
                {"--fake", "--roi", "1600,0,512,512"},
                "tp-camera: --roi 1600,0,512,512: x + width exceeds the sensor's 2048 pixels; valid x is "
                "0..1536"},
        Refusal{"UnknownPixelFormat", {"--fake", "--pixel-format", "Mono7"}, "--pixel-format Mono7: refused"},
        Refusal{"RateBeyondTheCamera",
                {"--fake", "--rate", "100000"},
                "--rate 100000: the camera's range is 0.1..1000 Hz"},
        Refusal{
            "CameraThatIsNotThere", {"--camera", "Acme-Nine-1"}, "camera 'Acme-Nine-1' cannot be opened", 1},
        Refusal{"NoDriver", {"--fake", "--timeout-ms", "100"}, "--standalone works without a driver", 1}),
    [](const auto& test) { return std::string(test.param.name); });

TEST_F(TpCameraTest, ShowsAnExampleInItsHelp) {
    const auto help = run({"--help"});
    EXPECT_EQ(help->wait(), 0);
    EXPECT_THAT(help->out(), AllOf(HasSubstr("Example: tp-camera --fake --standalone"), HasSubstr("--roi")));
    EXPECT_EQ(help->err(), "");
}

// ---- how it ends ----------------------------------------------------------------------------------------

class TpCameraSignalTest : public TpCameraTest, public testing::WithParamInterface<int> {};

TEST_P(TpCameraSignalTest, EndsItInOrderAndLeavesNothingBehind) {
    const auto camera = run({"--fake", "--standalone", "--json"});
    {
        CheckingConsumer reader(messaging_dir(), shm_dir(), false);
        ASSERT_TRUE(reader.receives(3)) << camera->err();
    }
    EXPECT_THAT(camera->children(), SizeIs(1)) << "the simulator";
    camera->signal(GetParam());
    EXPECT_EQ(camera->wait(), 0);
    EXPECT_EQ(nlohmann::json::parse(camera->out()).at("stopped_by"), "signal");
    EXPECT_THAT(files_left(), IsEmpty());
    // The simulator is gone too: its port is free.
    const FakeCameraProcess next(TP_FAKE_CAMERA, kLoopback, "NEXT");
}

INSTANTIATE_TEST_SUITE_P(Signals, TpCameraSignalTest, testing::Values(SIGINT, SIGTERM, SIGHUP),
                         [](const auto& test) { return std::string(::sigabbrev_np(test.param)); });

TEST_F(TpCameraTest, EndsInOrderWhenNobodyReadsItsOutputAnyMore) {
    const std::string command = std::string(TP_CAMERA) + " --fake --standalone --messaging-dir " +
                                messaging_dir() + " --shm-dir " + shm_dir() + " | head -n 1";
    Program pipeline({"/bin/sh", "-c", command});
    EXPECT_EQ(pipeline.wait(), 0);
    EXPECT_THAT(pipeline.out(), StartsWith("camera="));
    EXPECT_THAT(files_left(), IsEmpty());
}

TEST_F(TpCameraTest, ItsSimulatorDiesWithIt) {
    const auto camera = run({"--fake", "--standalone"});
    CheckingConsumer reader(messaging_dir(), shm_dir(), false);
    ASSERT_TRUE(reader.receives(1)) << camera->err();
    camera->signal(SIGKILL);
    EXPECT_EQ(camera->wait(), -SIGKILL);
    EXPECT_TRUE(eventually([&] {
        try {
            const FakeCameraProcess next(TP_FAKE_CAMERA, kLoopback, "NEXT");
            return true;
        } catch (const Error&) {  // the port is still taken
            return false;
        }
    }));
}

// ---- what it survives -----------------------------------------------------------------------------------

TEST_F(TpCameraTest, GoesOnInTheSameEpochWhenAKilledCameraComesBack) {
    auto simulator = std::make_unique<FakeCameraProcess>(TP_FAKE_CAMERA, kLoopback, "PHOENIX");
    const auto camera =
        run({"--camera", "Aravis-Fake-PHOENIX", "--standalone", "--rate", "50", "--json"}, {"TP_LOG=1"});
    CheckingConsumer reader(messaging_dir(), shm_dir(), false);
    ASSERT_TRUE(reader.receives(20)) << camera->err();
    const std::uint64_t epoch = reader.consumer.epoch();
    simulator->end(SIGKILL);
    simulator = std::make_unique<FakeCameraProcess>(TP_FAKE_CAMERA, kLoopback, "PHOENIX");
    // Nothing of what the killed one sent is left to be read once the program noticed.
    ASSERT_TRUE(eventually([&] {
        reader.cycle();
        return camera->err().find("Aravis-Fake-PHOENIX is back") != std::string::npos;
    })) << camera->err();
    ASSERT_TRUE(reader.receives(50)) << camera->err();
    EXPECT_EQ(reader.wrong, 0u);
    EXPECT_EQ(reader.consumer.epoch(), epoch);
    camera->signal(SIGINT);
    EXPECT_EQ(camera->wait(), 0);
    const auto summary = nlohmann::json::parse(camera->out());
    EXPECT_EQ(summary.at("camera_losses"), 1);
    EXPECT_EQ(summary.at("camera_returns"), 1);
}

TEST_F(TpCameraTest, StartsItsOwnSimulatorAgainWhenThatIsKilled) {
    const auto camera = run({"--fake", "--standalone", "--rate", "50"}, {"TP_LOG=1"});
    CheckingConsumer reader(messaging_dir(), shm_dir(), false);
    ASSERT_TRUE(reader.receives(10)) << camera->err();
    const auto children = camera->children();
    ASSERT_THAT(children, SizeIs(1));
    ::kill(children[0], SIGKILL);
    ASSERT_TRUE(eventually([&] {
        reader.cycle();
        return camera->err().find("is back") != std::string::npos;
    })) << camera->err();
    EXPECT_TRUE(reader.receives(30)) << camera->err();
    EXPECT_EQ(reader.wrong, 0u);
}

/// A driver in this process with one stream for the camera, on the directories of the test.
class DriverInProcess {
public:
    DriverInProcess(const std::string& messaging_dir, const std::string& shm_dir) {
        DriverConfig config;
        config.messaging_dir = messaging_dir;
        config.shm.base_dir = shm_dir;
        config.profiles = {{.name = "camera",
                            .header_nslots = 32,
                            .payload_pools = {{.pool_id = 1, .stride_bytes = 1u << 20}}}};
        config.streams = {{.name = "cam", .stream_id = kStreamId, .profile = "camera"}};
        context_ = std::make_unique<Context>(config.context_options());
        driver_ = std::make_unique<Driver>(*context_, config);
    }
    void cycle() { driver_->do_work(monotonic_now_ns()); }
    [[nodiscard]] bool has_producer() const { return driver_->streams().at(0).producer_lease_id.has_value(); }

private:
    std::unique_ptr<Context> context_;
    std::unique_ptr<Driver> driver_;
};

// spec: DRV-117 DRV-120
TEST_F(TpCameraTest, PublishesUnderADriversLeaseAndAgainAfterTheDriverWasRestarted) {
    auto driver = std::make_unique<DriverInProcess>(messaging_dir(), shm_dir());
    const auto camera = run({"--fake", "--rate", "50", "--json"});
    CheckingConsumer reader(messaging_dir(), shm_dir(), true);
    ASSERT_TRUE(reader.receives(20, [&] { driver->cycle(); })) << camera->err();
    EXPECT_TRUE(driver->has_producer());
    const std::uint64_t epoch = reader.consumer.epoch();

    driver.reset();
    driver = std::make_unique<DriverInProcess>(messaging_dir(), shm_dir());
    ASSERT_TRUE(eventually([&] {
        driver->cycle();
        reader.cycle();
        return driver->has_producer() && reader.consumer.epoch() > epoch;
    })) << camera->err();
    ASSERT_TRUE(reader.receives(20, [&] { driver->cycle(); })) << camera->err();
    EXPECT_EQ(reader.wrong, 0u);

    camera->signal(SIGTERM);
    EXPECT_TRUE(eventually([&] {
        driver->cycle();
        return !camera->running();
    }));
    EXPECT_EQ(camera->wait(), 0);
    EXPECT_FALSE(driver->has_producer()) << "the lease was not given back";
    const auto summary = nlohmann::json::parse(camera->out());
    EXPECT_EQ(summary.at("mode"), "driver");
    EXPECT_EQ(summary.at("mapping_losses"), 1);
}

TEST_F(TpCameraTest, SaysThatAStreamHasAProducerAlready) {
    DriverInProcess driver(messaging_dir(), shm_dir());
    const FakeCameraProcess simulator(TP_FAKE_CAMERA, kLoopback, "SHARED");
    ContextOptions options;
    options.messaging_dir = messaging_dir();
    Context context(options);
    ProducerOptions first;
    first.stream_id = kStreamId;
    first.allowed_base_dirs = {shm_dir()};
    Producer producer(context, first);
    ASSERT_TRUE(eventually([&] {
        driver.cycle();
        producer.do_work(monotonic_now_ns());
        return producer.is_ready();
    }));
    const auto camera = run({"--camera", kLoopback, "--timeout-ms", "1500"});
    EXPECT_TRUE(eventually([&] {
        driver.cycle();
        producer.do_work(monotonic_now_ns());
        return !camera->running();
    }));
    EXPECT_EQ(camera->wait(), 1);
    EXPECT_THAT(camera->err(),
                AllOf(StartsWith("tp-camera: "), HasSubstr("REJECTED"), HasSubstr("producer")));
}

}  // namespace
}  // namespace tensorpool
