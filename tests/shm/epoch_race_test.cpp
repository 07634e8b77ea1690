// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "shm/stream_files.hpp"

#include <tensorpool/error.hpp>

#include "shm/stream_fixture.hpp"
#include "support/rounds.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

// Several threads stand for several producers: locks and directories do not know the difference.
namespace tensorpool::shm {
namespace {

using test::StreamPlace;
namespace fs = std::filesystem;

// spec: WIRE-138 WIRE-142
TEST(EpochRaceTest, WhoeverCleansUpNeverTakesAnEpochThatIsBeingMade) {
    const StreamPlace place;
    std::atomic<bool> stop = false;
    std::vector<std::thread> cleaners;
    for (int i = 0; i < 2; ++i) {
        cleaners.emplace_back([&] {
            while (!stop.load(std::memory_order_relaxed)) {
                remove_dead_epochs(place.paths, StreamPlace::kStream);
                remove_empty_parents(place.paths, StreamPlace::kStream);
            }
        });
    }
    for (int round = 1; round <= test::rounds(2000); ++round) {
        const auto epoch = static_cast<std::uint64_t>(round);
        try {
            (void)place.create(epoch);
        } catch (const Error& error) {
            ADD_FAILURE() << "epoch " << epoch << ": " << error.what();
            break;
        }
        const auto names = test::names_in(place.epoch_dir(epoch));
        if (names.size() != 3) {
            ADD_FAILURE() << "epoch " << epoch << " has " << names.size() << " of its files";
            break;
        }
        remove_epoch(place.paths, StreamPlace::kStream, epoch);  // so that the parents become empty again
    }
    stop.store(true, std::memory_order_relaxed);
    for (std::thread& cleaner : cleaners) cleaner.join();
}

// spec: WIRE-138 DRV-005
TEST(EpochRaceTest, OfManyWhoMakeTheSameEpochExactlyOneSucceeds) {
    const StreamPlace place;
    for (int round = 1; round <= test::rounds(400); ++round) {
        const auto epoch = static_cast<std::uint64_t>(round);
        std::atomic<int> ready = 0;
        std::atomic<int> made = 0;
        std::vector<std::thread> makers;
        for (int i = 0; i < 3; ++i) {
            makers.emplace_back([&] {
                ready.fetch_add(1);
                while (ready.load() < 3) std::this_thread::yield();
                try {
                    const StreamMapping mapping = place.create(epoch);
                    made.fetch_add(1);
                } catch (const Error& error) {
                    EXPECT_EQ(error.code(), ErrorCode::InvalidArgument) << error.what();
                }
            });
        }
        for (std::thread& maker : makers) maker.join();
        ASSERT_EQ(made.load(), 1) << "epoch " << epoch;
        ASSERT_EQ(test::names_in(place.epoch_dir(epoch)).size(), 3U) << "epoch " << epoch;
        ASSERT_TRUE(remove_epoch(place.paths, StreamPlace::kStream, epoch));
    }
}

}  // namespace
}  // namespace tensorpool::shm
