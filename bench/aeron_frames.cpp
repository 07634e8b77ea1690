// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "aeron.hpp"
#include "bare_aeron.hpp"
#include "streams.hpp"
#include "transfer.hpp"

#include <vector>

// Figure 8: 640 KiB frames sent through Aeron IPC by value, and through our shared memory with their
// descriptors on Aeron. Both copy the frame in once, both readers look at every cache line, and in both the
// sender is at most a few frames ahead. Frames per second with both ends spinning; processor time at a
// camera's pace, with both ends asleep in between.
namespace tensorpool::bench {
namespace {

constexpr std::uint32_t kFrameBytes = 655360;
// What suits frames of this size: fragments as large as Aeron has, and a log not much larger than our ring.
constexpr const char* kChannel = "aeron:ipc?term-length=8m|mtu=65504";
constexpr std::int32_t kStream = 9201;
constexpr std::uint32_t kOurStream = 77;
constexpr std::uint32_t kSlots = 16;
constexpr std::uint32_t kStride = 1U << 20;
constexpr Nanos kPaceNs = 2 * kNanosPerMilli;

Transfer by_value(const std::string& dir, const Plan& plan) {
    SharedMemory shared(sizeof(Progress));
    auto* progress = new (shared.as<Progress>()) Progress;
    ChildProcess child([&] {
        pin_to(1);
        BareAeron aeron(dir);
        BareFrames reader(aeron.subscribe(kChannel, kStream));
        read_all(reader, *progress, plan);
    });
    pin_to(0);
    BareAeron aeron(dir);
    auto* publication = aeron.publish(kChannel, kStream);
    const std::vector<std::uint8_t> frame(kFrameBytes, 1);
    drive_until([](Nanos) {}, [&] { return ::aeron_exclusive_publication_is_connected(publication); });
    return send_all(
        [&] {
            return ::aeron_exclusive_publication_offer(publication, frame.data(), frame.size(), nullptr,
                                                       nullptr) > 0;
        },
        [] { return false; }, *progress, plan, child);
}

/// A consumer that sees every frame and looks at all of it.
class OurReader {
public:
    OurReader(const ContextOptions& context, const ScratchDir& dir)
        : context_(context), consumer_(context_, consumer_on(dir, kOurStream)) {}
    void meet(Gate& gate) {
        drive_until([&](Nanos now) { consumer_.do_work(now); }, [&] { return consumer_.is_ready(); });
        gate.ready.store(1);
    }
    std::uint64_t poll() {
        std::uint64_t read = 0;
        consumer_.poll([&](const Frame& frame) {
            sum_ = sum_ + touch_lines(frame.payload());
            ++read;
        });
        position_ += read;
        return read;
    }
    [[nodiscard]] std::uint64_t position() const noexcept { return position_; }

private:
    Context context_;
    Consumer consumer_;
    std::uint64_t position_ = 0;
    volatile unsigned sum_ = 0;
};

Transfer by_descriptor(const ContextOptions& messaging, const Plan& plan) {
    ScratchDir dir;
    SharedMemory shared(sizeof(Progress));
    auto* progress = new (shared.as<Progress>()) Progress;
    ChildProcess child([&] {
        pin_to(1);
        OurReader reader(messaging, dir);
        reader.meet(progress->gate);
        read_all(reader, *progress, plan);
    });
    pin_to(0);
    Context context(messaging);
    Producer producer(context, producer_on(dir, kOurStream, kSlots, kStride));
    const std::vector<std::byte> frame(kFrameBytes, std::byte{1});
    const FrameInfo info = frame_of(kFrameBytes);
    drive_until([&](Nanos now) { producer.do_work(now); },
                [&] { return producer.is_connected() && progress->gate.ready.load() == 1; });
    return send_all([&] { return producer.offer(frame, info).has_value(); }, [] { return false; }, *progress,
                    plan, child);
}

}  // namespace

void frame_figures(const std::string& dir, const Options& options, Results& results) {
    const Plan fast{options.quick ? 2'000U : 10'000U};
    const Plan paced{options.quick ? 200U : 1'000U, kPaceNs};
    const int rounds = options.quick ? 3 : 5;
    ContextOptions messaging;
    messaging.messaging = MessagingKind::Aeron;
    messaging.aeron_dir = dir;
    std::vector<double> value_rate;
    std::vector<double> value_cpu;
    std::vector<double> our_rate;
    std::vector<double> our_cpu;
    for (int round = 0; round < rounds; ++round) {
        value_rate.push_back(by_value(dir, fast).frames_per_s);
        our_rate.push_back(by_descriptor(messaging, fast).frames_per_s);
        value_cpu.push_back(by_value(dir, paced).cpu_us_per_frame);
        our_cpu.push_back(by_descriptor(messaging, paced).cpu_us_per_frame);
    }
    results.add("aeron_by_value_640k_frames_per_s", median(value_rate), "1/s",
                "the frame itself in Aeron's log");
    results.add("aeron_ours_640k_frames_per_s", median(our_rate), "1/s",
                "shared memory, descriptor on Aeron");
    results.add("aeron_by_value_640k_cpu_us", median(value_cpu), "us", "both ends, per frame at 500 Hz");
    results.add("aeron_ours_640k_cpu_us", median(our_cpu), "us", "both ends, per frame at 500 Hz");
}

}  // namespace tensorpool::bench
