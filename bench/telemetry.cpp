// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "streams.hpp"

#include "messaging/embedded/embedded_client.hpp"

#include <tensorpool/error.hpp>
#include <tensorpool/metadata.hpp>

#include <memory>
#include <optional>

// What watching costs: counters and histograms beside a 64-byte publish, and a look into the metadata per
// frame.
namespace tensorpool::bench {
namespace {

constexpr std::uint32_t kNslots = 64;
constexpr int kBatch = 2000;
constexpr int kFramesPerCycle = 50;
constexpr int kFramesPerPoll = 16;

/// Messaging as ever, but nobody can see counters: what roles cost without them.
class NoCountersClient final : public messaging::Client {
public:
    explicit NoCountersClient(std::unique_ptr<messaging::Client> inner) : inner_(std::move(inner)) {}

    [[nodiscard]] std::unique_ptr<messaging::Publication> add_publication(const std::string& channel,
                                                                          std::int32_t stream_id) override {
        return inner_->add_publication(channel, stream_id);
    }
    [[nodiscard]] std::unique_ptr<messaging::Subscription> add_subscription(const std::string& channel,
                                                                            std::int32_t stream_id) override {
        return inner_->add_subscription(channel, stream_id);
    }
    [[nodiscard]] std::unique_ptr<messaging::Counter> add_counter(std::int32_t, std::span<const std::byte>,
                                                                  std::string_view) override {
        throw Error(ErrorCode::Unsupported, "no counters here");
    }
    void for_each_counter(messaging::CounterHandler) override {}
    int do_work(Nanos now_ns) noexcept override { return inner_->do_work(now_ns); }
    bool wait(std::span<messaging::Subscription* const> all, Nanos timeout_ns) noexcept override {
        return inner_->wait(all, timeout_ns);
    }
    void wake() noexcept override { inner_->wake(); }
    [[nodiscard]] std::string_view backend() const noexcept override { return inner_->backend(); }

private:
    std::unique_ptr<messaging::Client> inner_;
};

std::unique_ptr<messaging::Client> client_on(const ScratchDir& dir) {
    messaging::EmbeddedOptions options;
    options.dir = dir.sub("messages");
    return messaging::make_embedded_client(options);
}

/// ns per frame of claim, commit, descriptor, with a duty cycle every kFramesPerCycle frames.
double publish_batch(Producer& producer, const FrameInfo& info) {
    const Nanos start = monotonic_now_ns();
    for (int i = 0; i < kBatch; ++i) {
        if (i % kFramesPerCycle == 0) producer.do_work(monotonic_now_ns());
        auto claim = producer.try_claim(info.values_len_bytes);
        if (!claim) throw std::runtime_error("a claim was refused");
        claim->commit(info);
    }
    return static_cast<double>(monotonic_now_ns() - start) / kBatch;
}

void counters_and_histograms(int rounds, Results& results) {
    ScratchDir dir;
    Context plain(std::make_unique<NoCountersClient>(client_on(dir)), system_clock());
    Context watched(client_on(dir), system_clock(), LatencyHistograms::Frames);
    Producer off(plain, producer_on(dir, 1, kNslots, 64));
    Producer on(watched, producer_on(dir, 2, kNslots, 64));
    const FrameInfo info = frame_of(64);
    std::vector<double> without;
    std::vector<double> with;
    for (int round = 0; round < rounds; ++round) {
        // In turns, and each first in every other round: what warms up or disturbs hits both alike.
        const bool off_first = round % 2 == 0;
        double ns_off = off_first ? publish_batch(off, info) : 0;
        const double ns_on = publish_batch(on, info);
        if (!off_first) ns_off = publish_batch(off, info);
        if (round > 1) without.push_back(ns_off), with.push_back(ns_on);
    }
    results.add("telemetry_off_publish_64_ns", median(without), "ns", "no counters, no histograms");
    results.add("telemetry_on_publish_64_ns", median(with), "ns", "counters and per-frame histograms");
    results.add_ratio("telemetry_on_over_off", median(with) / median(without), "<= 1.05");
}

/// ns per frame of publishing and reading in place, on one thread.
double exchange_batch(Producer& producer, Consumer& consumer, const FrameInfo& info,
                      const MetadataCache* metadata) {
    std::uint64_t seen = 0;
    std::size_t names = 0;
    const Nanos start = monotonic_now_ns();
    for (int i = 0; i < kBatch; i += kFramesPerPoll) {
        for (int j = 0; j < kFramesPerPoll; ++j) {
            auto claim = producer.try_claim(info.values_len_bytes);
            if (!claim) throw std::runtime_error("a claim was refused");
            claim->commit(info);
        }
        consumer.poll([&](const Frame& frame) {
            ++seen;
            if (metadata == nullptr) return;
            if (const Metadata* found = metadata->find(frame.meta_version()))
                names += found->attributes.size();
        });
    }
    const double ns = static_cast<double>(monotonic_now_ns() - start) / kBatch;
    if (seen != kBatch || (metadata != nullptr && names != kBatch))
        throw std::runtime_error("frames or their metadata were missing");
    return ns;
}

void metadata_per_frame(int rounds, Results& results) {
    ScratchDir dir;
    Context context(context_on(dir));
    const ProducerOptions producing = producer_on(dir, 3, kNslots, 64);
    Producer producer(context, producing);
    Consumer consumer(context, consumer_on(dir, 3));
    MetadataPublisherOptions publishing;
    publishing.stream_id = 3;
    publishing.producer_id = producer.producer_id();
    publishing.endpoints = producing.endpoints;
    MetadataPublisher publisher(context, publishing);
    MetadataCacheOptions caching;
    caching.stream_id = 3;
    caching.endpoints = producing.endpoints;
    MetadataCache cache(context, caching);
    publisher.set_epoch(producer.epoch());
    publisher.set("exposure_us", "9");
    FrameInfo info = frame_of(64);
    drive_until(
        [&](Nanos now) {
            producer.do_work(now);
            consumer.do_work(now);
            publisher.do_work(now);
            cache.do_work(now);
        },
        [&] { return consumer.is_ready() && cache.find(publisher.version()) != nullptr; });
    info.meta_version = publisher.version();
    std::vector<double> without;
    std::vector<double> with;
    for (int round = 0; round < rounds; ++round) {
        const Nanos now = monotonic_now_ns();
        producer.do_work(now);
        consumer.do_work(now);
        publisher.do_work(now);
        cache.do_work(now);
        const bool off_first = round % 2 == 0;
        double ns_off = off_first ? exchange_batch(producer, consumer, info, nullptr) : 0;
        const double ns_on = exchange_batch(producer, consumer, info, &cache);
        if (!off_first) ns_off = exchange_batch(producer, consumer, info, nullptr);
        if (round > 1) without.push_back(ns_off), with.push_back(ns_on);
    }
    results.add("metadata_off_frame_ns", median(without), "ns", "publish and read in place, 64 bytes");
    results.add("metadata_on_frame_ns", median(with), "ns", "and look up its metadata");
    results.add_ratio("metadata_on_over_off", median(with) / median(without), "<= 1.05");
}

}  // namespace

void telemetry_group(const Options& options, Results& results) {
    pin_to(0);
    const int rounds = options.quick ? 400 : 2000;
    counters_and_histograms(rounds, results);
    metadata_per_frame(rounds, results);
}

}  // namespace tensorpool::bench
