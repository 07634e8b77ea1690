// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "producer_fixture.hpp"

#include <memory>
#include <string>
#include <vector>

namespace tensorpool::test {

/// A consumer made by hand, as far as its producer can see one: what it says, and what it is told.
class ConsumerPeer : private control::ControlHandler {
public:
    static constexpr const char* kChannel = "aeron:ipc?term-length=64k";

    ConsumerPeer(ProducerFixture& stream, std::uint32_t consumer_id)
        : stream_(stream),
          context_(context_in(stream.dir, stream.clock)),
          control_(publisher(stream.options.endpoints.control)),
          qos_(publisher(stream.options.endpoints.qos)) {
        subscriptions_.push_back(subscribe(stream.options.endpoints.control));
        hello.stream_id = ProducerFixture::kStream;
        hello.consumer_id = consumer_id;
        cycle();
        cycle();
    }
    /// Puts a request for streams of its own into the hello.
    void ask(std::uint32_t descriptor_id, std::uint32_t control_id) {
        hello.descriptor_channel = descriptor_id != 0 ? kChannel : "";
        hello.descriptor_stream_id = descriptor_id;
        hello.control_channel = control_id != 0 ? kChannel : "";
        hello.control_stream_id = control_id;
    }
    void say_hello() {
        ASSERT_TRUE(control_.send(hello));
        cycle();
    }
    void report() {
        control::QosConsumer qos;
        qos.stream_id = ProducerFixture::kStream;
        qos.consumer_id = hello.consumer_id;
        ASSERT_TRUE(qos_.send(qos));
        cycle();
    }
    /// Also listens there.
    void listen(std::int32_t id) {
        subscriptions_.push_back(subscribe({kChannel, id}));
        cycle();
    }
    /// The producer's cycle, then everything it said since.
    void cycle() {
        stream_.cycle();
        context_->messaging().do_work(stream_.clock.now_ns());
        for (const auto& subscription : subscriptions_) {
            while (dispatcher_.poll(*subscription, 64) > 0) {
            }
        }
    }
    [[nodiscard]] std::vector<std::uint64_t> seqs() const {
        std::vector<std::uint64_t> all;
        for (const auto& descriptor : descriptors) all.push_back(descriptor.seq);
        return all;
    }

    control::ConsumerHello hello;
    std::vector<control::ConsumerConfig> configs;
    std::vector<control::FrameDescriptor> descriptors;
    std::vector<control::FrameProgress> progress;
    std::size_t others = 0;  // messages that are none of these
    std::function<void(const control::FrameProgress&)> on_progress;

private:
    control::ControlPublisher publisher(const Endpoint& at) {
        return control::ControlPublisher(context_->messaging().add_publication(at.channel, at.stream_id));
    }
    std::unique_ptr<messaging::Subscription> subscribe(const Endpoint& at) {
        return context_->messaging().add_subscription(at.channel, at.stream_id);
    }
    void on_consumer_config(const control::ConsumerConfig& config, const messaging::Message&) override {
        if (config.consumer_id == hello.consumer_id) configs.push_back(config);
    }
    void on_frame_descriptor(const control::FrameDescriptor& descriptor, const messaging::Message&) override {
        descriptors.push_back(descriptor);
    }
    void on_frame_progress(const control::FrameProgress& message, const messaging::Message&) override {
        progress.push_back(message);
        if (on_progress) on_progress(message);
    }
    void on_pool_announce(const control::PoolAnnounce&, const messaging::Message&) override { ++others; }

    ProducerFixture& stream_;
    std::unique_ptr<Context> context_;
    control::ControlPublisher control_;
    control::ControlPublisher qos_;
    std::vector<std::unique_ptr<messaging::Subscription>> subscriptions_;
    control::ControlDispatcher dispatcher_{*this};
};

}  // namespace tensorpool::test
