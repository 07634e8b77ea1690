// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "aeron.hpp"
#include "bare_aeron.hpp"
#include "streams.hpp"
#include "transfer.hpp"

#include <tensorpool/bridge.hpp>
#include <tensorpool/driver.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

// Figure 9: 640 KiB frames from slot to slot through the bridge over UDP on loopback, beside a bare Aeron
// publication of as many bytes from as many places. Nobody writes the frames anew; both readers look at every
// cache line. Bytes per second with both ends spinning; processor time at a camera's pace, with both ends
// asleep in between.
namespace tensorpool::bench {
namespace {

constexpr std::uint32_t kFrameBytes = 655360;
constexpr std::uint32_t kStride = 1U << 20;
constexpr std::uint32_t kSlots = 8;
constexpr std::uint32_t kSource = 87;
constexpr std::uint32_t kDest = 88;
constexpr std::int32_t kPayload = 9301;
constexpr std::int32_t kControl = 9302;
constexpr int kBarePort = 40611;
constexpr int kBridgePort = 40612;
constexpr Nanos kPaceNs = 10 * kNanosPerMilli;
constexpr std::uint64_t kSocketBuffer = 2U << 20;
/// How often roles other than the bridge are driven.
constexpr Nanos kSeldom = 2 * kNanosPerMilli;
/// Of drivers and producers; long enough for a machine whose processors are shared.
constexpr Nanos kAnnouncePeriod = 200 * kNanosPerMilli;

/// With as large a window as the kernel's limit for socket buffers allows, so that who waits for a processor
/// does not hold up the others.
std::string channel(int port, std::uint32_t mtu) {
    std::uint64_t limit = 0;
    std::ifstream("/proc/sys/net/core/rmem_max") >> limit;
    std::string uri = fmt::format("aeron:udp?endpoint=127.0.0.1:{}|mtu={}|term-length=64m", port, mtu);
    if (limit >= kSocketBuffer) uri += fmt::format("|so-rcvbuf={0}|so-sndbuf={0}|rcv-wnd={0}", kSocketBuffer);
    return uri;
}

Transfer bare(const std::string& dir, std::uint32_t mtu, const Plan& plan) {
    const std::string where = channel(kBarePort, mtu);
    SharedMemory shared(sizeof(Progress));
    auto* progress = new (shared.as<Progress>()) Progress;
    ChildProcess child([&] {
        pin_to(1);
        BareAeron aeron(dir);
        BareFrames reader(aeron.subscribe(where, kPayload));
        read_all(reader, *progress, plan);
    });
    pin_to(0);
    BareAeron aeron(dir);
    auto* publication = aeron.publish(where, kPayload);
    const std::vector<std::uint8_t> frames(std::size_t{kSlots} * kStride, 1);
    drive_until([](Nanos) {}, [&] { return ::aeron_exclusive_publication_is_connected(publication); });
    std::uint64_t next = 0;
    return send_all(
        [&] {
            const std::uint8_t* const frame = frames.data() + (next % kSlots) * std::size_t{kStride};
            const bool sent =
                ::aeron_exclusive_publication_offer(publication, frame, kFrameBytes, nullptr, nullptr) > 0;
            next += sent ? 1 : 0;
            return sent;
        },
        [] { return false; }, *progress, plan, child);
}

BridgeOptions bridge_options(const ScratchDir& dir, std::uint32_t mtu, BridgeEnd end) {
    BridgeOptions options;
    options.instance_id = "bench";
    options.payload = {channel(kBridgePort, mtu), kPayload};
    options.control = {channel(kBridgePort, mtu), kControl};
    options.forward_metadata = false;
    options.allowed_base_dirs = {dir.path()};
    options.source_uses_driver = false;
    if (end == BridgeEnd::Send) options.local = producer_on(dir, kSource, kSlots, kStride).endpoints;
    options.announce_period_ns = kAnnouncePeriod;
    BridgeMapping mapping;
    mapping.source_stream_id = kSource;
    mapping.dest_stream_id = kDest;
    mapping.end = end;
    options.mappings = {mapping};
    return options;
}

ContextOptions over(const std::string& aeron_dir) {
    ContextOptions options;
    options.messaging = MessagingKind::Aeron;
    options.aeron_dir = aeron_dir;
    return options;
}

/// The receiving host: its driver, the bridge, and a consumer that looks at all of every frame.
class Destination {
public:
    Destination(const std::string& aeron_dir, std::uint32_t mtu)
        : local_(context_on(dir_)),
          transport_(over(aeron_dir)),
          driver_(local_, driver_config()),
          bridge_(local_, transport_, bridge_options(dir_, mtu, BridgeEnd::Receive)),
          consumer_(local_, consumer_options()) {}

    void meet(Gate& gate) {
        drive_until([&](Nanos now) { work(now); },
                    [&] { return consumer_.is_ready() && bridge_.mappings().front().dest_epoch != 0; });
        gate.ready.store(1);
    }
    std::uint64_t poll() {
        const Nanos now = monotonic_now_ns();
        bridge_.do_work(now);
        if (now >= next_work_) {
            next_work_ = now + kSeldom;
            driver_.do_work(now);
            consumer_.do_work(now);
        }
        std::uint64_t read = 0;
        consumer_.poll([&](const Frame& frame) {
            sum_ = sum_ + touch_lines(frame.payload());
            position_ = frame.timestamp_ns();
            ++read;
        });
        return read;
    }
    [[nodiscard]] std::uint64_t position() const noexcept { return position_; }

private:
    void work(Nanos now) {
        driver_.do_work(now);
        bridge_.do_work(now);
        consumer_.do_work(now);
    }
    [[nodiscard]] DriverConfig driver_config() const {
        DriverConfig config;
        config.shm.base_dir = dir_.path();
        config.policies.announce_period_ms = kAnnouncePeriod / kNanosPerMilli;
        config.profiles = {{.name = "raw",
                            .header_nslots = kSlots,
                            .payload_pools = {{.pool_id = 1, .stride_bytes = kStride}}}};
        config.streams = {{.name = "stream", .stream_id = kDest, .profile = "raw"}};
        return config;
    }
    [[nodiscard]] ConsumerOptions consumer_options() const {
        ConsumerOptions options;
        options.stream_id = kDest;
        options.allowed_base_dirs = {dir_.path()};
        options.announce_period_ns = kAnnouncePeriod;
        return options;
    }

    ScratchDir dir_;
    Context local_;
    Context transport_;
    Driver driver_;
    Bridge bridge_;
    Consumer consumer_;
    Nanos next_work_ = 0;
    std::uint64_t position_ = 0;
    volatile unsigned sum_ = 0;
};

Transfer bridged(const std::string& aeron_dir, std::uint32_t mtu, const Plan& plan) {
    SharedMemory shared(sizeof(Progress));
    auto* progress = new (shared.as<Progress>()) Progress;
    ChildProcess child([&] {
        pin_to(1);
        Destination destination(aeron_dir, mtu);
        destination.meet(progress->gate);
        read_all(destination, *progress, plan);
    });
    pin_to(0);
    const ScratchDir dir;
    Context local(context_on(dir));
    Context transport(over(aeron_dir));
    ProducerOptions producing = producer_on(dir, kSource, kSlots, kStride);
    producing.announce_period_ns = kAnnouncePeriod;
    Producer producer(local, producing);
    Bridge bridge(local, transport, bridge_options(dir, mtu, BridgeEnd::Send));
    const auto work = [&](Nanos now) {
        producer.do_work(now);
        return bridge.do_work(now);
    };
    drive_until(work, [&] {
        return producer.is_connected() && bridge.mappings().front().source_epoch != 0 &&
               progress->gate.ready.load() == 1;
    });
    FrameInfo info = frame_of(kFrameBytes);
    info.timestamp_ns = 0;
    Nanos next_work = 0;
    return send_all(
        [&] {
            auto claim = producer.try_claim(kFrameBytes);
            if (!claim) return false;
            ++info.timestamp_ns;
            producer.commit(std::move(*claim), info);
            return true;
        },
        [&] {
            const Nanos now = monotonic_now_ns();
            if (now >= next_work) {
                next_work = now + kSeldom;
                producer.do_work(now);
            }
            return bridge.do_work(now) > 0;
        },
        *progress, plan, child);
}

/// Figures of one MTU; the lowest ratio of the rounds' middle goes into `worst`.
void measure(const std::string& dir, std::uint32_t mtu, const Options& options, Results& results,
             double& worst) {
    const Plan fast{options.quick ? 300U : 1'000U};
    const Plan paced{options.quick ? 30U : 100U, kPaceNs};
    const int rounds = options.quick ? 3 : 5;
    std::vector<double> bare_rate;
    std::vector<double> our_rate;
    std::vector<double> bare_cpu;
    std::vector<double> our_cpu;
    std::vector<double> ratios;
    std::uint64_t lost = 0;
    for (int round = 0; round < rounds; ++round) {
        const double before = bare(dir, mtu, fast).frames_per_s;
        const Transfer ours = bridged(dir, mtu, fast);
        const double after = bare(dir, mtu, fast).frames_per_s;
        // Beside the bare figure before and after: the machine may have changed its speed in between.
        bare_rate.push_back(after);
        our_rate.push_back(ours.frames_per_s);
        ratios.push_back(2 * ours.frames_per_s / (before + after));
        bare_cpu.push_back(bare(dir, mtu, paced).cpu_us_per_frame);
        const Transfer slow = bridged(dir, mtu, paced);
        our_cpu.push_back(slow.cpu_us_per_frame);
        lost += ours.lost + slow.lost;
    }
    constexpr double kMegabytes = kFrameBytes / 1e6;
    const std::string name = fmt::format("mtu_{}", mtu);
    results.add("bare_aeron_udp_" + name + "_mb_s", median(bare_rate) * kMegabytes, "MB/s",
                "640 KiB, loopback");
    results.add("bridge_udp_" + name + "_mb_s", median(our_rate) * kMegabytes, "MB/s", "640 KiB, loopback");
    results.add("bare_aeron_udp_" + name + "_cpu_us", median(bare_cpu), "us",
                "both ends, per frame at 100 Hz");
    results.add("bridge_udp_" + name + "_cpu_us", median(our_cpu), "us", "both ends, per frame at 100 Hz");
    results.add("bridge_udp_" + name + "_lost", static_cast<double>(lost), "frames", "of all rounds");
    results.add("bridge_over_bare_aeron_" + name, median(ratios), "x");
    worst = std::min(worst, median(ratios));
}

}  // namespace

void bridge_over_aeron(const Options& options, Results& results) {
    const MediaDriverProcess driver;
    double worst = 1e9;
    for (const std::uint32_t mtu : {1408U, 8192U}) measure(driver.dir(), mtu, options, results, worst);
    results.add_ratio("bridge_over_bare_aeron", worst, ">= 0.8");
}

}  // namespace tensorpool::bench
