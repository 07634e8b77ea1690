// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/agent.hpp>
#include <tensorpool/context.hpp>
#include <tensorpool/protocol_enums.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace tensorpool {

/// A producer's last report (OBS-010).
struct ProducerQos {
    std::uint32_t stream_id = 0;
    std::uint32_t producer_id = 0;
    std::uint64_t epoch = 0;
    std::uint64_t current_seq = 0;  ///< of the next frame
    std::optional<std::uint32_t> watermark;
    Nanos received_ns = 0;  ///< local clock
};

/// A consumer's last report (OBS-009). Drops are totals since the consumer was made.
struct ConsumerQos {
    std::uint32_t stream_id = 0;
    std::uint32_t consumer_id = 0;
    std::uint64_t epoch = 0;  ///< 0: has nothing mapped
    std::uint64_t last_seq_seen = 0;
    std::uint64_t drops_gap = 0;
    std::uint64_t drops_late = 0;
    Mode mode = Mode::Stream;
    Nanos received_ns = 0;
};

struct QosMonitorOptions {
    StreamEndpoints endpoints{};
    /// Producers and consumers remembered together; more are dropped and counted.
    std::size_t max_entries = 4096;
    /// Who has not reported for this long is forgotten.
    Nanos forget_after_ns = 5 * kNanosPerSecond;
};

struct QosMonitorCounters {
    std::uint64_t reports_received = 0;
    std::uint64_t messages_invalid = 0;
    std::uint64_t dropped_full = 0;  ///< reports of peers beyond max_entries
    std::uint64_t forgotten = 0;
};

/// Keeps the last QoS report of every producer and consumer on a deployment (OBS-015). Allocates only when a
/// peer reports for the first time. Not thread-safe.
class QosMonitor final : public Agent {
public:
    /// Throws Error.
    QosMonitor(Context& context, QosMonitorOptions options = {});
    ~QosMonitor() override;

    /// Ordered by stream and id. Valid until the next do_work().
    [[nodiscard]] const std::vector<ProducerQos>& producers() const noexcept;
    [[nodiscard]] const std::vector<ConsumerQos>& consumers() const noexcept;
    /// nullptr when it has not reported, or not lately.
    [[nodiscard]] const ProducerQos* producer(std::uint32_t stream_id,
                                              std::uint32_t producer_id) const noexcept;
    [[nodiscard]] const ConsumerQos* consumer(std::uint32_t stream_id,
                                              std::uint32_t consumer_id) const noexcept;

    /// Frames the consumer is behind the producer of its stream and epoch, by their last reports; those are
    /// up to a period old, so a difference of 1 means nothing (OBS-016). Empty when no producer of that epoch
    /// reported. Compare it with the ring: a reader further behind than nslots loses frames.
    [[nodiscard]] std::optional<std::uint64_t> lag(const ConsumerQos& consumer) const noexcept;

    void on_producer(std::function<void(const ProducerQos&)> handler);
    void on_consumer(std::function<void(const ConsumerQos&)> handler);

    [[nodiscard]] const QosMonitorCounters& counters() const noexcept;

    int do_work(Nanos now_ns) noexcept override;
    [[nodiscard]] std::string_view role_name() const noexcept override { return "qos-monitor"; }

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tensorpool
