// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/context.hpp>
#include <tensorpool/producer.hpp>

#include "base/log.hpp"
#include "base/rate_gate.hpp"
#include "base/timer.hpp"
#include "control/dispatcher.hpp"
#include "control/publisher.hpp"
#include "control/stream_issuer.hpp"
#include "messaging/messaging.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace tensorpool::producer {

/// The consumers of one stream as its producer knows them: what they asked for, the streams that are theirs
/// alone, and whether they still live (WIRE-080 to WIRE-088, OBS-014).
///
/// Streams are opened as a ConsumerConfig says. Without a driver or supervisor the producer is the one who
/// says it (SUP-010), except while somebody else does. Everything but send_*() runs at hello cadence.
class ConsumerRegistry final : private control::ControlHandler {
public:
    /// `options` and `counters` outlive the registry. Throws Error when messaging refuses the control
    /// streams.
    ConsumerRegistry(Context& context, const ProducerOptions& options, ProducerCounters& counters);

    /// Listens, answers, and closes the streams of the silent.
    int do_work(Nanos now_ns) noexcept;
    /// Whether the last cycle found one more publication on the control stream, a new consumer's perhaps.
    /// This process subscribes there itself, so that "is anybody listening" says nothing.
    [[nodiscard]] bool somebody_new() const noexcept { return somebody_new_; }

    // ---- per frame: no allocation, no system call ----

    [[nodiscard]] bool has_descriptor_streams() const noexcept { return !with_descriptors_.empty(); }
    [[nodiscard]] bool is_connected() const noexcept;
    /// Sends one descriptor to every stream whose rate admits it. `stamp_ns` is the frame's time (WIRE-094).
    /// True when at least one stream took it.
    bool send_descriptor(std::span<const std::byte> message, std::uint64_t stamp_ns) noexcept;

    /// Whether some consumer asked to hear of frames that are being filled (WIRE-116).
    [[nodiscard]] bool wants_progress() const noexcept { return progress_consumers_ != 0; }
    /// What their hints come to, never below the producer's own limits (WIRE-075).
    [[nodiscard]] const ProgressLimits& progress_limits() const noexcept { return limits_; }
    /// On the control streams of single consumers and, for the others, on the shared one. True when at least
    /// one stream took it.
    bool send_progress(std::span<const std::byte> message) noexcept;

private:
    /// One consumer.
    struct Entry {
        std::uint32_t consumer_id = 0;
        Nanos heard_ns = 0;
        std::uint32_t max_rate_hz = 0;
        bool wants_progress = false;
        std::optional<std::uint32_t> interval_us;
        std::optional<std::uint32_t> bytes_delta;
        std::uint32_t major_delta_units = 0;
        std::unique_ptr<messaging::Publication> descriptors;  // empty: it reads the shared stream
        std::unique_ptr<messaging::Publication> progress;     // empty: it hears the shared control stream
        base::RateGate gate{0};
    };

    void on_consumer_hello(const control::ConsumerHello& hello, const messaging::Message&) override;
    void on_consumer_config(const control::ConsumerConfig& config, const messaging::Message&) override;
    void on_qos_consumer(const control::QosConsumer& qos, const messaging::Message&) override;
    void on_lease_revoked(const control::LeaseRevoked& revoked, const messaging::Message&) override;

    [[nodiscard]] Entry* find(std::uint32_t consumer_id) noexcept;
    /// Also makes it, when there is room.
    Entry* entry_of(std::uint32_t consumer_id);
    void answer(const control::ConsumerHello& hello, Entry& entry);
    void apply(const control::ConsumerConfig& config, Entry& entry);
    /// Opens, keeps or closes one publication so that it is the one assigned; false: it cannot be opened.
    bool follow(std::unique_ptr<messaging::Publication>& publication, const std::string& channel,
                std::uint32_t stream_id);
    void close(std::unique_ptr<messaging::Publication>& publication) noexcept;
    void open_shared_progress() noexcept;
    void remove(std::size_t index) noexcept;
    int remove_stale() noexcept;
    /// Brings what send_*() looks at up to date.
    void reconsider() noexcept;
    [[nodiscard]] bool is_issuer() const noexcept {
        return options_.standalone && now_ns_ >= foreign_issuer_until_ns_;
    }

    Context& context_;
    const ProducerOptions& options_;
    ProducerCounters& counters_;
    std::unique_ptr<messaging::Subscription> control_;
    std::unique_ptr<messaging::Subscription> qos_;
    control::ControlPublisher publisher_;               // on the shared control stream: configs
    std::unique_ptr<messaging::Publication> progress_;  // on it too; empty until somebody asks
    base::LogLimit progress_log_;
    control::StreamIssuer issuer_;
    control::ControlDispatcher dispatcher_{*this};
    Nanos stale_after_ns_;
    base::PeriodicTimer stale_timer_;
    std::vector<std::unique_ptr<Entry>> entries_;
    std::vector<Entry*> with_descriptors_;
    std::vector<Entry*> with_progress_;
    std::size_t progress_consumers_ = 0;
    bool shared_progress_ = false;  // some consumer hears of progress on the shared control stream
    Nanos foreign_issuer_until_ns_ = 0;
    int images_ = 0;  // on the control stream
    bool somebody_new_ = false;
    ProgressLimits limits_;
    Nanos now_ns_ = 0;
};

}  // namespace tensorpool::producer
