// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/agent.hpp>
#include <tensorpool/context.hpp>
#include <tensorpool/per_consumer_streams.hpp>
#include <tensorpool/protocol_enums.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

// Watches the producers and consumers of a deployment and tells consumers how to read (observability.md
// section 3). Plain traffic needs none.
namespace tensorpool {

struct SupervisorOptions {
    StreamEndpoints endpoints{};
    /// Consumers, and as many producers, that are remembered; the hello of one more is refused (SUP-015).
    std::size_t capacity = 256;
    /// Who is silent for this long is stale, and forgotten after as long again (SUP-008).
    Nanos stale_after_ns = 5 * kNanosPerSecond;
    /// Tell every consumer not to read shared memory, and where the payloads are instead.
    bool force_no_shm = false;
    std::string payload_fallback_uri;
    /// Tell every consumer this mode, whatever it asked for.
    std::optional<Mode> force_mode{};
    /// Whether and where consumers get streams of their own when they ask. The producer opens what is
    /// assigned.
    PerConsumerStreams per_consumer{};
    /// False: only watches. For a second one beside that of the driver (SUP-010).
    bool issue_configs = true;
    /// Streams without a driver: remove the epochs below this directory and namespace whose producer is gone
    /// and that were silent for stale_after_ns (SUP-018). Empty: none. A driver sees to its own.
    std::string sweep_base_dir{};
    std::string sweep_namespace = "default";
};

/// What is known of one producer. Times are local, of reception; 0 = never.
struct SupervisedProducer {
    std::uint32_t stream_id = 0;
    std::uint32_t producer_id = 0;
    std::uint64_t epoch = 0;
    std::uint64_t current_seq = 0;  ///< of the next frame, by its last QoS
    Nanos last_announce_ns = 0;
    Nanos last_qos_ns = 0;
    bool stale = false;
};

/// What is known of one consumer.
struct SupervisedConsumer {
    std::uint32_t stream_id = 0;
    std::uint32_t consumer_id = 0;
    std::uint64_t epoch = 0;  ///< 0: nothing mapped
    Mode mode = Mode::Stream;
    Nanos last_hello_ns = 0;
    Nanos last_qos_ns = 0;
    std::uint64_t last_seq_seen = 0;
    std::uint64_t drops_gap = 0;
    std::uint64_t drops_late = 0;
    bool stale = false;
    bool collides = false;  ///< two consumers report under this id (WIRE-072)
};

/// Totals since construction (SUP-019, OBS 1.5).
struct SupervisorCounters {
    std::uint64_t hellos = 0;
    std::uint64_t configs_published = 0;
    std::uint64_t consumer_qos = 0;
    std::uint64_t producer_qos = 0;
    std::uint64_t announces = 0;
    std::uint64_t metadata = 0;
    std::uint64_t liveness_checks = 0;
    std::uint64_t became_stale = 0;
    std::uint64_t collisions = 0;     ///< consumer ids found to be used twice
    std::uint64_t refused_full = 0;   ///< peers beyond capacity
    std::uint64_t half_requests = 0;  ///< hellos with a channel without a stream id, or the reverse (SUP-012)
    std::uint64_t streams_declined = 0;  ///< requests for streams of their own that were not granted
    std::uint64_t messages_invalid = 0;
    std::uint64_t foreign_configs = 0;  ///< ConsumerConfig that somebody else sent (SUP-010)
    std::uint64_t epochs_removed = 0;   ///< left by dead producers (SUP-018)
};

/// Not thread-safe: call every member from the thread that drives do_work(). Exactly one role issues
/// ConsumerConfig for a stream: run one supervisor (SUP-010).
class Supervisor final : public Agent {
public:
    /// Throws Error.
    explicit Supervisor(Context& context, SupervisorOptions options = SupervisorOptions());
    ~Supervisor() override;

    /// Ordered by stream and id; valid until the next do_work().
    [[nodiscard]] const std::vector<SupervisedProducer>& producers() const noexcept;
    [[nodiscard]] const std::vector<SupervisedConsumer>& consumers() const noexcept;
    /// Frames a consumer is behind, as QosMonitor::lag(). Empty: it has nothing mapped, or its producer is
    /// unknown.
    [[nodiscard]] std::optional<std::uint64_t> lag(const SupervisedConsumer& consumer) const noexcept;
    [[nodiscard]] const SupervisorCounters& counters() const noexcept;

    /// Changes the policy; every known consumer whose configuration differs is told in the next cycle
    /// (SUP-011).
    void set_policy(bool force_no_shm, std::string payload_fallback_uri, std::optional<Mode> force_mode);

    int do_work(Nanos now_ns) noexcept override;
    [[nodiscard]] std::string_view role_name() const noexcept override { return "supervisor"; }

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tensorpool
