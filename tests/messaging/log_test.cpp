// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "messaging/embedded/log_reader.hpp"
#include "messaging/embedded/log_writer.hpp"
#include "support/pattern.hpp"
#include "support/rounds.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <optional>
#include <random>
#include <string>
#include <vector>

namespace tensorpool::messaging::embedded {
namespace {

using test::fill_pattern;
using test::pattern;
using test::read_pattern;

constexpr std::uint64_t kCells = kMinTermBytes / kCellBytes;
constexpr std::size_t kPage = 4096;

/// Zeroed memory between two pages that kill whoever touches them.
class GuardedMemory {
public:
    explicit GuardedMemory(std::size_t bytes) : bytes_(bytes) {
        map_ = ::mmap(nullptr, bytes + 2 * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (map_ == MAP_FAILED || ::mprotect(data(), bytes, PROT_READ | PROT_WRITE) != 0) std::abort();
    }
    ~GuardedMemory() { ::munmap(map_, bytes_ + 2 * kPage); }
    GuardedMemory(const GuardedMemory&) = delete;
    GuardedMemory& operator=(const GuardedMemory&) = delete;
    [[nodiscard]] std::byte* data() const { return static_cast<std::byte*>(map_) + kPage; }

private:
    void* map_;
    std::size_t bytes_;
};

class LogTest : public testing::Test {
protected:
    LogTest() { buffer_.large = large_.data(); }

    /// Reads to the end, or to the first `limit` records; counts the cells of what was read.
    std::vector<std::uint64_t> drain(std::size_t limit = ~std::size_t{0}) {
        std::vector<std::uint64_t> seqs;
        while (seqs.size() < limit) {
            std::span<const std::byte> record;
            const ReadStatus status = reader_.read(buffer_, record, losses_);
            if (status == ReadStatus::Empty) break;
            if (status == ReadStatus::Skipped) continue;
            seqs.push_back(read_pattern(record).value_or(~std::uint64_t{0}));
            delivered_cells_ += cells_for(record.size());
        }
        return seqs;
    }
    std::uint64_t* word(std::uint64_t cell, std::size_t offset) {
        return reinterpret_cast<std::uint64_t*>(
            static_cast<void*>(ring() + (cell % kCells) * kCellBytes + offset));
    }
    std::byte* ring() { return file_.data() + kLogHeaderBytes; }
    LogHeader& header() { return *reinterpret_cast<LogHeader*>(static_cast<void*>(file_.data())); }

    GuardedMemory file_{log_file_bytes(kCells)};
    GuardedMemory large_{max_message_bytes(kCells)};
    LogWriter writer_{file_.data(), kCells};
    LogReader reader_{file_.data(), kCells};
    RecordBuffer buffer_{};
    LossCounters losses_;
    std::uint64_t delivered_cells_ = 0;
};

TEST_F(LogTest, AccountsForEveryCellWhetherReadOrLost) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    std::uint64_t seq = 0;
    std::uint64_t next = 0;
    for (int round = 0; round < test::rounds(20'000); ++round) {
        for (std::uint64_t burst = random() % 40; burst > 0; --burst) {
            const std::size_t longest = random() % 20 == 0 ? max_message_bytes(kCells) : 300;
            writer_.append(pattern(seq++, test::kPatternHeader + random() % (longest - 7)));
        }
        for (const std::uint64_t got : drain(random() % 30)) {
            ASSERT_GE(got, next);
            ASSERT_LT(got, seq) << "a torn record";
            next = got + 1;
        }
        ASSERT_EQ(reader_.position() * kCellBytes, delivered_cells_ * kCellBytes + losses_.lost_bytes);
    }
    for (const std::uint64_t got : drain()) ASSERT_LT(got, seq);
    EXPECT_EQ(reader_.position(), writer_.next_cell());
    EXPECT_EQ(writer_.next_cell() * kCellBytes, delivered_cells_ * kCellBytes + losses_.lost_bytes);
    EXPECT_GT(losses_.overruns, 0U);
}

TEST_F(LogTest, ARecordOf48BytesIsOneCacheLine) {
    writer_.append(pattern(1, 48));
    EXPECT_EQ(writer_.next_cell(), 1U);
    writer_.append(pattern(2, 49));
    EXPECT_EQ(writer_.next_cell(), 3U);
    writer_.append({});
    EXPECT_EQ(writer_.next_cell(), 4U);
}

TEST_F(LogTest, ARecordThatIsStillBeingWrittenIsNotThere) {
    writer_.append(pattern(1, 20));
    fill_pattern({writer_.begin_short(), 20}, 2);
    EXPECT_EQ(drain(), std::vector<std::uint64_t>{1});
    EXPECT_FALSE(reader_.pending());
    writer_.commit_short(20);
    EXPECT_TRUE(reader_.pending());
    EXPECT_EQ(drain(), std::vector<std::uint64_t>{2});
}

TEST_F(LogTest, JoinsBehindARecordWhoseWriterStoppedBeforeItMovedTheTail) {
    writer_.append(pattern(1, 20));
    writer_.append(pattern(2, 700));
    header().tail = 0;
    reader_.join_at_tail();
    EXPECT_EQ(reader_.position(), writer_.next_cell());
    EXPECT_TRUE(drain().empty());
}

TEST_F(LogTest, SkipsARecordWhoseStartWasOverwrittenAndFindsTheNext) {
    writer_.append(pattern(1, 700));
    writer_.append(pattern(2, 20));
    *word(0, 0) = stamp_of(0, kCommittedBit);  // a continuation where a record should start
    EXPECT_EQ(drain(), std::vector<std::uint64_t>{2});
    EXPECT_EQ(losses_.lost_bytes, cells_for(700) * kCellBytes);
}

TEST_F(LogTest, NeverBelievesALengthThatNoMessageCanHave) {
    for (const std::uint32_t length : {~std::uint32_t{0}, std::uint32_t{1} << 31,
                                       static_cast<std::uint32_t>(max_message_bytes(kCells)) + 1}) {
        const std::uint64_t at = writer_.next_cell();
        writer_.append(pattern(1, 20));
        *word(at, 8) = std::uint64_t{kDataRecord} << 32 | length;
        writer_.append(pattern(2, 20));
        EXPECT_EQ(drain(), std::vector<std::uint64_t>{2});
    }
    EXPECT_EQ(losses_.lost_bytes, 3 * kCellBytes);
}

TEST_F(LogTest, NeverReadsContinuationsThatAreNotThere) {
    writer_.append(pattern(1, 20));
    *word(0, 8) = std::uint64_t{kDataRecord} << 32 | max_message_bytes(kCells);
    EXPECT_TRUE(drain().empty());
    writer_.append(pattern(2, 20));
    EXPECT_EQ(drain(), std::vector<std::uint64_t>{2});
}

TEST_F(LogTest, SurvivesAnyCorruption) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    for (int round = 0; round < test::rounds(300); ++round) {
        for (int i = 0; i < 100; ++i)
            writer_.append(pattern(static_cast<std::uint64_t>(i), 8 + random() % 500));
        for (std::uint64_t hits = random() % 200; hits > 0; --hits) {
            const std::uint64_t cell = random() % 2 == 0 ? random() : reader_.position() + random() % 40;
            // Plausible stamps and lengths as well as noise.
            const std::uint64_t value = random() % 3 == 0 ? random()
                                        : random() % 2 == 0
                                            ? stamp_of(cell + kCells * (random() % 3), random() % 4)
                                            : std::uint64_t{1} << 32 | random() % 20'000;
            *word(cell, random() % 2 * 8) = value;
        }
        if (random() % 4 == 0)
            header().tail = random() % 2 == 0 ? random() : reader_.position() + random() % kCells;
        if (random() % 8 == 0) reader_.join_at_tail();
        for (int step = 0; step < 20'000; ++step) {
            std::span<const std::byte> record;
            const ReadStatus status = reader_.read(buffer_, record, losses_);
            if (status == ReadStatus::Empty) break;
            if (status == ReadStatus::Record) {
                ASSERT_LE(record.size(), max_message_bytes(kCells));
                (void)read_pattern(record);  // touches every byte
            }
        }
        (void)reader_.pending();
        // Honest again: as if the image had been joined anew.
        header().tail = writer_.next_cell();
        reader_ = LogReader(file_.data(), kCells);
        if (random() % 2 == 0) reader_.join_at_tail();
    }
}

TEST(LogLayoutTest, TakesTheRingsSizeFromTheFileSizeAlone) {
    EXPECT_EQ(cells_of_file(log_file_bytes(kCells)), kCells);
    EXPECT_EQ(cells_of_file(log_file_bytes(kCells) + 1), 0U);
    EXPECT_EQ(cells_of_file(log_file_bytes(kCells) - 64), 0U);
    EXPECT_EQ(cells_of_file(log_file_bytes(kCells * 3)), 0U);
    EXPECT_EQ(cells_of_file(0), 0U);
    EXPECT_EQ(cells_of_file(log_file_bytes(kMaxTermBytes / kCellBytes)), kMaxTermBytes / kCellBytes);
    EXPECT_EQ(cells_of_file(log_file_bytes(2 * kMaxTermBytes / kCellBytes)), 0U);
}

}  // namespace
}  // namespace tensorpool::messaging::embedded
