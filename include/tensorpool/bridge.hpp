// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/agent.hpp>
#include <tensorpool/context.hpp>
#include <tensorpool/driver_config.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Carries streams from one host to another (docs/protocol/bridge.md). At the source host it is an ordinary
// consumer, at the destination host an ordinary producer; between them travel chunks of at most one MTU.
namespace tensorpool {

/// Which end of a mapping lives in this process.
enum class BridgeEnd : std::uint8_t {
    Both,     ///< source and destination are streams of this host
    Send,     ///< this host has the source stream
    Receive,  ///< this host gets the destination stream
};

[[nodiscard]] std::string_view to_string(BridgeEnd end) noexcept;

/// One stream that is carried over.
struct BridgeMapping {
    std::uint32_t source_stream_id = 0;
    /// 0: the receiving end takes the lowest free id of dest_stream_id_range.
    std::uint32_t dest_stream_id = 0;
    /// Stream id in forwarded metadata; 0 = the destination stream's (BRG-086).
    std::uint32_t metadata_stream_id = 0;
    /// Messaging streams of FrameProgress and QoS at either host; 0 = off (BRG-102).
    std::uint32_t source_control_stream_id = 0;
    std::uint32_t dest_control_stream_id = 0;
    /// Accepted and reported; the destination driver's configuration decides over pools.
    std::string profile;
    BridgeEnd end = BridgeEnd::Both;
    /// Transport of this mapping where it differs from the bridge's: one direction of a two-way bridge.
    std::optional<Endpoint> payload{};
    std::optional<Endpoint> control{};
    std::optional<Endpoint> metadata{};
};

struct BridgeOptions {
    std::string instance_id;
    /// The transport between the hosts. An empty metadata channel or a stream of 0 switches metadata off.
    Endpoint payload{"", 0};
    Endpoint control{"", 0};
    Endpoint metadata{"", 0};
    /// The streams of this host.
    StreamEndpoints local{};
    /// false: sources are standalone producers; map what they announce.
    bool source_uses_driver = true;
    std::vector<std::string> allowed_base_dirs{"/dev/shm"};

    std::uint32_t mtu_bytes = 0;    ///< 0: of the payload channel (its `mtu`, else 1408)
    std::uint32_t chunk_bytes = 0;  ///< 0: mtu_bytes - 128
    std::uint32_t max_chunk_bytes = 65535;
    std::uint32_t max_payload_bytes = 1'073'741'824;
    bool integrity_crc32c = false;  ///< needs a build with ISA-L; both ends must agree

    std::vector<IdRange> dest_stream_id_range{};
    /// Ids that no destination may take, for example streams of the destination driver's configuration.
    std::vector<std::uint32_t> reserved_stream_ids{};

    bool forward_metadata = true;
    bool forward_tracelink = false;
    bool forward_qos = false;
    bool forward_progress = false;
    /// Send FrameProgress under the destination's id, for receivers that expect it (trap 2).
    bool progress_under_dest_id = false;
    std::int32_t source_metadata_stream_id = 0;  ///< messaging stream of metadata at the source host

    Nanos assembly_timeout_ns = 250 * kNanosPerMilli;
    /// Frames of one mapping that are assembled at a time; one more drops the oldest (trap 8).
    std::uint32_t max_frames_in_flight = 8;
    /// Of leases; as the drivers of this host expect.
    Nanos keepalive_interval_ns = kNanosPerSecond;
    Nanos announce_period_ns = kNanosPerSecond;

    std::vector<BridgeMapping> mappings{};
};

/// Totals of one mapping since construction. Sender and receiver count their own.
struct BridgeCounters {
    // observability.md 1.5
    std::uint64_t frames_forwarded = 0;       ///< all chunks sent
    std::uint64_t chunks_sent = 0;            ///
    std::uint64_t chunks_dropped = 0;         ///< refused by the publication, or discarded by the receiver
    std::uint64_t assemblies_reset = 0;       ///< partial frames given up
    std::uint64_t control_forwarded = 0;      ///< announces, QoS, progress, trace links; sent or republished
    std::uint64_t frames_rematerialized = 0;  ///< rebuilt here and committed

    // sender: why a frame did not leave
    std::uint64_t frames_missed = 0;         ///< the source was faster than this bridge: never read, or torn
    std::uint64_t frames_not_connected = 0;  ///< nobody receives: normal
    std::uint64_t frames_refused = 0;        ///< the publication took only a part; never retried (BRG-049)
    std::uint64_t frames_overrun = 0;        ///< the source slot was reused while it was sent (trap 10)
    std::uint64_t frames_too_large = 0;      ///< max_payload_bytes, or more than 65535 chunks

    // receiver: why chunks were discarded; they add up to its chunks_dropped
    std::uint64_t drops_malformed = 0;    ///< index, count or header rule (BRG-022 to BRG-026)
    std::uint64_t drops_limits = 0;       ///< payload or chunk larger than allowed (BRG-030 to BRG-033)
    std::uint64_t drops_no_announce = 0;  ///< before the first forwarded announce (BRG-048)
    std::uint64_t drops_epoch = 0;        ///< not the epoch of the latest announce (BRG-061, BRG-108)
    std::uint64_t drops_crc = 0;          ///< BRG-056, BRG-057
    std::uint64_t drops_header = 0;       ///< an unusable header slot (BRG-062 to BRG-067)
    std::uint64_t drops_late = 0;         ///< of a frame that is published, dropped or overtaken
    std::uint64_t drops_conflict = 0;     ///< contradicts the chunks before it (BRG-041, BRG-047)
    std::uint64_t drops_no_destination =
        0;                                 ///< no lease on the destination stream, or no pool is large enough
    std::uint64_t duplicates_ignored = 0;  ///< identical; not part of chunks_dropped (BRG-045)

    // receiver: why partial frames were given up; they add up to assemblies_reset
    std::uint64_t resets_timeout = 0;
    std::uint64_t resets_conflict = 0;     ///< and bad headers
    std::uint64_t resets_epoch = 0;        ///< source epoch or destination lease changed
    std::uint64_t resets_overtaken = 0;    ///< a later frame was published first
    std::uint64_t resets_crowded_out = 0;  ///< max_frames_in_flight, or its place in the ring was needed
    std::uint64_t publish_failures = 0;    ///< of complete frames: the destination refused the commit

    std::uint64_t metadata_forwarded = 0;
    std::uint64_t progress_dropped = 0;       ///< of another epoch, or of a frame that is over
    std::uint64_t messages_invalid = 0;       ///< forwarded or to be forwarded, but not decodable
    std::uint64_t forward_send_failures = 0;  ///< other than "nobody listens"
    std::uint64_t source_epochs = 0;          ///< announced epochs that were followed
};

/// What a mapping is doing.
struct BridgeMappingStatus {
    std::uint32_t source_stream_id = 0;
    std::uint32_t dest_stream_id = 0;  ///< as allocated; 0 at a sending end that does not know
    BridgeEnd end = BridgeEnd::Both;
    std::uint64_t source_epoch = 0;  ///< mapped by the sender or announced to the receiver; 0 = none
    std::uint64_t dest_epoch = 0;    ///< of the receiver's lease; 0 = none
    BridgeCounters counters;         ///< of both ends where both are here
    std::string last_error;          ///< why frames cannot flow; empty when nothing is known to be wrong
};

/// What no mapping can be blamed for.
struct BridgeTransportCounters {
    std::uint64_t messages_malformed = 0;   ///< on the payload streams, not a chunk that can be trusted
    std::uint64_t messages_foreign = 0;     ///< other schemas and templates (BRG-081)
    std::uint64_t chunks_unroutable = 0;    ///< of a stream id that no mapping has
    std::uint64_t messages_lost_bytes = 0;  ///< transport bytes overwritten before they were read
};

/// Everything that contradicts the protocol or itself, and what is merely suspicious.
[[nodiscard]] ConfigReport validate_bridge_options(const BridgeOptions& options);

/// Both ends of any number of mappings. Not thread-safe: call every member from the thread that drives
/// do_work().
class Bridge final : public Agent {
public:
    /// `local` reaches the driver and the clients of this host, `transport` the other host; they may be one.
    /// Throws ConfigError with every problem of the options, Error(Unsupported) for a checksum this build
    /// lacks, or what messaging throws.
    Bridge(Context& local, Context& transport, BridgeOptions options);
    ~Bridge() override;
    Bridge(const Bridge&) = delete;
    Bridge& operator=(const Bridge&) = delete;

    int do_work(Nanos now_ns) noexcept override;
    [[nodiscard]] std::string_view role_name() const noexcept override { return "bridge"; }

    /// In the order of the options.
    [[nodiscard]] std::vector<BridgeMappingStatus> mappings() const;
    [[nodiscard]] BridgeTransportCounters transport_counters() const noexcept;

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tensorpool
