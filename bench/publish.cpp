// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "floors.hpp"
#include "streams.hpp"

#include "messaging/embedded/embedded_client.hpp"
#include "wire/frame_descriptor.hpp"

#include <array>
#include <optional>

// Figures 1 and 5: what one publish in place costs, by payload size, and that it allocates nothing.
namespace tensorpool::bench {
namespace {

constexpr std::array<std::uint32_t, 6> kSizes{64, 4096, 65536, 655360, 4194304, 16777216};
constexpr std::uint32_t kNslots = 8;
constexpr int kBatch = 2000;

std::string label(std::uint32_t bytes) {
    if (bytes < 1024) return std::to_string(bytes);
    if (bytes < 1024 * 1024) return std::to_string(bytes / 1024) + "k";
    return std::to_string(bytes / 1024 / 1024) + "m";
}

std::uint32_t stride_for(std::uint32_t bytes) {
    std::uint32_t stride = 64;
    while (stride < bytes) stride *= 2;
    return stride;
}

/// ns per frame of one batch of claim, commit, descriptor.
double publish_batch(Producer& producer, const FrameInfo& info) {
    const Nanos start = monotonic_now_ns();
    for (int i = 0; i < kBatch; ++i) {
        auto claim = producer.try_claim(info.values_len_bytes);
        if (!claim) throw std::runtime_error("a claim was refused");
        claim->commit(info);
    }
    return static_cast<double>(monotonic_now_ns() - start) / kBatch;
}

double record_batch(messaging::Publication& publication) {
    const Nanos start = monotonic_now_ns();
    for (std::uint64_t i = 0; i < kBatch; ++i) {
        auto claim = publication.try_claim(wire::kFrameDescriptorLength);
        if (!claim) throw std::runtime_error("a record was refused");
        wire::FrameDescriptorBlock block{1, 1, i, wire::kNullU64, 0, 0};
        wire::encode_frame_descriptor(claim->bytes(), block);
        claim->commit();
    }
    return static_cast<double>(monotonic_now_ns() - start) / kBatch;
}

/// A process that polls every descriptor of every stream and does nothing with it.
void spin_reader(const ScratchDir& dir, Gate& gate) {
    pin_to(1);
    Context context(context_on(dir));
    std::vector<std::unique_ptr<Consumer>> consumers;
    for (std::uint32_t i = 0; i < kSizes.size(); ++i) {
        consumers.push_back(std::make_unique<Consumer>(context, consumer_on(dir, i + 1)));
    }
    gate.ready.store(1, std::memory_order_release);
    std::uint64_t cycles = 0;
    while (gate.stop.load(std::memory_order_acquire) == 0) {
        const bool control = cycles++ % 1024 == 0;
        const Nanos now = control ? monotonic_now_ns() : 0;
        const std::uint32_t active = gate.go.load(std::memory_order_relaxed);
        for (std::size_t i = 0; i < consumers.size(); ++i) {
            if (control) consumers[i]->do_work(now);
            if (i + 1 == active) consumers[i]->poll([](const Frame&) {});
        }
    }
}

std::array<double, kSizes.size()> measure(std::vector<std::unique_ptr<Producer>>& producers, int rounds,
                                          Gate* gate) {
    std::array<std::vector<double>, kSizes.size()> samples;
    for (int round = 0; round < rounds; ++round) {
        for (std::size_t i = 0; i < kSizes.size(); ++i) {
            if (gate != nullptr) gate->go.store(static_cast<std::uint32_t>(i + 1), std::memory_order_relaxed);
            const double ns = publish_batch(*producers[i], frame_of(kSizes[i]));
            if (round > 0) samples[i].push_back(ns);
        }
        for (auto& producer : producers) producer->do_work(monotonic_now_ns());
    }
    std::array<double, kSizes.size()> medians{};
    for (std::size_t i = 0; i < kSizes.size(); ++i) medians[i] = median(samples[i]);
    return medians;
}

}  // namespace

void publish_group(const Options& options, Results& results) {
    const int rounds = options.quick ? 40 : 200;
    ScratchDir dir;
    SharedMemory shared(sizeof(Gate));
    auto* gate = new (shared.as<Gate>()) Gate;
    pin_to(0);
    Context context(context_on(dir));
    std::vector<std::unique_ptr<Producer>> producers;
    for (std::uint32_t i = 0; i < kSizes.size(); ++i) {
        producers.push_back(
            std::make_unique<Producer>(context, producer_on(dir, i + 1, kNslots, stride_for(kSizes[i]))));
    }

    const auto alone = measure(producers, rounds, nullptr);
    for (std::size_t i = 0; i < kSizes.size(); ++i) {
        results.add("publish_" + label(kSizes[i]) + "_ns", alone[i], "ns", "in place, no reader");
    }
    const double size_ratio = alone.back() / alone.front();

    // The record alone, with a subscriber that never polls: the descriptor is really written.
    auto record = context.messaging().add_publication("aeron:ipc?term-length=4m", 9000);
    auto sink = context.messaging().add_subscription("aeron:ipc?term-length=4m", 9000);
    auto connected_dir_sink = context.messaging().add_subscription("aeron:ipc?term-length=4m", 1101);
    std::vector<double> records;
    std::vector<double> publishes;
    for (int round = 0; round < rounds; ++round) {
        producers[0]->do_work(monotonic_now_ns());
        const double r = record_batch(*record);
        const double p = publish_batch(*producers[0], frame_of(64));
        if (round > 0) records.push_back(r), publishes.push_back(p);
    }
    connected_dir_sink.reset();
    const double record_ns = median(records);
    const double publish_ns = median(publishes);
    results.add("record_write_ns", record_ns, "ns", "48 bytes to embedded messaging, no live reader");
    results.add("publish_64_with_record_ns", publish_ns, "ns", "in place, descriptor written");

    // Then with one spinning reader in another process.
    ChildProcess reader([&] { spin_reader(dir, *gate); });
    const auto mapped = [&] {
        for (auto& producer : producers) {
            if (!producer->is_connected()) return false;
        }
        return gate->ready.load(std::memory_order_acquire) == 1;
    };
    drive_until(
        [&](Nanos now) {
            for (auto& producer : producers) producer->do_work(now);
        },
        mapped);
    const auto read = measure(producers, rounds, gate);
    gate->stop.store(1, std::memory_order_release);
    reader.join();
    for (std::size_t i = 0; i < kSizes.size(); ++i) {
        results.add("publish_" + label(kSizes[i]) + "_read_ns", read[i], "ns",
                    "in place, one spinning reader");
    }
    results.add_ratio("publish_16m_over_64b", size_ratio, "<= 1.2");
    results.add_ratio("publish_16m_over_64b_read", read.back() / read.front(), "<= 1.2");
    results.add_ratio("publish_over_record", publish_ns / record_ns, "<= 3");
}

}  // namespace tensorpool::bench
