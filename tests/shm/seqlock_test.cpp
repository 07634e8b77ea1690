// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "shm/seqlock.hpp"

#include "base/racy_copy.hpp"
#include "support/eventually.hpp"
#include "support/forked_child.hpp"
#include "support/rounds.hpp"
#include "wire/shm_records.hpp"

#include <gtest/gtest.h>

#include <sys/mman.h>

#include <array>
#include <cstring>
#include <iostream>
#include <random>
#include <thread>

namespace tensorpool::shm {
namespace {

constexpr std::size_t kSlotWords = wire::kHeaderSlotBytes / sizeof(std::uint64_t);
constexpr std::size_t kPayloadWords = 512;
constexpr std::size_t kMaxSlots = 8;

struct alignas(64) Slot {
    std::array<std::byte, wire::kHeaderSlotBytes> bytes{};
};

// spec: WIRE-035 WIRE-041 WIRE-042
TEST(SeqlockTest, TheWordIsTheSequenceAndTheCommittedBit) {
    for (const std::uint64_t seq :
         {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{41}, (std::uint64_t{1} << 63) - 1}) {
        EXPECT_EQ(in_progress_word(seq), seq << 1);
        EXPECT_EQ(committed_word(seq), (seq << 1) + 1);
        EXPECT_FALSE(is_committed(in_progress_word(seq)));
        EXPECT_TRUE(is_committed(committed_word(seq)));
        EXPECT_EQ(seq_of(in_progress_word(seq)), seq);
        EXPECT_EQ(seq_of(committed_word(seq)), seq);
    }
    EXPECT_FALSE(is_committed(0)) << "a zeroed slot is in progress";
}

// spec: WIRE-025 WIRE-035 WIRE-036 WIRE-038
TEST(SeqlockTest, BeginAndCommitWriteTheFirstWordOfTheSlotAndNothingElse) {
    Slot slot;
    slot.bytes.fill(std::byte{0xEE});
    const auto word = [&] {
        std::uint64_t value = 0;
        std::memcpy(&value, slot.bytes.data(), sizeof value);
        return value;
    };
    seqlock_begin(slot.bytes.data(), 21);
    EXPECT_EQ(word(), 42U);
    EXPECT_EQ(seqlock_load(slot.bytes.data()), 42U);
    seqlock_commit(slot.bytes.data(), 21);
    EXPECT_EQ(word(), 43U);
    EXPECT_EQ(seqlock_load(slot.bytes.data()), 43U);
    for (std::size_t i = 8; i < slot.bytes.size(); ++i) ASSERT_EQ(slot.bytes[i], std::byte{0xEE}) << i;
}

// spec: WIRE-042
TEST(SeqlockTest, TheSecondLookSeesEveryLaterWrite) {
    Slot slot;
    std::byte* bytes = slot.bytes.data();
    seqlock_begin(bytes, 5);
    seqlock_commit(bytes, 5);
    const std::uint64_t seen = seqlock_load(bytes);
    EXPECT_TRUE(seqlock_unchanged(bytes, seen));
    seqlock_begin(bytes, 5);
    EXPECT_FALSE(seqlock_unchanged(bytes, seen)) << "the same frame is being written again";
    seqlock_commit(bytes, 5);
    EXPECT_TRUE(seqlock_unchanged(bytes, seen));
    seqlock_begin(bytes, 13);
    EXPECT_FALSE(seqlock_unchanged(bytes, seen));
    seqlock_commit(bytes, 13);
    EXPECT_FALSE(seqlock_unchanged(bytes, seen)) << "a later frame in the same slot";
}

// spec: WIRE-040
TEST(SeqlockTest, TheWordIsAccessedAsOneLockFreeAtomic) {
    EXPECT_TRUE(std::atomic_ref<std::uint64_t>::is_always_lock_free);
    EXPECT_EQ(std::atomic_ref<std::uint64_t>::required_alignment, sizeof(std::uint64_t));
    EXPECT_EQ(wire::kHeaderSlotBytes % std::atomic_ref<std::uint64_t>::required_alignment, 0U);
}

/// A tiny stream in shared memory: header slots whose words, and payloads whose words, all follow from seq.
struct Ring {
    struct alignas(64) Payload {
        std::array<std::uint64_t, kPayloadWords> words;
    };
    std::array<Slot, kMaxSlots> slots;
    std::array<Payload, kMaxSlots> payloads;
    alignas(64) std::uint64_t published;  ///< last seq + 1, as a descriptor would carry it
    alignas(64) std::uint64_t stop;
};

/// The word that every place of frame `seq` must hold: no two frames share one.
std::uint64_t pattern(std::uint64_t seq, std::size_t place) noexcept {
    return (seq + 1) * 0x9E3779B97F4A7C15U + place;
}

/// Writes frames until told to stop.
void write_frames(Ring& ring, std::size_t nslots, unsigned seed) {
    std::mt19937 random(seed);
    for (std::uint64_t seq = 0; base::load_relaxed(ring.stop) == 0; ++seq) {
        const std::size_t index = seq & (nslots - 1);
        std::byte* slot = ring.slots[index].bytes.data();
        std::array<std::uint64_t, kPayloadWords> words;
        for (std::size_t i = 0; i < words.size(); ++i) words[i] = pattern(seq, i);
        seqlock_begin(slot, seq);
        // In pieces, and not always in the same order: a reader must not depend on either.
        const std::size_t cut = 8 * (1 + random() % (kPayloadWords - 1));
        auto* payload = reinterpret_cast<std::byte*>(ring.payloads[index].words.data());
        const auto* from = reinterpret_cast<const std::byte*>(words.data());
        const std::size_t bytes = sizeof words;
        base::racy_copy_to_shared(payload + cut, from + cut, bytes - cut);
        base::racy_copy_to_shared(slot + 8, from + 8, wire::kHeaderSlotBytes - 8);
        base::racy_copy_to_shared(payload, from, cut);
        seqlock_commit(slot, seq);
        base::store_release(ring.published, seq + 1);
        // Frames come in bursts and with gaps, so that readers meet every phase of the writer.
        for (auto idle = random() % 4 == 0 ? random() % 20'000 : 0; idle > 0; --idle)
            base::compiler_barrier();
    }
}

struct Seen {
    std::uint64_t accepted = 0;
    std::uint64_t in_progress = 0;
    std::uint64_t other_frame = 0;
    std::uint64_t changed = 0;
    std::uint64_t torn = 0;  ///< accepted, and yet not one frame
};

/// Tries `tries` times to read the newest frame or a random older one, and goes on until one was accepted and
/// the writer had its share of the processors too.
Seen read_frames(const Ring& ring, std::size_t nslots, unsigned seed, int tries) {
    std::mt19937 random(seed);
    Seen seen;
    std::array<std::uint64_t, kSlotWords> header{};
    std::array<std::uint64_t, kPayloadWords> payload{};
    const auto frames = static_cast<std::uint64_t>(tries / 50);
    std::uint64_t published = 0;
    for (int tried = 0; (tried < tries || seen.accepted == 0 || published < frames) && seen.torn == 0;) {
        published = base::load_acquire(ring.published);
        if (published == 0) continue;
        ++tried;
        const std::uint64_t back = random() % nslots;
        const std::uint64_t seq = published - 1 - std::min(back, published - 1);
        const std::size_t index = seq & (nslots - 1);
        const std::byte* slot = ring.slots[index].bytes.data();
        const std::uint64_t word = seqlock_load(slot);
        if (!is_committed(word)) {
            ++seen.in_progress;
            continue;
        }
        if (seq_of(word) != seq) {
            ++seen.other_frame;
            continue;
        }
        base::racy_copy_from_shared(header.data() + 1, slot + 8, wire::kHeaderSlotBytes - 8);
        base::racy_copy_from_shared(payload.data(), ring.payloads[index].words.data(), sizeof payload);
        if (!seqlock_unchanged(slot, word)) {
            ++seen.changed;
            continue;
        }
        ++seen.accepted;
        bool whole = true;
        for (std::size_t i = 1; i < header.size(); ++i) whole = whole && header[i] == pattern(seq, i);
        for (std::size_t i = 0; i < payload.size(); ++i) whole = whole && payload[i] == pattern(seq, i);
        if (!whole) ++seen.torn;
    }
    return seen;
}

/// A Ring that a forked child shares.
class SharedRing {
public:
    SharedRing()
        : ring_(static_cast<Ring*>(::mmap(nullptr, sizeof(Ring), PROT_READ | PROT_WRITE,
                                          MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0))) {}
    SharedRing(const SharedRing&) = delete;
    SharedRing& operator=(const SharedRing&) = delete;
    ~SharedRing() { ::munmap(ring_, sizeof(Ring)); }
    [[nodiscard]] Ring& operator*() const noexcept { return *ring_; }

private:
    Ring* ring_;
};

/// How many slots the ring has: with one, nearly every read is overtaken.
class SeqlockTortureTest : public testing::TestWithParam<std::size_t> {
protected:
    static constexpr int kTries = 200'000;

    SeqlockTortureTest() { std::cout << "seed " << seed << "\n"; }

    static void report(const Seen& seen) {
        std::cout << "accepted " << seen.accepted << ", in progress " << seen.in_progress << ", other frame "
                  << seen.other_frame << ", changed " << seen.changed << "\n";
    }

    const unsigned seed = std::random_device{}();
    const std::size_t nslots = GetParam();
};

std::string slots_name(const testing::TestParamInfo<std::size_t>& slots) {
    return "Slots" + std::to_string(slots.param);
}

INSTANTIATE_TEST_SUITE_P(Rings, SeqlockTortureTest, testing::Values(1, 2, 8), slots_name);

// spec: WIRE-036 WIRE-038 WIRE-039 WIRE-041 WIRE-042 WIRE-043
TEST_P(SeqlockTortureTest, NoTornFrameIsAcceptedFromAnotherThread) {
    SharedRing shared;
    Ring& ring = *shared;
    std::thread writer([&] { write_frames(ring, nslots, seed); });
    Seen seen[2];
    std::thread other([&] { seen[1] = read_frames(ring, nslots, seed + 2, test::rounds(kTries)); });
    seen[0] = read_frames(ring, nslots, seed + 1, test::rounds(kTries));
    other.join();
    base::store_release(ring.stop, 1);
    writer.join();
    for (const Seen& reader : seen) {
        report(reader);
        EXPECT_EQ(reader.torn, 0U);
        EXPECT_GT(reader.accepted, 0U);
    }
}

// spec: WIRE-036 WIRE-038 WIRE-039 WIRE-041 WIRE-042 WIRE-043
TEST_P(SeqlockTortureTest, NoTornFrameIsAcceptedFromAnotherProcess) {
    SharedRing shared;
    Ring& ring = *shared;
    test::ForkedChild writer([&] {
        write_frames(ring, nslots, seed);
        return 0;
    });
    const Seen seen = read_frames(ring, nslots, seed + 1, test::rounds(kTries));
    base::store_release(ring.stop, 1);
    EXPECT_EQ(writer.wait(), 0);
    report(seen);
    EXPECT_EQ(seen.torn, 0U);
    EXPECT_GT(seen.accepted, 0U);
}

// spec: WIRE-041
TEST_P(SeqlockTortureTest, AFrameWhoseWriterDiedIsNeverAccepted) {
    SharedRing shared;
    Ring& ring = *shared;
    test::ForkedChild writer([&] {
        write_frames(ring, nslots, seed);
        return 0;
    });
    // Every slot was written once: one that never was is not committed either.
    ASSERT_TRUE(test::eventually([&] { return base::load_acquire(ring.published) > nslots; }));
    (void)read_frames(ring, nslots, seed + 1, 100);
    writer.kill();  // at any instruction
    const std::uint64_t published = base::load_acquire(ring.published);
    int unfinished = 0;
    for (std::size_t index = 0; index < nslots; ++index) {
        const std::byte* slot = ring.slots[index].bytes.data();
        const std::uint64_t word = seqlock_load(slot);
        if (!is_committed(word)) {
            ++unfinished;
            continue;
        }
        EXPECT_LE(seq_of(word), published) << "the one before its descriptor at most";
        for (std::size_t i = 0; i < kPayloadWords; ++i) {
            ASSERT_EQ(ring.payloads[index].words[i], pattern(seq_of(word), i)) << "slot " << index;
        }
    }
    EXPECT_LE(unfinished, 1) << "only the frame it was at";
}

}  // namespace
}  // namespace tensorpool::shm
