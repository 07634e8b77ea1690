// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/driver_session.hpp>
#include <tensorpool/producer.hpp>

#include "base/log.hpp"
#include "control/periodic_publisher.hpp"
#include "messaging/messaging.hpp"
#include "producer/consumer_registry.hpp"
#include "producer/in_flight_queue.hpp"
#include "producer/progress_reporter.hpp"
#include "producer/slot_writer.hpp"
#include "producer/standalone_stream.hpp"
#include "shm/path_policy.hpp"
#include "shm/stream_mapping.hpp"
#include "telemetry/counter_set.hpp"
#include "telemetry/latency.hpp"
#include "telemetry/tables.hpp"

#include <memory>
#include <optional>
#include <string>

namespace tensorpool {

/// What a Producer is made of. The mapping comes from a driver session or from a standalone stream;
/// everything above it (slots, order, descriptors) does not care which.
class Producer::Impl {
public:
    Impl(Context& context, ProducerOptions options, DriverSession* borrowed_session);
    ~Impl();
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    expected<Reservation, ClaimError> reserve_fitting(std::uint32_t payload_bytes) noexcept;
    expected<Reservation, ClaimError> reserve_in_pool(std::uint16_t pool_id) noexcept;
    expected<Reservation, ClaimError> reserve_seq(std::uint64_t seq, std::uint32_t payload_bytes) noexcept;
    PublishResult publish(const Reservation& reservation, const FrameInfo& info) noexcept;
    void abandon(const Reservation& reservation) noexcept;
    ProgressResult begin_progress(const Reservation& reservation, const FrameInfo& info) noexcept;
    ProgressResult report_progress(const Reservation& reservation, std::uint32_t bytes_filled) noexcept;
    [[nodiscard]] std::optional<DeviceSlots> device_slots(std::uint16_t pool_id) const;

    int do_work(Nanos now_ns) noexcept;

    Context& context;
    SingleThreadCheck thread_check;
    const ProducerOptions options;
    ProducerCounters counters;
    std::string mapping_error;
    std::uint64_t generation = 0;
    std::shared_ptr<shm::StreamMapping> mapping;  // empty: not ready
    producer::InFlightQueue queue;
    std::unique_ptr<messaging::Publication> descriptors;
    producer::ConsumerRegistry consumers;
    std::uint32_t producer_id = 0;
    std::uint64_t epoch = 0;
    std::optional<std::uint32_t> node_id;  // granted with the lease
    DriverSession* session = nullptr;

private:
    using Queue = producer::InFlightQueue;

    /// The pool a frame of this size goes to, or why there is none.
    expected<const shm::PayloadPool*, ClaimError> fitting_pool(std::uint32_t payload_bytes) noexcept;
    expected<Reservation, ClaimError> reserve(const shm::PayloadPool& pool) noexcept;
    /// Begins the slot of `seq`, which the queue just handed out.
    Reservation begin(std::uint64_t seq, const shm::PayloadPool& pool) noexcept;
    bool is_current(const Reservation& reservation) const noexcept;
    PublishResult publish_frame(const Reservation& reservation, const FrameInfo& info) noexcept;
    PublishResult refuse_stale(const Reservation& reservation) noexcept;
    void complete_progress(std::uint64_t seq, std::uint32_t values_len_bytes) noexcept;
    PublishResult emit(const producer::DescriptorFields& fields) noexcept;
    /// Takes ownership of the cache lines that the next frame of this pool is likely to write.
    void prefetch_next() const noexcept;
    void send_progress(control::FrameProgress progress) noexcept;
    void count_refusal(messaging::SendError error) noexcept;
    int follow_session() noexcept;
    void map(const Attachment& attachment);
    void use(std::shared_ptr<shm::StreamMapping> fresh, std::uint64_t fresh_epoch);
    void unmap() noexcept;

    void report_qos(Nanos now_ns) noexcept;
    void report_refusals(Nanos now_ns) noexcept;
    void refresh_gauges() noexcept;

    std::unique_ptr<DriverSession> own_session_;
    std::unique_ptr<producer::StandaloneStream> standalone_;
    shm::PathPolicy policy_;
    producer::SlotWriter slots_;
    producer::ProgressReporter progress_;
    std::optional<control::PeriodicPublisher> qos_;
    std::optional<telemetry::CounterSet> published_;
    telemetry::ProducerGauges gauges_;
    std::shared_ptr<telemetry::LatencyRecorder> publish_latency_;  // empty: not measured
    telemetry::LatencySampler publish_sampler_;
    base::LogLimit refusal_log_;
    std::uint64_t refusals_reported_ = 0;
    std::uint64_t session_generation_ = 0;
    Nanos now_ns_ = 0;
    Nanos fetched_ns_ = 0;
    const std::byte* next_payload_ = nullptr;  // of the slot that the next frame most likely takes
};

}  // namespace tensorpool
