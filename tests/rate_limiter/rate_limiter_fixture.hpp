// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "control/dispatcher.hpp"
#include "control/publisher.hpp"
#include "support/raw_stream.hpp"

#include <tensorpool/consumer.hpp>
#include <tensorpool/driver.hpp>
#include <tensorpool/producer.hpp>
#include <tensorpool/rate_limiter.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tensorpool::test {

/// A clock that moves only when told to, or while something waits: then it runs the others.
class HookClock final : public Clock {
public:
    [[nodiscard]] Nanos now_ns() const noexcept override {
        if (hook && !inside_) {
            inside_ = true;
            hook();
            inside_ = false;
        }
        return now_;
    }
    void advance(Nanos by_ns) noexcept { now_ += by_ns; }

    std::function<void()> hook;

private:
    Nanos now_ = 1'000'000 * kNanosPerSecond;
    mutable bool inside_ = false;
};

/// A frame as a consumer of the destination got it.
struct Received {
    std::uint64_t epoch = 0;
    std::uint64_t seq = 0;
    std::uint64_t timestamp_ns = 0;
    std::uint64_t trace_id = 0;
    std::uint32_t meta_version = 0;
    std::uint16_t pool_id = 0;
    TensorLayout tensor;
    std::vector<std::byte> payload;
};

/// A driver, a source, a limiter and what its consumer receives, on one thread and one clock.
class RateLimiterTest : public testing::Test {
protected:
    static constexpr std::uint32_t kSource = 10000;
    static constexpr std::uint32_t kDest = 20000;

    RateLimiterTest() {
        driver_config.shm.base_dir = (dir.path() / "shm").string();
        driver_config.shm.permissions_mode = 0600;
        driver_config.profiles = {
            {.name = "in", .header_nslots = 16, .payload_pools = {{.pool_id = 1, .stride_bytes = 8192}}},
            {.name = "out",
             .header_nslots = 16,
             .payload_pools = {{.pool_id = 3, .stride_bytes = 4096}, {.pool_id = 2, .stride_bytes = 256}}}};
        driver_config.streams = {{.name = "source", .stream_id = kSource, .profile = "in"},
                                 {.name = "dest", .stream_id = kDest, .profile = "out"},
                                 {.name = "dest2", .stream_id = kDest + 1, .profile = "out"}};
        options.instance_id = "limiter-1";
        options.mappings = {{kSource, kDest, 0, 0}};
        options.allowed_base_dirs = {driver_config.shm.base_dir};
    }
    void TearDown() override {
        waiting([&] {
            consumers.clear();
            limiter.reset();
            source.reset();
        });
    }

    std::unique_ptr<Context> new_context() {
        messaging::EmbeddedOptions embedded;
        embedded.dir = (dir.path() / "messaging").string();
        embedded.clock = &clock;
        return std::make_unique<Context>(messaging::make_embedded_client(embedded), clock);
    }
    /// Runs something that waits for the driver.
    void waiting(const std::function<void()>& what) {
        clock.hook = [this] {
            clock.advance(kNanosPerMilli);
            if (driver) driver->do_work(clock.now_ns());
        };
        what();
        clock.hook = nullptr;
    }
    void start_driver() {
        driver_context_ = new_context();
        driver = std::make_unique<Driver>(*driver_context_, driver_config);
        driver->do_work(clock.now_ns());
    }
    void start_source() {
        waiting([&] { source.reset(); });
        ProducerOptions producing;
        producing.stream_id = kSource;
        producing.allowed_base_dirs = options.allowed_base_dirs;
        source = std::make_unique<Producer>(*source_context_, producing);
        EXPECT_TRUE(run_until([&] { return source->is_ready(); }));
    }
    void start_limiter() {
        waiting([&] { limiter.reset(); });
        limiter = std::make_unique<RateLimiter>(*limiter_context_, options);
        EXPECT_TRUE(run_until([&] { return limiter->is_ready(); })) << limiter->status()[0].last_error;
    }
    Consumer& add_consumer(std::uint32_t stream_id, std::uint32_t consumer_id, std::uint32_t max_rate_hz,
                           Nanos hello_period_ns = kNanosPerSecond) {
        ConsumerOptions consuming;
        consuming.stream_id = stream_id;
        consuming.consumer_id = consumer_id;
        consuming.max_rate_hz = max_rate_hz;
        consuming.hello_period_ns = hello_period_ns;
        consuming.allowed_base_dirs = options.allowed_base_dirs;
        consumers.push_back(std::make_unique<Consumer>(*consumer_context_, consuming));
        Consumer& added = *consumers.back();
        EXPECT_TRUE(run_until([&] { return added.is_ready(); })) << added.last_error();
        return added;
    }
    /// Driver, source, limiter, and a consumer that says nothing of a rate.
    void start_all() {
        start_driver();
        start_source();
        start_limiter();
        add_consumer(kDest, 500, 0, 0);
    }

    void step(Nanos by_ns = kNanosPerMilli) {
        clock.advance(by_ns);
        const Nanos now = clock.now_ns();
        driver->do_work(now);
        if (source) source->do_work(now);
        if (limiter) limiter->do_work(now);
        for (const auto& consumer : consumers) {
            consumer->do_work(now);
            consumer->poll([&](const Frame& frame) { receive(frame); }, 64);
        }
    }
    void live(Nanos duration_ns, Nanos by_ns = 10 * kNanosPerMilli) {
        for (Nanos left = duration_ns; left > 0; left -= by_ns) step(by_ns);
    }
    [[nodiscard]] bool run_until(const std::function<bool()>& condition) {
        for (int i = 0; i < 3000 && !condition(); ++i) step(10 * kNanosPerMilli);
        return condition();
    }
    /// The newest epoch of the destination is read by every consumer.
    [[nodiscard]] bool settled() {
        return run_until([&] {
            if (!limiter->is_ready()) return false;
            for (const auto& consumer : consumers) {
                if (consumer->stream_id() == kDest && consumer->epoch() != status().dest_epoch) return false;
            }
            return true;
        });
    }

    static FrameInfo info_of(std::uint32_t bytes) {
        FrameInfo info;
        info.tensor.dims[0] = static_cast<std::int32_t>(bytes);
        info.values_len_bytes = bytes;
        info.timestamp_ns = 1;
        return info;
    }
    /// Publishes a frame of the source; every byte is the low one of its number.
    void publish(std::uint32_t bytes = 100) {
        const std::vector<std::byte> payload(bytes, static_cast<std::byte>(source->next_seq()));
        ASSERT_TRUE(source->offer(payload, info_of(bytes)));
    }
    /// `frames` frames of the source, `period_ns` apart.
    void publish_at(int frames, Nanos period_ns) {
        for (int i = 0; i < frames; ++i) {
            publish();
            step(period_ns);
        }
    }
    [[nodiscard]] RateLimiterStatus status(std::size_t mapping = 0) const {
        return limiter->status()[mapping];
    }
    [[nodiscard]] RateLimiterCounters counters(std::size_t mapping = 0) const {
        return status(mapping).counters;
    }
    [[nodiscard]] std::vector<std::uint64_t> seqs() const {
        std::vector<std::uint64_t> all;
        for (const Received& frame : received) all.push_back(frame.seq);
        return all;
    }
    template <typename Message>
    void send(const Endpoint& to, const Message& message) {
        auto publisher = std::make_unique<control::ControlPublisher>(
            peer_context_->messaging().add_publication(to.channel, to.stream_id));
        ASSERT_TRUE(publisher->send(message));
        publishers_.push_back(std::move(publisher));  // what was sent stays there to be read
    }

    TempDir dir;
    HookClock clock;
    DriverConfig driver_config;
    RateLimiterOptions options;
    std::vector<Received> received;

private:
    void receive(const Frame& frame) {
        Received copy{frame.epoch(),        frame.seq(),     frame.timestamp_ns(), frame.trace_id(),
                      frame.meta_version(), frame.pool_id(), frame.tensor(),       {}};
        copy.payload.resize(frame.payload().size());
        EXPECT_TRUE(frame.copy_to(copy.payload));
        received.push_back(std::move(copy));
    }

    std::unique_ptr<Context> driver_context_;
    std::unique_ptr<Context> source_context_ = new_context();
    std::unique_ptr<Context> limiter_context_ = new_context();
    std::unique_ptr<Context> consumer_context_ = new_context();
    std::unique_ptr<Context> peer_context_ = new_context();
    std::vector<std::unique_ptr<control::ControlPublisher>> publishers_;

protected:
    std::unique_ptr<Driver> driver;
    std::unique_ptr<Producer> source;
    std::unique_ptr<RateLimiter> limiter;
    std::vector<std::unique_ptr<Consumer>> consumers;
};

}  // namespace tensorpool::test
