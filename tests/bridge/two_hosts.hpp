// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bridge/faulty_client.hpp"
#include "control/dispatcher.hpp"
#include "control/publisher.hpp"
#include "messaging/embedded/embedded_client.hpp"
#include "support/gated_client.hpp"
#include "support/pattern.hpp"
#include "support/temp_dir.hpp"

#include <tensorpool/bridge.hpp>
#include <tensorpool/consumer.hpp>
#include <tensorpool/driver.hpp>
#include <tensorpool/producer.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace tensorpool::test {

/// Moves when told to. Once a test is over, or while something waits for it in a loop of its own, it moves by
/// itself, so that goodbyes run into their deadlines.
class HarnessClock final : public Clock {
public:
    [[nodiscard]] Nanos now_ns() const noexcept override {
        if (by_itself_ || ++reads_ > kPatience) return now_.fetch_add(kStep);
        return now_.load();
    }
    void advance(Nanos by_ns) noexcept {
        now_ += by_ns;
        reads_ = 0;
    }
    void run_by_itself() noexcept { by_itself_ = true; }
    void stand_still() noexcept {
        by_itself_ = false;
        reads_ = 0;
    }

private:
    static constexpr Nanos kStep = 600 * kNanosPerMilli;
    static constexpr int kPatience = 500;

    mutable std::atomic<Nanos> now_{100 * kNanosPerSecond};
    mutable std::atomic<int> reads_{0};
    std::atomic<bool> by_itself_{false};
};

inline std::unique_ptr<messaging::Client> client_in(const TempDir& dir, const Clock& clock) {
    messaging::EmbeddedOptions options;
    options.clock = &clock;
    options.dir = (dir.path() / "messaging").string();
    return messaging::make_embedded_client(options);
}

/// A host: messaging of its own and a driver with one static stream.
struct Host {
    Host(const Clock& with_clock, std::uint32_t stream_id,
         const std::function<void(DriverConfig&)>& adjust = {})
        : clock(with_clock), context(std::make_unique<Context>(client_in(dir, clock), clock)) {
        config.shm.base_dir = (dir.path() / "shm").string();
        config.policies.epoch_gc_enabled = false;
        config.profiles = {
            {.name = "raw",
             .header_nslots = 16,
             .payload_pools = {{.pool_id = 3, .stride_bytes = 4096}, {.pool_id = 5, .stride_bytes = 65536}}}};
        config.streams = {{.name = "stream", .stream_id = stream_id, .profile = "raw"}};
        if (adjust) adjust(config);
        driver = std::make_unique<Driver>(*context, config);
    }
    void work(Nanos now_ns) const { driver->do_work(now_ns); }

    TempDir dir;
    const Clock& clock;
    std::unique_ptr<Context> context;
    DriverConfig config;
    std::unique_ptr<Driver> driver;
};

/// Everything that passes on one stream.
class Tap {
public:
    Tap(messaging::Client& client, const Endpoint& endpoint)
        : subscription_(client.add_subscription(endpoint.channel, endpoint.stream_id)) {}
    void poll() {
        subscription_->poll(
            [this](const messaging::Message& message) {
                messages.emplace_back(message.bytes.begin(), message.bytes.end());
            },
            1 << 20);
    }
    /// Those that decode as `Message`.
    template <typename Message>
    [[nodiscard]] std::vector<Message> all() const {
        std::vector<Message> found;
        for (const auto& bytes : messages) {
            Message message;
            if (control::decode(bytes, message) == control::DecodeResult::Ok) found.push_back(message);
        }
        return found;
    }
    std::vector<std::vector<std::byte>> messages;

private:
    std::unique_ptr<messaging::Subscription> subscription_;
};

/// Host A with a producer of stream 1000, host B with the destination 2000, and a network between them that
/// is a third messaging directory. One thread, one clock.
class TwoHosts : public testing::Test {
protected:
    static constexpr std::uint32_t kSource = 1000;
    static constexpr std::uint32_t kDest = 2000;

    TwoHosts() {
        options.instance_id = "test";
        options.payload = {"aeron:ipc?term-length=16m", 3000};
        options.control = {"aeron:ipc?term-length=1m", 3001};
        options.metadata = {"aeron:ipc?term-length=2m", 3002};
        options.forward_metadata = false;
        BridgeMapping mapping;
        mapping.source_stream_id = kSource;
        mapping.dest_stream_id = kDest;
        options.mappings = {mapping};
    }
    ~TwoHosts() override { clock.run_by_itself(); }

    [[nodiscard]] BridgeOptions options_of(const Host& host, BridgeEnd end) const {
        BridgeOptions own = options;
        own.allowed_base_dirs = {host.config.shm.base_dir};
        for (BridgeMapping& mapping : own.mappings) mapping.end = end;
        return own;
    }
    void start_sender() {
        sender = std::make_unique<Bridge>(*a.context, *network_a, options_of(a, BridgeEnd::Send));
    }
    void start_receiver() {
        receiver = std::make_unique<Bridge>(*b.context, *network_b, options_of(b, BridgeEnd::Receive));
    }
    /// Ends a role; its goodbye finds nobody who works meanwhile.
    template <typename Role>
    void retire(std::unique_ptr<Role>& role) {
        clock.run_by_itself();
        role.reset();
        clock.stand_still();
    }
    void start_producer(Nanos qos_period_ns = kNanosPerSecond) {
        ProducerOptions producing;
        producing.stream_id = kSource;
        producing.allowed_base_dirs = {a.config.shm.base_dir};
        producing.qos_period_ns = qos_period_ns;
        producer = std::make_unique<Producer>(*a.context, producing);
    }
    void start_consumer(std::uint32_t stream_id = kDest) {
        ConsumerOptions consuming;
        consuming.stream_id = stream_id;
        consuming.allowed_base_dirs = {b.config.shm.base_dir};
        consumer = std::make_unique<Consumer>(*b.context, consuming);
    }
    /// Everything, until frames can flow.
    void start() {
        start_producer();
        start_receiver();
        start_sender();
        ASSERT_TRUE(run_until([&] { return producer->is_ready() && sending().source_epoch != 0; }));
        ASSERT_TRUE(run_until([&] { return receiving().dest_epoch != 0; })) << receiving().last_error;
        start_consumer();
        ASSERT_TRUE(run_until([&] { return consumer->is_ready(); })) << consumer->last_error();
    }

    void cycle(Nanos by_ns = 5 * kNanosPerMilli) {
        clock.advance(by_ns);
        const Nanos now = clock.now_ns();
        a.work(now);
        b.work(now);
        if (producer) producer->do_work(now);
        if (sender) sender->do_work(now);
        if (receiver) receiver->do_work(now);
        if (more) more(now);
        if (consumer) {
            consumer->do_work(now);
            consumer->poll([this](const Frame& frame) { on_frame(frame); }, 64);
        }
        for (Tap* tap : taps) tap->poll();
    }
    bool run_until(const std::function<bool()>& condition, int cycles = 3000) {
        for (int i = 0; i < cycles; ++i) {
            if (condition()) return true;
            cycle();
        }
        return condition();
    }
    void run(int cycles) {
        for (int i = 0; i < cycles; ++i) cycle();
    }

    /// A frame whose bytes follow from its number and whose trace id is ten times it.
    std::uint64_t publish(std::uint32_t bytes, std::uint64_t trace_id = 0) {
        FrameInfo info;
        info.tensor = image_layout(Dtype::UInt8, static_cast<std::int32_t>(bytes), 1);
        info.timestamp_ns = 5000 + producer->next_seq();
        info.meta_version = 4;
        info.trace_id = trace_id;
        const std::uint64_t seq = producer->next_seq();
        const std::vector<std::byte> payload =
            bytes >= kPatternHeader ? pattern(seq, bytes) : std::vector<std::byte>(bytes, std::byte{0x42});
        EXPECT_TRUE(producer->offer(payload, info));
        return seq;
    }
    void on_frame(const Frame& frame) {
        if (frame.payload().size() >= kPatternHeader) {
            std::vector<std::byte> copy(frame.payload().size());
            if (!frame.copy_to(copy)) return;
            EXPECT_EQ(read_pattern(copy), frame.seq()) << "torn or mixed up";
        }
        seqs.push_back(frame.seq());
        last_frame = frame;
    }
    [[nodiscard]] BridgeMappingStatus sending(std::size_t index = 0) const {
        return sender->mappings().at(index);
    }
    [[nodiscard]] BridgeMappingStatus receiving(std::size_t index = 0) const {
        return receiver->mappings().at(index);
    }

    HarnessClock clock;
    Host a{clock, kSource};
    Host b{clock, kDest};
    TempDir network;
    std::shared_ptr<Gate> gate = std::make_shared<Gate>();  // of what A sends
    std::shared_ptr<BadNetwork> bad = std::make_shared<BadNetwork>(3000, printed_seed());
    std::unique_ptr<Context> network_a = std::make_unique<Context>(
        std::make_unique<GatedClient>(std::make_unique<FaultyClient>(client_in(network, clock), bad), gate),
        clock);
    std::unique_ptr<Context> network_b = std::make_unique<Context>(client_in(network, clock), clock);
    BridgeOptions options;
    std::unique_ptr<Producer> producer;
    std::unique_ptr<Bridge> sender;
    std::unique_ptr<Bridge> receiver;
    std::unique_ptr<Consumer> consumer;
    std::function<void(Nanos)> more;
    std::vector<Tap*> taps;
    std::vector<std::uint64_t> seqs;  // delivered at B
    Frame last_frame;

private:
    static std::uint64_t printed_seed() {
        const std::uint64_t seed = std::random_device{}();
        std::printf("network seed %llu\n", static_cast<unsigned long long>(seed));
        return seed;
    }
};

}  // namespace tensorpool::test
