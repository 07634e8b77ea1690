// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// Real processes, killed at random moments. Nothing torn is ever accepted, nothing is left behind, nobody
// hangs.

#include "system/standalone_processes.hpp"

#include <filesystem>

namespace tensorpool::test {
namespace {

std::uint64_t new_seed() {
    const std::uint64_t seed = std::random_device{}();
    std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
    return seed;
}

std::vector<std::string> files_below(const TempDir& dir) {
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(dir.path()))
        files.push_back(entry.path().string());
    return files;
}

// spec: WIRE-036 WIRE-039 WIRE-042 WIRE-043 WIRE-131 WIRE-133 WIRE-142
TEST(StandaloneKillTest, AConsumerOutlivesProducersKilledInTheMiddleOfFrames) {
    std::mt19937_64 random(new_seed());
    const TempDir dir;
    {
        CheckingConsumer reader(dir);
        for (int round = 0; round < rounds(250); ++round) {
            ForkedChild producer([&]() -> int { produce_for_ever(dir, 8); });
            const std::size_t seen = reader.epochs.size();
            ASSERT_TRUE(eventually([&] {
                reader.cycle();
                return reader.epochs.size() > seen;
            })) << "round "
                << round << ": " << reader.consumer.last_error();
            spend(random, 3 * kNanosPerMilli, [&] { reader.cycle(); });
            producer.kill();
        }
        EXPECT_EQ(reader.torn, 0U);
        EXPECT_GT(reader.whole, 0U);
        EXPECT_TRUE(std::is_sorted(reader.epochs.begin(), reader.epochs.end()));
        EXPECT_EQ(std::adjacent_find(reader.epochs.begin(), reader.epochs.end()), reader.epochs.end());
        std::printf("%zu epochs, %llu frames whole, %llu overwritten while being read\n",
                    reader.epochs.size(), static_cast<unsigned long long>(reader.whole),
                    static_cast<unsigned long long>(reader.lost));
        // The next producer to come clears away what the dead ones left.
        Context context(context_options_in(dir));
        const Producer producer(context, producer_options_in(dir, 8));
    }
    EXPECT_EQ(files_below(dir), std::vector<std::string>{});
}

TEST(StandaloneKillTest, AProducerNeitherSlowsDownNorLeaksWhenItsReadersAreKilled) {
    std::mt19937_64 random(new_seed());
    const TempDir dir;
    {
        Context context(context_options_in(dir));
        Producer producer(context, producer_options_in(dir, 64));
        std::uint64_t published = 0;
        const auto produce = [&] {
            producer.do_work(monotonic_now_ns());
            ASSERT_TRUE(publish_pattern(producer));
            ++published;
        };
        for (int round = 0; round < rounds(250); ++round) {
            ForkedChild reader([&]() -> int {
                CheckingConsumer checking(dir);
                while (true) checking.cycle();
            });
            spend(random, 8 * kNanosPerMilli, produce);
            reader.kill();
        }
        EXPECT_EQ(producer.counters().frames_committed, published);
        EXPECT_EQ(producer.next_seq(), published);
        // With the last reader's death noticed, nobody is counted as connected any more.
        EXPECT_TRUE(eventually([&] {
            produce();
            return !producer.is_connected();
        }));
    }
    EXPECT_EQ(files_below(dir), std::vector<std::string>{});
}

// spec: WIRE-039 WIRE-040 WIRE-041 WIRE-042 WIRE-043
TEST(TornFrameTest, AReaderOfATinyRingNeverAcceptsAMixtureOfTwoFrames) {
    const TempDir dir;
    ForkedChild producer([&]() -> int { produce_for_ever(dir, 2, kPatientPeriod); });
    CheckingConsumer reader(dir, kPatientPeriod);
    const std::uint64_t enough = static_cast<std::uint64_t>(rounds(20'000));
    ASSERT_TRUE(eventually(
        [&] {
            for (int i = 0; i < 100; ++i) reader.cycle();
            return reader.whole >= enough;
        },
        std::chrono::minutes(3)))
        << reader.whole << " whole; " << reader.consumer.last_error();
    EXPECT_EQ(reader.torn, 0U);
    std::printf("%llu frames whole, %llu overwritten while being read, %llu late\n",
                static_cast<unsigned long long>(reader.whole), static_cast<unsigned long long>(reader.lost),
                static_cast<unsigned long long>(reader.consumer.counters().drops_late));
}

}  // namespace
}  // namespace tensorpool::test
