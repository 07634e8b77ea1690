// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/agent.hpp>
#include <tensorpool/context.hpp>
#include <tensorpool/discovery_status.hpp>
#include <tensorpool/driver_session.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Which streams exist, what they are called and which driver to attach to (docs/protocol/discovery.md). A
// list is advice: the driver alone decides who attaches, and nothing is ever mapped because of a list
// (DISC-009).
namespace tensorpool {

/// One stream as a provider knows it.
struct DiscoveredStream {
    std::uint32_t stream_id = 0;
    std::uint32_t producer_id = 0;
    std::uint64_t epoch = 0;
    std::uint32_t layout_version = 0;
    std::uint32_t header_nslots = 0;
    std::optional<std::uint64_t> data_source_id;
    std::string data_source_name;  ///< byte for byte as announced; empty: not announced
    std::vector<std::string> tags;
    std::string header_region_uri;
    std::vector<PoolDescription> pools;
    std::string driver_instance_id;
    Endpoint driver_control;  ///< where to attach (DISC-060)
};

/// What a stream must be to be listed; what is left empty does not matter, the rest must hold all together
/// (DISC-029). Names and tags are compared byte for byte.
struct DiscoveryFilter {
    std::optional<std::uint32_t> stream_id{};
    std::optional<std::uint32_t> producer_id{};
    std::optional<std::uint64_t> data_source_id{};
    std::string data_source_name{};
    std::vector<std::string> tags{};  ///< a stream needs every one of them
};

// ---- the provider -----------------------------------------------------------------------------------------

/// A driver whose streams are listed. Where an announce arrives says whose it is: no two authorities share an
/// announce endpoint.
struct DiscoveryAuthority {
    std::string instance_id;
    Endpoint control{"aeron:ipc?term-length=4m", 1000};
    Endpoint announce{"aeron:ipc?term-length=4m", 1000};
    std::optional<Endpoint> metadata{};  ///< of data source names; empty: none are known
};

/// What no announce says about a stream (trap 9).
struct DiscoveryLabel {
    std::string instance_id;
    std::uint32_t stream_id = 0;
    std::vector<std::string> tags{};
    std::optional<std::uint64_t> data_source_id{};
};

/// Whether `client_id` may see a stream. The id is what the client says of itself and proves nothing
/// (DISC-042).
using DiscoveryVisibility = std::function<bool(std::uint32_t client_id, const DiscoveredStream& stream)>;

struct DiscoveryProviderOptions {
    Endpoint request{"aeron:ipc?term-length=4m", 1000};
    std::vector<DiscoveryAuthority> authorities{};
    std::vector<DiscoveryLabel> labels{};
    std::uint32_t max_results = 1000;           ///< more matches are an ERROR, never a shortened list
    Nanos expiry_ns = 3 * kNanosPerSecond;      ///< a stream not announced for this long is no longer listed
    DiscoveryVisibility visible{};              ///< empty: everybody sees everything
    bool explicit_denial = false;               ///< ERROR instead of NOT_FOUND when all matches are hidden
    std::size_t max_streams = 16384;            ///< remembered; announces of more are dropped and counted
    std::size_t response_buffer_bytes = 65536;  ///< to begin with; grows to what a channel can carry
    std::size_t max_response_endpoints = 64;    ///< open at a time
    /// A channel with a longer term-length is refused: its log would be the provider's memory.
    std::uint64_t max_response_term_bytes = std::uint64_t{64} << 20;
    Nanos response_timeout_ns = 2 * kNanosPerSecond;  ///< how long an answer waits for its client to listen
    Nanos response_idle_ns = 10 * kNanosPerSecond;    ///< an endpoint not answered to for this long is closed
};

/// Totals since construction.
struct DiscoveryProviderCounters {
    std::uint64_t announces = 0;
    std::uint64_t announces_invalid = 0;
    std::uint64_t announces_regressed = 0;  ///< epochs below the known one (DISC-077)
    std::uint64_t metadata = 0;
    std::uint64_t metadata_invalid = 0;  ///< names beyond 1024 bytes
    std::uint64_t dropped_full = 0;      ///< of streams beyond max_streams
    std::uint64_t expired = 0;
    std::uint64_t requests = 0;          ///< well-formed ones
    std::uint64_t requests_refused = 0;  ///< without a channel or stream to answer on: no answer (DISC-031)
    std::uint64_t messages_invalid = 0;  ///< malformed or of another version: no answer
    std::uint64_t responses_ok = 0;
    std::uint64_t responses_not_found = 0;
    std::uint64_t responses_error = 0;
    std::uint64_t response_endpoints_refused = 0;  ///< channels that cannot be opened, or one too many
    std::uint64_t responses_dropped = 0;           ///< nobody came to listen, or the messaging failed
    std::uint64_t internal_errors = 0;
};

/// Answers what exists, from what drivers announce. Embedded beside one driver or alone over several.
/// Not thread-safe: call every member from the thread that drives do_work().
class DiscoveryProvider final : public Agent {
public:
    /// Throws Error(InvalidConfig) with what is wrong in the options, or the error of an endpoint.
    DiscoveryProvider(Context& context, DiscoveryProviderOptions options);
    ~DiscoveryProvider() override;

    /// Tags and data source id of a stream, known to the announces or not (DISC-058). They outlive its
    /// expiry.
    void set_label(DiscoveryLabel label);
    /// A driver moved or was replaced: whatever its predecessor said is forgotten, so that its epochs may
    /// start lower (DISC-077). Throws Error(NotFound) for an unknown `instance_id`, and as the constructor.
    void replace_authority(std::string_view instance_id, const DiscoveryAuthority& authority);

    /// What a client without an id would be told now, in the order of authorities and stream ids.
    [[nodiscard]] std::vector<DiscoveredStream> streams(const DiscoveryFilter& filter = {}) const;
    [[nodiscard]] const DiscoveryProviderCounters& counters() const noexcept;

    int do_work(Nanos now_ns) noexcept override;
    /// Sleeps until a request or announce may be there, or `timeout_ns` passed.
    void wait(Nanos timeout_ns) noexcept;
    [[nodiscard]] std::string_view role_name() const noexcept override { return "discovery"; }

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

// ---- the client -------------------------------------------------------------------------------------------

struct DiscoveryClientOptions {
    Endpoint request{"aeron:ipc?term-length=4m", 1000};
    /// Where answers are to come; stream id 0: a random one of its own.
    Endpoint response{"aeron:ipc?term-length=4m", 0};
    std::uint32_t client_id = 0;                      ///< 0: random
    Nanos attempt_timeout_ns = 500 * kNanosPerMilli;  ///< then asked again, under a new request id
    std::uint32_t attempts = 4;                       ///< of query(); discover() goes on to its deadline
    Nanos fresh_for_ns = 3 * kNanosPerSecond;         ///< how long an answer may be acted on
    /// Set: announces there that contradict an answer void it, and the question is asked again (DISC-097).
    std::optional<Endpoint> announce{};
};

enum class DiscoveryState : std::uint8_t { Idle, Waiting, Answered, TimedOut };

/// One answer: a snapshot, for information (DISC-007).
struct DiscoveryAnswer {
    DiscoveryStatus status = DiscoveryStatus::NotFound;
    std::vector<DiscoveredStream>
        streams;  ///< empty unless Ok; one of each driver and stream, the newest epoch
    std::string error_message;
    Nanos received_ns = 0;
};

struct DiscoveryClientCounters {
    std::uint64_t requests_sent = 0;
    std::uint64_t responses_received = 0;
    std::uint64_t responses_foreign = 0;  ///< answers to requests that nobody here waits for
    std::uint64_t messages_invalid = 0;
    std::uint64_t results_invalid = 0;  ///< dropped from an otherwise good answer
    std::uint64_t answers_voided = 0;   ///< contradicted by an announce
};

/// Asks a provider. Not thread-safe: call every member from the thread that drives do_work().
class DiscoveryClient final : public Agent {
public:
    /// Throws Error for a response channel that is empty, an attempt time that is not positive, or an
    /// endpoint that cannot be opened.
    explicit DiscoveryClient(Context& context, DiscoveryClientOptions options = {});
    ~DiscoveryClient() override;

    /// Asks; do_work() carries it on until state() is Answered or TimedOut. A query under way is given up.
    /// Throws Error(InvalidArgument) for a name of more than 256 bytes (DISC-037).
    void query(DiscoveryFilter filter);
    [[nodiscard]] DiscoveryState state() const noexcept;
    /// The last answer; empty before the first. Valid until the next do_work().
    [[nodiscard]] const DiscoveryAnswer& answer() const noexcept;
    /// Whether there is an answer younger than fresh_for_ns.
    [[nodiscard]] bool is_fresh(Nanos now_ns) const noexcept;

    /// query() and drive do_work() until answered. Throws Error(Timeout) at `deadline_ns`.
    const DiscoveryAnswer& discover(DiscoveryFilter filter, Nanos deadline_ns);

    [[nodiscard]] const DiscoveryClientCounters& counters() const noexcept;
    int do_work(Nanos now_ns) noexcept override;
    [[nodiscard]] std::string_view role_name() const noexcept override { return "discovery-client"; }

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

/// Points a producer's or consumer's endpoints at the driver that is responsible for `stream` (DISC-060). Its
/// announces are expected on its control endpoint where that was so before.
void attach_at(const DiscoveredStream& stream, StreamEndpoints& endpoints);

/// What a granted lease says otherwise than the list did; empty when they agree. The lease is right: ask
/// again.
[[nodiscard]] std::optional<std::string> contradiction(const DiscoveredStream& stream,
                                                       const Attachment& attachment);

}  // namespace tensorpool
