// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// The shared memory that a producer without a driver owns: files, epochs, announces.

#include "producer/producer_fixture.hpp"

#include <tensorpool/error.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <array>

namespace tensorpool::test {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::uint16_t, 3> kRegions{0, 1, 2};  // the header ring and both pools

fs::path epoch_dir(const ProducerFixture& fixture) {
    return fixture.dir.path() / ("tensorpool-" + shm::sanitised_user()) / "default" / "10000" /
           std::to_string(fixture.producer->epoch());
}

mode_t mode_of(const fs::path& path) {
    struct stat status {};
    EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
    return status.st_mode & 07777;
}

// spec: WIRE-144 WIRE-145 WIRE-146 WIRE-163
TEST(StandaloneTest, CreatesPrivateFilesInTheCanonicalPlaceAndAnnouncesTheirPaths) {
    ProducerFixture fixture;
    fixture.listen();
    fixture.start();
    fixture.advance(kNanosPerSecond);
    const fs::path dir = epoch_dir(fixture);
    EXPECT_EQ(mode_of(dir), 0700U);
    for (const char* file : {"header.ring", "1.pool", "2.pool"})
        EXPECT_EQ(mode_of(dir / file), 0600U) << file;
    EXPECT_EQ(fs::file_size(dir / "header.ring"), 64U + 8 * 256);
    EXPECT_EQ(fs::file_size(dir / "2.pool"), 64U + 8 * 4096);
    ASSERT_FALSE(fixture.announces.empty());
    EXPECT_EQ(fixture.announces[0].header_region_uri, "shm:file?path=" + (dir / "header.ring").string());
}

// spec: WIRE-163
TEST(StandaloneTest, SharesFilesWithTheGroupOnRequestWhateverTheUmask) {
    const mode_t old = ::umask(0077);
    ProducerFixture fixture([](ProducerOptions& options) { options.standalone->group_access = true; });
    fixture.start();
    ::umask(old);
    EXPECT_EQ(mode_of(epoch_dir(fixture)), 02770U);
    EXPECT_EQ(mode_of(epoch_dir(fixture) / "header.ring"), 0660U);
}

// spec: WIRE-063 WIRE-064 WIRE-065 WIRE-066
TEST(StandaloneTest, AnnouncesOncePerPeriodAndAtOnceToANewSubscriber) {
    ProducerFixture fixture([](ProducerOptions& options) { options.endpoints.announce.stream_id = 1001; });
    fixture.start();
    fixture.advance(kNanosPerSecond);
    fixture.listen();
    fixture.cycle();
    fixture.advance(100 * kNanosPerMilli);
    fixture.advance(100 * kNanosPerMilli);
    ASSERT_EQ(fixture.announces.size(), 1U);
    EXPECT_EQ(fixture.announces[0].clock_domain, ClockDomain::Monotonic);
    EXPECT_EQ(fixture.announces[0].header_slot_bytes, 256U);
    EXPECT_EQ(fixture.announces[0].producer_id, 77U);
    EXPECT_FALSE(control::invalid_reason(fixture.announces[0]));
    for (int i = 0; i < 30; ++i) fixture.advance(100 * kNanosPerMilli);
    EXPECT_EQ(fixture.announces.size(), 4U);
    EXPECT_EQ(fixture.announces[3].announce_timestamp_ns - fixture.announces[2].announce_timestamp_ns,
              static_cast<std::uint64_t>(kNanosPerSecond));
}

// The producer itself subscribes to a control stream that it announces on: it goes by who comes to speak
// there. spec: WIRE-063
TEST(StandaloneTest, AnnouncesAtOnceToWhoeverComesToAControlStreamItShares) {
    ProducerFixture fixture;
    fixture.start();
    fixture.listen();
    for (int i = 0; i < 15; ++i) fixture.advance(100 * kNanosPerMilli);
    const std::size_t before = fixture.announces.size();
    const Endpoint& at = fixture.options.endpoints.control;
    const auto consumer = fixture.context->messaging().add_publication(at.channel, at.stream_id);
    fixture.cycle();
    fixture.advance(kNanosPerMilli);
    EXPECT_EQ(fixture.announces.size(), before + 1);
    fixture.advance(kNanosPerMilli);
    EXPECT_EQ(fixture.announces.size(), before + 1);
}

// spec: WIRE-017 WIRE-015
TEST(StandaloneTest, RefreshesTheActivityOfEveryRegionAndNothingElseOfItsSuperblocks) {
    ProducerFixture fixture;
    fixture.listen();
    fixture.start();
    fixture.advance(kNanosPerSecond);
    const shm::StreamMapping mapping = fixture.look();
    const auto block_of = [&](std::uint16_t pool) {
        const std::byte* first = pool == 0 ? mapping.header_slots() : mapping.find_pool(pool)->slot(0);
        return shm::read_superblock(first - wire::kSuperblockBytes);
    };
    std::vector<wire::Superblock> before;
    for (const std::uint16_t pool : kRegions) before.push_back(block_of(pool));
    fixture.advance(kNanosPerSecond);
    for (const std::uint16_t pool : kRegions) {
        const wire::Superblock now = block_of(pool);
        EXPECT_EQ(now.activity_timestamp_ns, static_cast<std::uint64_t>(fixture.clock.now_ns()));
        EXPECT_GT(now.activity_timestamp_ns, before[pool].activity_timestamp_ns);
        EXPECT_TRUE(shm::same_superblock(now, before[pool]));
        EXPECT_EQ(now.pid, static_cast<std::uint64_t>(::getpid()));
        EXPECT_EQ(now.pool_id, pool);
    }
}

// spec: WIRE-131 WIRE-132 WIRE-022
TEST(StandaloneTest, TakesAHigherEpochAndStartsAtSeqZeroWithEveryRestart) {
    ProducerFixture fixture([](ProducerOptions& options) { options.standalone->unlink_on_close = false; });
    std::uint64_t last = 0;
    for (int i = 0; i < 3; ++i) {
        fixture.start();
        EXPECT_GT(fixture.producer->epoch(), last);
        EXPECT_EQ(fixture.producer->next_seq(), 0U);
        last = fixture.producer->epoch();
        ASSERT_TRUE(fixture.offer(10));
        fixture.producer.reset();
    }
    // Also above an epoch that a broken clock once left behind.
    const std::uint64_t far = last + 1'000'000'000'000'000'000;
    fs::create_directories(fixture.dir.path() / ("tensorpool-" + shm::sanitised_user()) / "default" /
                           "10000" / std::to_string(far));
    fixture.start();
    EXPECT_EQ(fixture.producer->epoch(), far + 1);
}

// spec: WIRE-140
TEST(StandaloneTest, RemovesItsFilesAndEmptyDirectoriesWhenItIsDestroyed) {
    ProducerFixture fixture;
    fixture.start();
    ASSERT_TRUE(fs::exists(epoch_dir(fixture)));
    fixture.producer.reset();
    EXPECT_FALSE(fs::exists(fixture.dir.path() / ("tensorpool-" + shm::sanitised_user())));
}

// spec: WIRE-070
TEST(StandaloneTest, AnnouncesOnlyWhatCanBeMappedAlready) {
    ProducerFixture fixture;
    fixture.listen();
    fixture.start();
    fixture.cycle();
    fixture.advance(kNanosPerMilli);
    ASSERT_FALSE(fixture.announces.empty());
    EXPECT_NO_THROW({ const shm::StreamMapping mapping = fixture.look(); });
}

struct BadOptions {
    const char* name;
    std::function<void(ProducerOptions&)> spoil;
    const char* says;
};
void PrintTo(const BadOptions& bad, std::ostream* out) {
    *out << bad.name;
}
class StandaloneValidationTest : public testing::TestWithParam<BadOptions> {};

// spec: WIRE-057 WIRE-061 WIRE-145 CFG-012
TEST_P(StandaloneValidationTest, RefusesWithTheValueAndTheRuleAndCreatesNothing) {
    ProducerFixture fixture(GetParam().spoil);
    try {
        fixture.start();
        FAIL() << "accepted";
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find(GetParam().says), std::string::npos) << error.what();
    }
    EXPECT_FALSE(fs::exists(fixture.dir.path() / ("tensorpool-" + shm::sanitised_user())));
}

INSTANTIATE_TEST_SUITE_P(
    Options, StandaloneValidationTest,
    testing::Values(BadOptions{"StreamZero", [](auto& o) { o.stream_id = 0; }, "stream_id 0"},
                    BadOptions{"StreamNull", [](auto& o) { o.stream_id = 0xffffffff; }, "4294967294"},
                    BadOptions{"Slots", [](auto& o) { o.standalone->header_nslots = 12; }, "16"},
                    BadOptions{"Stride",
                               [](auto& o) {
                                   o.standalone->pools = {{1, 1000}};
                               },
                               "WIRE-061"},
                    BadOptions{"NoPool", [](auto& o) { o.standalone->pools.clear(); }, "at least one pool"},
                    BadOptions{"PoolTwice",
                               [](auto& o) {
                                   o.standalone->pools = {{1, 64}, {1, 128}};
                               },
                               "twice"},
                    BadOptions{"Namespace", [](auto& o) { o.standalone->namespace_name = "../x"; },
                               "WIRE-145"},
                    BadOptions{"BaseDir", [](auto& o) { o.standalone->base_dir = "relative"; }, "absolute"},
                    BadOptions{"Space",
                               [](auto& o) {
                                   o.standalone->header_nslots = 1u << 20;
                                   o.standalone->pools = {{1, 1u << 31}};
                               },
                               "free"}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace tensorpool::test
