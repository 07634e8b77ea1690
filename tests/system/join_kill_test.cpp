// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// Joins of real streams: an input's process killed and started again, the joining process killed, frames that
// are gone by the time the join is ready.

#include "system/standalone_processes.hpp"

#include <tensorpool/join.hpp>
#include <tensorpool/merge_map_exchange.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <ctime>
#include <memory>

namespace tensorpool::test {
namespace {

constexpr std::uint32_t kLeft = 4242;
constexpr std::uint32_t kRight = 4243;
constexpr std::uint32_t kJoined = 9000;
constexpr std::uint32_t kBytes = 256;
constexpr std::uint32_t kSmallRing = 64;
// Two processes start seconds apart on a busy machine: the ring still holds what the later one is about to
// join.
constexpr std::uint32_t kLargeRing = 4096;

ProducerOptions input_options(const TempDir& dir, std::uint32_t stream_id, std::uint32_t nslots) {
    ProducerOptions options = producer_options_in(dir, nslots);
    options.stream_id = stream_id;
    options.standalone->pools = {{1, kBytes}};
    options.descriptor_timestamps = true;
    return options;
}

/// One frame, captured now.
bool publish_now(Producer& producer) {
    auto claim = producer.try_claim(kBytes);
    if (!claim) return false;
    fill_pattern(claim->payload().first(kBytes), claim->seq());
    FrameInfo info;
    info.tensor.dims[0] = static_cast<std::int32_t>(kBytes);
    info.values_len_bytes = kBytes;
    info.timestamp_ns = static_cast<std::uint64_t>(monotonic_now_ns());
    producer.commit(std::move(*claim), info);
    return true;
}

/// Publishes a frame every other millisecond until it is killed.
[[noreturn]] void run_input(const TempDir& dir, std::uint32_t stream_id) {
    Context context(context_options_in(dir));
    Producer producer(context, input_options(dir, stream_id, kLargeRing));
    const timespec pause{0, 2'000'000};
    while (true) {
        producer.do_work(monotonic_now_ns());
        publish_now(producer);
        ::nanosleep(&pause, nullptr);
    }
}

SequenceMergeMap lockstep(std::uint64_t epoch) {
    return {kJoined,
            epoch,
            std::nullopt,
            {SequenceRule::at_offset(kLeft, 0), SequenceRule::at_offset(kRight, 0)}};
}

JoinOptions joined_options() {
    JoinOptions options;
    options.out_stream_id = kJoined;
    options.out_epoch = 1;
    return options;
}

/// A stage that owns its output: joins two inputs, tries every output that is ready, and starts a new output
/// epoch with its map when an input starts anew.
class JoinStage {
public:
    explicit JoinStage(const TempDir& dir)
        : context(context_options_in(dir)),
          left(context, consumer_of(dir, kLeft)),
          right(context, consumer_of(dir, kRight)),
          authority(context, {}),
          maps(context, join) {
        start_epoch(1);
    }

    void cycle() {
        const Nanos now = monotonic_now_ns();
        authority.do_work(now);
        maps.do_work(now);
        for (Consumer* input : {&left, &right}) {
            input->do_work(now);
            input->poll([&](const Frame& frame) { join.observe(input->stream_id(), frame, now); });
        }
        if (join.counters().input_epochs != epochs_seen_) {
            epochs_seen_ = join.counters().input_epochs;
            start_epoch(join.out_epoch() + 1);
        }
        if (!next_) next_ = join.first_out_seq();
        while (next_ && join.decide(*next_, now).ready()) {
            const bool whole = try_frame(left, *next_) && try_frame(right, *next_);
            ++(whole ? outputs : dropped);
            if (whole) outputs_of_epoch = join.out_epoch();
            ++*next_;
        }
    }

    Context context;
    Consumer left;
    Consumer right;
    SequenceJoin join{joined_options()};
    MergeMapPublisher authority;
    MergeMapClient maps;
    std::uint64_t outputs = 0;
    std::uint64_t dropped = 0;
    std::uint64_t torn = 0;
    std::uint64_t outputs_of_epoch = 0;

private:
    static ConsumerOptions consumer_of(const TempDir& dir, std::uint32_t stream_id) {
        ConsumerOptions options = consumer_options_in(dir);
        options.stream_id = stream_id;
        return options;
    }
    void start_epoch(std::uint64_t epoch) {
        join.set_out_epoch(epoch);
        authority.publish(lockstep(epoch));
        join.apply(lockstep(epoch));
        next_.reset();
    }
    /// One look, no retry (JOIN-006).
    bool try_frame(Consumer& input, std::uint64_t seq) {
        bool right_bytes = false;
        const bool good = input.read(seq, [&](const Frame& frame) {
            right_bytes = frame.copy_to(copy_) && read_pattern(copy_) == seq;
        });
        if (good && !right_bytes) ++torn;
        return good;
    }

    std::vector<std::byte> copy_ = std::vector<std::byte>(kBytes);
    std::optional<std::uint64_t> next_;
    std::uint64_t epochs_seen_ = 0;
};

// spec: JOIN-005 JOIN-006 JOIN-021
TEST(JoinKillTest, AJoinOutlivesItsInputsThatAreKilledAndStartedAgain) {
    const TempDir dir;
    auto left = std::make_unique<ForkedChild>([&]() -> int { run_input(dir, kLeft); });
    auto right = std::make_unique<ForkedChild>([&]() -> int { run_input(dir, kRight); });
    JoinStage stage(dir);
    const auto joins_more = [&](std::uint64_t more) {
        const std::uint64_t before = stage.outputs;
        return eventually(
            [&] {
                stage.cycle();
                return stage.outputs >= before + more;
            },
            std::chrono::minutes(2));
    };
    ASSERT_TRUE(joins_more(20)) << stage.left.last_error() << stage.right.last_error();
    for (int round = 0; round < rounds(8); ++round) {
        // Both sequences begin anew, one input at a time: in between there is nothing to join.
        left->kill();
        left = std::make_unique<ForkedChild>([&]() -> int { run_input(dir, kLeft); });
        right->kill();
        right = std::make_unique<ForkedChild>([&]() -> int { run_input(dir, kRight); });
        const std::uint64_t epoch = stage.join.out_epoch();
        ASSERT_TRUE(eventually(
            [&] {
                stage.cycle();
                return stage.join.out_epoch() >= epoch + 1 &&
                       stage.outputs_of_epoch == stage.join.out_epoch();
            },
            std::chrono::minutes(2)))
            << "round " << round << ": " << stage.left.last_error() << stage.right.last_error();
        ASSERT_TRUE(joins_more(5));
    }
    EXPECT_EQ(stage.torn, 0U);
    EXPECT_GE(stage.join.counters().input_epochs, rounds(8) > 1 ? 2U : 1U);
    std::printf("%llu outputs joined, %llu dropped, %llu output epochs\n",
                static_cast<unsigned long long>(stage.outputs),
                static_cast<unsigned long long>(stage.dropped),
                static_cast<unsigned long long>(stage.join.out_epoch()));
}

// spec: JOIN-004
TEST(JoinKillTest, NothingElseStopsWhenTheJoiningProcessIsKilled) {
    const TempDir dir;
    Context context(context_options_in(dir));
    Producer left(context, input_options(dir, kLeft, kLargeRing));
    Producer right(context, input_options(dir, kRight, kLargeRing));
    std::uint64_t published = 0;
    const auto produce = [&] {
        for (Producer* producer : {&left, &right}) {
            producer->do_work(monotonic_now_ns());
            ASSERT_TRUE(publish_now(*producer));
        }
        ++published;
    };
    for (int round = 0; round < rounds(10); ++round) {
        int joined[2];
        ASSERT_EQ(::pipe2(joined, O_NONBLOCK | O_CLOEXEC), 0);
        ForkedChild child([&]() -> int {
            JoinStage stage(dir);
            while (stage.outputs < 5) stage.cycle();
            if (::write(joined[1], "j", 1) != 1) return 1;
            while (true) stage.cycle();
        });
        char byte = 0;
        EXPECT_TRUE(eventually(
            [&] {
                produce();
                return ::read(joined[0], &byte, 1) == 1;
            },
            std::chrono::minutes(2)))
            << "round " << round << ": the child joined nothing";
        child.kill();
        ::close(joined[0]);
        ::close(joined[1]);
        for (int frame = 0; frame < 100; ++frame) produce();
    }
    EXPECT_EQ(left.counters().frames_committed, published);
    EXPECT_EQ(right.counters().frames_committed, published);
    // And another join picks up where it stands.
    JoinStage stage(dir);
    EXPECT_TRUE(eventually([&] {
        produce();
        stage.cycle();
        return stage.outputs >= 5;
    }));
    EXPECT_EQ(stage.torn, 0U);
}

// spec: JOIN-003 JOIN-005 JOIN-006 JOIN-029
TEST(JoinSystemTest, AWindowIsReadyThoughItsOldestFramesWereOverwritten) {
    const TempDir dir;
    Context context(context_options_in(dir));
    Producer producer(context, input_options(dir, kLeft, kSmallRing));
    ConsumerOptions reading = consumer_options_in(dir);
    reading.stream_id = kLeft;
    Consumer consumer(context, reading);
    SequenceJoin join{joined_options()};
    join.apply(SequenceMergeMap{kJoined, 1, std::nullopt, {SequenceRule::window(kLeft, 2 * kSmallRing)}});
    std::uint64_t last = 0;
    ASSERT_TRUE(eventually([&] {
        const Nanos now = monotonic_now_ns();
        producer.do_work(now);
        consumer.do_work(now);
        if (!consumer.is_ready()) return false;
        publish_now(producer);
        consumer.poll([&](const Frame& frame) {
            join.observe(kLeft, frame, now);
            last = frame.seq();
        });
        return last >= 3 * kSmallRing;
    }));
    const JoinDecision& decision = join.decide(last, monotonic_now_ns());
    ASSERT_TRUE(decision.ready());
    std::uint64_t found = 0;
    for (std::uint64_t seq = decision.inputs[0].first; seq <= decision.inputs[0].last; ++seq)
        found += consumer.read(seq, [](const Frame&) {}) ? 1U : 0U;
    EXPECT_EQ(found, kSmallRing)
        << "of twice as many: the ring holds no more, and that is no fault of the join";
}

// spec: JOIN-036 JOIN-046 JOIN-048
TEST(JoinSystemTest, JoinsOnTheTimesThatAProducerSendsInSlotsAndDescriptors) {
    const TempDir dir;
    Context context(context_options_in(dir));
    Producer producer(context, input_options(dir, kLeft, kSmallRing));
    ConsumerOptions reading = consumer_options_in(dir);
    reading.stream_id = kLeft;
    Consumer consumer(context, reading);
    TimestampJoin join{joined_options()};
    MergeMapClient maps(context, join);  // learns the input's clock from its announce
    join.apply(TimestampMergeMap{kJoined,
                                 1,
                                 std::nullopt,
                                 ClockDomain::Monotonic,
                                 std::nullopt,
                                 {TimestampRule::at_offset(kLeft, 0, TimestampSource::SlotHeader),
                                  TimestampRule::at_offset(kLeft, 0, TimestampSource::FrameDescriptor)}});
    std::uint64_t out_time = 0;
    std::uint64_t ready = 0;
    ASSERT_TRUE(eventually([&] {
        const Nanos now = monotonic_now_ns();
        producer.do_work(now);
        consumer.do_work(now);
        maps.do_work(now);
        publish_now(producer);
        consumer.poll([&](const Frame& frame) {
            join.observe(kLeft, frame, now);
            out_time = frame.timestamp_ns();
        });
        ready += join.decide(out_time, ClockDomain::Monotonic, now).ready() ? 1U : 0U;
        return ready >= 20;
    }));
    EXPECT_EQ(join.counters().inputs_rejected, 0U);
    EXPECT_GE(*join.input(kLeft)->publish_time_ns, *join.input(kLeft)->capture_time_ns);
}

}  // namespace
}  // namespace tensorpool::test
