// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/consumer.hpp>
#include <tensorpool/driver_session.hpp>

#include "base/log.hpp"
#include "base/rate_gate.hpp"
#include "base/timer.hpp"
#include "consumer/descriptor_streams.hpp"
#include "consumer/frame_reader.hpp"
#include "consumer/mapping_tracker.hpp"
#include "consumer/progress_reader.hpp"
#include "consumer/remote_config.hpp"
#include "consumer/sequence_tracker.hpp"
#include "control/dispatcher.hpp"
#include "control/periodic_publisher.hpp"
#include "messaging/messaging.hpp"
#include "telemetry/counter_set.hpp"
#include "telemetry/latency.hpp"
#include "telemetry/tables.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace tensorpool {

/// What a Consumer is made of: subscriptions, the mapping they lead to, and the path of one descriptor.
class Consumer::Impl final : private control::ControlHandler {
public:
    using Call = void (*)(void*, const Frame&);

    Impl(Context& context, ConsumerOptions options, DriverSession* borrowed_session);
    ~Impl() override;
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    int poll(Call call, void* handler, int limit) noexcept;
    bool read(std::uint64_t seq, Call call, void* handler) noexcept;
    int do_work(Nanos now_ns) noexcept;
    void wait(Nanos timeout_ns) noexcept;

    Context& context;
    SingleThreadCheck thread_check;
    const bool self_assigned_id;
    const ConsumerOptions options;
    ConsumerCounters counters;
    consumer::MappingTracker tracker;
    consumer::SequenceTracker sequence;
    consumer::DescriptorStreams descriptors;
    DriverSession* session = nullptr;
    std::uint32_t consumer_id = 0;
    consumer::RemoteConfig remote;
    std::function<void(const Frame&)> frame_handler;
    std::function<void(std::uint64_t)> overrun_handler;
    std::function<void(const PartialFrame&)> progress_handler;

private:
    void on_pool_announce(const control::PoolAnnounce& announce, const messaging::Message& message) override;
    void on_consumer_config(const control::ConsumerConfig& config, const messaging::Message&) override;
    void on_frame_progress(const control::FrameProgress& progress, const messaging::Message&) override;
    void on_lease_revoked(const control::LeaseRevoked& revoked, const messaging::Message& message) override;
    void on_qos_consumer(const control::QosConsumer& qos, const messaging::Message& message) override;

    int follow_session(Nanos now_ns) noexcept;
    /// Takes or gives up streams of its own.
    void follow_streams(const control::ConsumerConfig& config);
    void note_assigned(const std::string& channel, std::uint32_t stream_id) noexcept;
    int poll_own_progress() noexcept;
    void take_progress(const control::FrameProgress& progress) noexcept;
    void list_waits() noexcept;
    void report_qos(Nanos now_ns) noexcept;
    void say_hello(Nanos now_ns) noexcept;
    /// By the own choice or by a ConsumerConfig; either way frames are picked as options.delivery says.
    [[nodiscard]] Mode mode() const noexcept {
        return options.delivery == Delivery::RateLimited ? Mode::RateLimited : remote.mode;
    }
    /// Whether the producer leaves out frames for this consumer (WIRE-088).
    [[nodiscard]] bool is_thinned() const noexcept {
        return descriptors.on_own() && options.max_rate_hz != 0 && options.max_rate_hz != wire::kNullU32;
    }
    /// Points the data path at whatever the tracker has mapped now.
    void sync_mapping() noexcept;
    void report_wait(Nanos now_ns) noexcept;
    /// Gates one descriptor; true when its frame should be read.
    bool admit(const wire::FrameDescriptorBlock& descriptor, std::int64_t image) noexcept;
    /// Reads one frame and hands it out; true when it was delivered intact.
    bool deliver(const wire::FrameDescriptorBlock& descriptor, Call call, void* handler) noexcept;
    void count_drop(FrameReader::Result result) noexcept;
    int poll_current(Call call, void* handler, int limit) noexcept;
    /// While it changes to a stream of its own: in order, without a gap.
    int poll_joining(Call call, void* handler, int limit) noexcept;
    [[nodiscard]] bool has_passed(const wire::FrameDescriptorBlock& descriptor) const noexcept;
    void on_regression(std::uint64_t seq) noexcept;
    bool passes_rate(const Frame& frame) noexcept;
    void on_overrun(std::uint64_t seq) noexcept;
    void measure(const Frame& frame) noexcept;
    /// What a poll is about to hand out, one descriptor after the other.
    struct EveryPoll {
        Call call;
        void* handler;
        int delivered = 0;
        std::optional<wire::FrameDescriptorBlock> newest;  ///< once a resynchronisation began
    };
    int poll_every(Call call, void* handler, int limit) noexcept;
    /// Every so many polls in vain.
    void stay_ready(const void* on_message, Call call) const noexcept;
    void on_descriptor(const messaging::Message& message, EveryPoll& poll) noexcept;
    int poll_latest(Call call, void* handler, std::optional<wire::FrameDescriptorBlock> newest) noexcept;

    std::unique_ptr<DriverSession> own_session_;
    std::unique_ptr<messaging::Subscription> control_;
    std::unique_ptr<messaging::Subscription> own_progress_;  // empty: progress comes on the shared stream
    std::unique_ptr<messaging::Subscription> announces_;     // empty when announces share the control stream
    std::vector<messaging::Subscription*> wait_set_;
    control::ControlDispatcher dispatcher_;
    FrameReader reader_;
    FrameReader look_up_;  // of read(): poll()'s handler may call it while it holds reader_'s frame
    consumer::ProgressReader progress_reader_;
    base::RateGate gate_;
    base::PeriodicTimer liveness_timer_;
    std::optional<control::PeriodicPublisher> qos_;
    std::unique_ptr<messaging::Subscription> others_qos_;  // with qos_: who else reports under this id
    bool collision_logged_ = false;
    std::optional<control::PeriodicPublisher> hello_;
    const shm::StreamMapping* mapped_ = nullptr;
    std::uint64_t mapped_epoch_ = 0;
    std::uint64_t mapping_id_ = 0;
    std::optional<Nanos> waiting_since_ns_;  // for something to map
    bool wait_reported_ = false;
    std::uint64_t session_generation_ = 0;
    Nanos now_ns_ = 0;
    bool resync_ = false;
    std::uint32_t idle_polls_ = 0;
    int polled_ = -1;  // descriptors that the last poll found; -1: none since the last cycle
    struct FirstOwn {
        wire::FrameDescriptorBlock descriptor;
        std::int64_t image;
    };
    std::optional<FirstOwn> first_own_;  // waits until the shared stream is read up to it
    base::LogLimit regression_log_;
    std::optional<telemetry::CounterSet> published_;
    telemetry::ConsumerGauges gauges_;
    std::shared_ptr<telemetry::LatencyRecorder> read_latency_;  // empty: not measured
    telemetry::LatencySampler read_sampler_;
};

}  // namespace tensorpool
