// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "aeron.hpp"

#include "bare_aeron.hpp"
#include "latency.hpp"
#include "streams.hpp"

#include "messaging/aeron/aeron_client.hpp"
#include "messaging/embedded/embedded_client.hpp"
#include "wire/frame_descriptor.hpp"

#include <array>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <thread>

// Figure 7: what our messaging over Aeron adds to Aeron itself, and what Aeron costs beside the built-in
// messaging. One record is a FrameDescriptor.
namespace tensorpool::bench {
namespace {

constexpr const char* kChannel = "aeron:ipc?term-length=4m";
constexpr std::int32_t kPing = 9101;
constexpr std::int32_t kPong = 9102;
constexpr std::int32_t kRecords = 9103;
constexpr int kBatch = 2000;
constexpr int kWorkEvery = 4096;

using Record = std::array<std::byte, wire::kFrameDescriptorLength>;

Record make_record() {
    Record record{};
    wire::encode_frame_descriptor(record, wire::FrameDescriptorBlock{1, 1, 1, wire::kNullU64, 0, 0});
    return record;
}

/// One end of a ping-pong of bare records.
class BareEnd {
public:
    BareEnd(const std::string& dir, std::int32_t sends, std::int32_t receives)
        : aeron_(dir),
          publication_(aeron_.publish(kChannel, sends)),
          reader_(aeron_.subscribe(kChannel, receives)) {}

    [[nodiscard]] bool connected() { return ::aeron_exclusive_publication_is_connected(publication_); }
    void work() {}  // Aeron's conductor has a thread
    void send() { send_record(publication_, record_); }
    void receive() {
        while (reader_.poll() == 0) {
        }
    }

private:
    BareAeron aeron_;
    aeron_exclusive_publication_t* publication_;
    BareReader reader_;
    Record record_ = make_record();
};

/// The same through our messaging.
class OurEnd {
public:
    OurEnd(const std::string& dir, std::int32_t sends, std::int32_t receives)
        : client_(client_on(dir)),
          publication_(client_->add_publication(kChannel, sends)),
          subscription_(client_->add_subscription(kChannel, receives)) {}

    [[nodiscard]] bool connected() { return publication_->is_connected() && subscription_->is_connected(); }
    void work() { client_->do_work(monotonic_now_ns()); }
    void send() {
        for (;;) {
            auto claim = publication_->try_claim(record_.size());
            if (!claim) continue;
            std::memcpy(claim->bytes().data(), record_.data(), record_.size());
            claim->commit();
            return;
        }
    }
    void receive() {
        while (subscription_->poll(
                   [this](const messaging::Message& m) { sum_ = sum_ + touch_lines(m.bytes); }, 10) == 0) {
        }
    }

private:
    static std::unique_ptr<messaging::Client> client_on(const std::string& dir) {
        messaging::AeronOptions options;
        options.dir = dir;
        return messaging::make_aeron_client(options);
    }
    std::unique_ptr<messaging::Client> client_;
    std::unique_ptr<messaging::Publication> publication_;
    std::unique_ptr<messaging::Subscription> subscription_;
    Record record_ = make_record();
    volatile unsigned sum_ = 0;
};

template <typename End>
void meet(End& end, Gate& gate) {
    drive_until([&](Nanos) { end.work(); }, [&] { return end.connected(); });
    gate.ready.fetch_add(1);
    drive_until([&](Nanos) { end.work(); }, [&] { return gate.ready.load() >= 2; });
}

template <typename End>
std::vector<Nanos> record_half_trips(const std::string& dir, int trips) {
    SharedMemory shared(sizeof(Gate));
    auto* gate = new (shared.as<Gate>()) Gate;
    ChildProcess echo([&] {
        pin_to(1);
        End end(dir, kPong, kPing);
        meet(end, *gate);
        for (int i = 0; i < trips; ++i) {
            end.receive();
            end.send();
            if (i % kWorkEvery == 0) end.work();
        }
        gate->count.store(1);
        // The last answer must be read before its log goes away with us.
        while (gate->stop.load() == 0) end.work();
    });
    pin_to(0);
    std::vector<Nanos> half_trips;
    half_trips.reserve(static_cast<std::size_t>(trips));
    End end(dir, kPing, kPong);
    meet(end, *gate);
    for (int i = 0; i < trips; ++i) {
        const Nanos start = monotonic_now_ns();
        end.send();
        end.receive();
        half_trips.push_back((monotonic_now_ns() - start) / 2);
        if (i % kWorkEvery == 0) end.work();
    }
    gate->stop.store(1);
    echo.join();
    return half_trips;
}

/// Medians over all rounds.
struct Latencies {
    double bare;
    double record;
    double frame;
    double embedded;
    double record_over_bare;
    double frame_over_bare;
};

Latencies measure(const std::string& dir, int rounds, int trips) {
    ContextOptions on_aeron;
    on_aeron.messaging = MessagingKind::Aeron;
    on_aeron.aeron_dir = dir;
    std::vector<double> bare;
    std::vector<double> records;
    std::vector<double> frames;
    std::vector<double> embedded;
    std::vector<double> record_ratios;
    std::vector<double> frame_ratios;
    for (int round = 0; round < rounds; ++round) {
        const double before = percentiles(record_half_trips<BareEnd>(dir, trips)).p50;
        records.push_back(percentiles(record_half_trips<OurEnd>(dir, trips)).p50);
        const double after = percentiles(record_half_trips<BareEnd>(dir, trips)).p50;
        frames.push_back(percentiles(frame_half_trips(trips, 0, false, &on_aeron).half_trips).p50);
        const double last = percentiles(record_half_trips<BareEnd>(dir, trips)).p50;
        embedded.push_back(percentiles(frame_half_trips(trips, 0, false).half_trips).p50);
        // Beside the bare figure before and after: the machine may have changed its speed in between.
        bare.push_back(after);
        record_ratios.push_back(2 * records.back() / (before + after));
        frame_ratios.push_back(2 * frames.back() / (after + last));
    }
    return {median(bare),     median(records),       median(frames),
            median(embedded), median(record_ratios), median(frame_ratios)};
}

double write_ns(messaging::Client& client, int rounds) {
    const auto subscription = client.add_subscription(kChannel, kRecords);
    const auto publication = client.add_publication(kChannel, kRecords);
    drive_until([&](Nanos now) { client.do_work(now); },
                [&] { return publication->is_connected() && subscription->is_connected(); });
    const Record record = make_record();
    std::vector<double> samples;
    for (int round = 0; round < rounds; ++round) {
        int refused = 0;
        const Nanos start = monotonic_now_ns();
        for (int i = 0; i < kBatch; ++i) {
            auto claim = publication->try_claim(record.size());
            if (!claim) {
                ++refused;
                continue;
            }
            std::memcpy(claim->bytes().data(), record.data(), record.size());
            claim->commit();
        }
        const Nanos end = monotonic_now_ns();
        if (round > 0 && refused == 0) samples.push_back(static_cast<double>(end - start) / kBatch);
        // Drained between two batches, and the media driver gets the time to notice.
        while (subscription->poll([](const messaging::Message&) {}, kBatch) > 0) {
        }
        client.do_work(monotonic_now_ns());
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    if (samples.empty()) throw std::runtime_error("every batch was pushed back");
    return median(samples);
}

void write_figures(const std::string& dir, int rounds, Results& results) {
    pin_to(0);
    ScratchDir scratch;
    messaging::EmbeddedOptions embedded;
    embedded.dir = scratch.sub("messages");
    messaging::AeronOptions aeron;
    aeron.dir = dir;
    results.add("aeron_record_write_embedded_ns",
                write_ns(*messaging::make_embedded_client(embedded), rounds), "ns", "48 bytes, connected");
    results.add("aeron_record_write_ns", write_ns(*messaging::make_aeron_client(aeron), rounds), "ns",
                "48 bytes, connected");
}

}  // namespace

MediaDriverProcess::MediaDriverProcess(const char* threading_mode)
    : shared_(sizeof(Gate)), gate_(new (shared_.as<Gate>()) Gate), process_([this, threading_mode] {
          ::setenv("AERON_THREADING_MODE", threading_mode, 1);
          const auto driver = messaging::start_media_driver(dir());
          gate_->ready.store(1);
          while (gate_->stop.load() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(10));
      }) {
    drive_until([](Nanos) { std::this_thread::yield(); }, [&] { return gate_->ready.load() == 1; });
}

MediaDriverProcess::~MediaDriverProcess() {
    gate_->stop.store(1);
    try {
        process_.join();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "the media driver: %s\n", error.what());
    }
}

void aeron_group(const Options& options, Results& results) {
    const int rounds = options.quick ? 3 : 9;
    const int trips = options.quick ? 50'000 : 300'000;
    const MediaDriverProcess driver("SHARED");
    const Latencies shared = measure(driver.dir(), rounds, trips);
    results.add("aeron_bare_p50_ns", shared.bare, "ns", "48 bytes, aeronc.h alone");
    results.add("aeron_record_p50_ns", shared.record, "ns", "48 bytes through our messaging");
    results.add("aeron_latency_p50_ns", shared.frame, "ns", "a frame, Aeron IPC");
    results.add("aeron_latency_embedded_p50_ns", shared.embedded, "ns", "a frame, built-in messaging");
    {
        const MediaDriverProcess other("DEDICATED");
        const Latencies dedicated = measure(other.dir(), (rounds + 2) / 3, trips);
        results.add("aeron_dedicated_bare_p50_ns", dedicated.bare, "ns",
                    "the media driver has three threads");
        results.add("aeron_dedicated_record_p50_ns", dedicated.record, "ns");
        results.add("aeron_dedicated_latency_p50_ns", dedicated.frame, "ns");
    }
    write_figures(driver.dir(), options.quick ? 40 : 200, results);
    frame_figures(driver.dir(), options, results);
    results.add_ratio("aeron_record_over_bare", shared.record_over_bare, "<= 1.1");
    results.add_ratio("aeron_latency_over_bare", shared.frame_over_bare, "<= 2");
}

}  // namespace tensorpool::bench
