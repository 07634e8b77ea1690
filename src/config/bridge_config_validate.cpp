// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include <tensorpool/bridge.hpp>

#include "messaging/channel_uri.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <set>
#include <utility>

namespace tensorpool {
namespace {

constexpr std::uint32_t kMaxAeronStreamId = std::numeric_limits<std::int32_t>::max();
constexpr std::uint32_t kMaxPoolStreamId = 4294967294;
constexpr std::uint32_t kMtuMargin = 128;
constexpr std::uint32_t kMaxPayload = 1'073'741'824;
constexpr std::uint32_t kMaxChunks = 65535;

class Validation {
public:
    explicit Validation(const BridgeOptions& options) : options_(options) {}

    ConfigReport run() {
        check_bridge();
        check_sizes();
        check_metadata();
        if (options_.mappings.empty()) problem("mappings", "is empty; a bridge needs at least one (BRG-112)");
        for (std::size_t i = 0; i < options_.mappings.size(); ++i) check_mapping(i);
        check_pairs();
        check_range();
        return std::move(report_);
    }

private:
    template <typename... Args>
    void problem(std::string key, fmt::format_string<Args...> format, Args&&... args) {
        report_.problems.push_back({{}, std::move(key), fmt::format(format, std::forward<Args>(args)...)});
    }
    template <typename... Args>
    void warn(std::string key, fmt::format_string<Args...> format, Args&&... args) {
        report_.warnings.push_back({{}, std::move(key), fmt::format(format, std::forward<Args>(args)...)});
    }

    void check_bridge();
    void check_endpoint(const std::string& prefix, const Endpoint& endpoint);
    void check_transport(const std::string& table, const Endpoint& payload, const Endpoint& control,
                         const Endpoint& metadata);
    void check_sizes();
    void check_metadata();
    void check_mapping(std::size_t index);
    void check_controls(const std::string& key, const BridgeMapping& mapping);
    void check_pairs();
    void check_pair(std::size_t i, std::size_t j);
    void check_range();
    [[nodiscard]] std::multimap<std::uint32_t, std::string> taken_ids() const;

    [[nodiscard]] const Endpoint& payload_of(const BridgeMapping& m) const {
        return m.payload ? *m.payload : options_.payload;
    }
    [[nodiscard]] const Endpoint& control_of(const BridgeMapping& m) const {
        return m.control ? *m.control : options_.control;
    }
    [[nodiscard]] const Endpoint& metadata_of(const BridgeMapping& m) const {
        return m.metadata ? *m.metadata : options_.metadata;
    }
    [[nodiscard]] static std::string key_of(std::size_t index, std::string_view key) {
        return fmt::format("mappings[{}].{}", index, key);
    }

    const BridgeOptions& options_;
    ConfigReport report_;
};

bool is_ipc(const Endpoint& endpoint) {
    return endpoint.channel.starts_with("aeron:ipc");
}

/// Whether what one of the two sends arrives at the other: over shared memory the stream id decides alone.
bool same_stream(const Endpoint& a, const Endpoint& b) {
    return a.stream_id == b.stream_id && (a.channel == b.channel || (is_ipc(a) && is_ipc(b)));
}

std::uint32_t rewritten_id(const BridgeMapping& mapping) {
    return mapping.metadata_stream_id != 0 ? mapping.metadata_stream_id : mapping.dest_stream_id;
}

// ---- [bridge] ---------------------------------------------------------------------------------------------

void Validation::check_endpoint(const std::string& prefix, const Endpoint& endpoint) {
    if (endpoint.channel.empty()) {
        problem(prefix + "_channel",
                "is empty (CFG-013); give a channel such as \"aeron:udp?endpoint=10.0.0.2:40123\"");
    } else {
        try {
            const auto uri = messaging::ChannelUri::parse(endpoint.channel);
            (void)uri.term_length_bytes();
            const auto mtu = uri.size_bytes("mtu");
            if (mtu && (*mtu <= kMtuMargin || *mtu > kMaxPayload))
                problem(prefix + "_channel", "mtu {} is not above {} (BRG-038)", *mtu, kMtuMargin);
        } catch (const Error& error) {
            problem(prefix + "_channel", "{} (CFG-013)", error.what());
        }
    }
    if (endpoint.stream_id < 1) {
        problem(prefix + "_stream_id", "{} is not a messaging stream id; choose 1 ... 2147483647 (CFG-012)",
                endpoint.stream_id);
    }
}

/// Payload, control and metadata of one transport; `table` is its prefix in keys.
void Validation::check_transport(const std::string& table, const Endpoint& payload, const Endpoint& control,
                                 const Endpoint& metadata) {
    if (same_stream(payload, control)) {
        problem(table + "control_stream_id",
                "{} is also the payload stream; give control one of its own (BRG-007)", control.stream_id);
    }
    if (metadata.channel.empty() || metadata.stream_id == 0) return;
    if (metadata.channel == control.channel) {
        problem(table + "metadata_channel",
                "'{}' is also the control channel; metadata needs one of its own, for example another port "
                "(BRG-092)",
                metadata.channel);
    } else if (same_stream(metadata, control) || same_stream(metadata, payload)) {
        problem(table + "metadata_stream_id", "{} is also the payload or control stream (BRG-007)",
                metadata.stream_id);
    }
}

void Validation::check_bridge() {
    if (options_.instance_id.empty()) problem("bridge.instance_id", "is empty; give this bridge a name");
    check_endpoint("bridge.payload", options_.payload);
    check_endpoint("bridge.control", options_.control);
    check_transport("bridge.", options_.payload, options_.control, options_.metadata);
    if (options_.assembly_timeout_ns <= 0) problem("bridge.assembly_timeout_ms", "0 is below 1");
    if (options_.max_frames_in_flight == 0 || options_.max_frames_in_flight > 1024)
        problem("bridge.max_frames_in_flight", "{} is not in 1 ... 1024", options_.max_frames_in_flight);
#ifndef TP_HAVE_ISAL
    if (options_.integrity_crc32c) {
        problem(
            "bridge.integrity_crc32c",
            "true, but this build has no CRC32C: install libisal-dev and build again, or set it to false at "
            "both ends");
    }
#endif
}

void Validation::check_sizes() {
    if (options_.mtu_bytes != 0 && options_.mtu_bytes <= kMtuMargin)
        problem("bridge.mtu_bytes", "{} is not above {} (BRG-038)", options_.mtu_bytes, kMtuMargin);
    if (options_.max_chunk_bytes < 1 || options_.max_chunk_bytes > 65535)
        problem("bridge.max_chunk_bytes", "{} is not in 1 ... 65535", options_.max_chunk_bytes);
    const std::uint32_t most = options_.max_payload_bytes;
    if (most < 1 || most > kMaxPayload) {
        problem("bridge.max_payload_bytes", "{} is not in 1 ... 1073741824", most);
    } else if (most < kMaxPayload && options_.mtu_bytes > kMtuMargin) {
        // Trap 5. The default is out of reach of any usual MTU and nobody asked for it: no word about that.
        std::uint64_t chunk = std::min(options_.mtu_bytes - kMtuMargin, options_.max_chunk_bytes);
        if (options_.chunk_bytes != 0) chunk = std::min<std::uint64_t>(chunk, options_.chunk_bytes);
        if (chunk * kMaxChunks < most) {
            warn("bridge.max_payload_bytes",
                 "{} cannot be reached: 65535 chunks of {} bytes carry {}; raise mtu_bytes", most, chunk,
                 chunk * kMaxChunks);
        }
    }
}

void Validation::check_metadata() {
    if (!options_.forward_metadata && !options_.forward_tracelink) return;
    const char* const what = options_.forward_metadata ? "forward_metadata" : "forward_tracelink";
    const auto remedy = fmt::format("or set bridge.{} = false (CFG-021)", what);
    const Endpoint& metadata = options_.metadata;
    const bool all_have_own =
        !options_.mappings.empty() && std::ranges::all_of(options_.mappings, [](const BridgeMapping& m) {
            return m.metadata && !m.metadata->channel.empty() && m.metadata->stream_id > 0;
        });
    if (!all_have_own) {
        if (metadata.channel.empty()) {
            problem("bridge.metadata_channel", "is empty although bridge.{} is true; give a channel, {}",
                    what, remedy);
        } else {
            check_endpoint("bridge.metadata", metadata);
        }
        if (metadata.stream_id < 1 && metadata.channel.empty())
            problem("bridge.metadata_stream_id", "is 0 although bridge.{} is true; give a stream, {}", what,
                    remedy);
    }
    const bool sends = std::ranges::any_of(
        options_.mappings, [](const BridgeMapping& m) { return m.end != BridgeEnd::Receive; });
    if (sends && options_.source_metadata_stream_id < 1) {
        problem(
            "bridge.source_metadata_stream_id",
            "is 0 although bridge.{} is true; name the metadata stream of this host (1300 by convention), {}",
            what, remedy);
    }
}

// ---- [[mappings]] -----------------------------------------------------------------------------------------

void Validation::check_mapping(std::size_t index) {
    const BridgeMapping& m = options_.mappings[index];
    const auto valid = [](std::uint32_t id) { return id >= 1 && id <= kMaxPoolStreamId; };
    if (!valid(m.source_stream_id))
        problem(key_of(index, "source_stream_id"), "{} is no stream; choose 1 ... 4294967294 (CFG-012)",
                m.source_stream_id);
    if (m.dest_stream_id != 0 && !valid(m.dest_stream_id))
        problem(key_of(index, "dest_stream_id"), "{} is no stream; choose 1 ... 4294967294 (CFG-012)",
                m.dest_stream_id);
    if (m.dest_stream_id == 0 && m.end != BridgeEnd::Send && options_.dest_stream_id_range.empty()) {
        problem(key_of(index, "dest_stream_id"),
                "is 0, to be allocated, but bridge.dest_stream_id_range is not set (BRG-019); give an id or "
                "a range");
    }
    if (m.dest_stream_id == m.source_stream_id && m.dest_stream_id != 0) {
        problem(key_of(index, "dest_stream_id"),
                "{} is also the source: the stream would feed itself (BRG-008)", m.dest_stream_id);
    }
    for (const IdRange& range : options_.dest_stream_id_range) {
        if (m.dest_stream_id != 0 && range.contains(m.dest_stream_id)) {
            problem(
                key_of(index, "dest_stream_id"),
                "{} lies in bridge.dest_stream_id_range {}-{}, which is for allocation; choose one outside",
                m.dest_stream_id, range.first, range.last);
        }
    }
    if (!m.profile.empty()) {
        warn(key_of(index, "profile"),
             "'{}' cannot be asked for when attaching; the destination driver's configuration decides, and "
             "frames go "
             "to the smallest pool that fits",
             m.profile);
    }
    const std::string prefix = fmt::format("mappings[{}].", index);
    if (m.payload) check_endpoint(prefix + "payload", *m.payload);
    if (m.control) check_endpoint(prefix + "control", *m.control);
    if (m.metadata) check_endpoint(prefix + "metadata_transport", *m.metadata);
    if (m.payload || m.control || m.metadata)
        check_transport(prefix, payload_of(m), control_of(m), metadata_of(m));
    check_controls(prefix, m);
}

void Validation::check_controls(const std::string& prefix, const BridgeMapping& m) {
    const std::pair<const char*, std::uint32_t> ids[] = {
        {"source_control_stream_id", m.source_control_stream_id},
        {"dest_control_stream_id", m.dest_control_stream_id}};
    for (const auto& [name, id] : ids) {
        if (id > kMaxAeronStreamId)
            problem(prefix + name, "{} is not a messaging stream id; choose 1 ... 2147483647 (CFG-012)", id);
        if (id != 0 || !(options_.forward_qos || options_.forward_progress)) continue;
        problem(prefix + name,
                "is 0 although bridge.{} is true; name the control stream of either host, or switch it off "
                "(CFG-022)",
                options_.forward_progress ? "forward_progress" : "forward_qos");
    }
}

// ---- mappings against each other
// ----------------------------------------------------------------------------

void Validation::check_pairs() {
    for (std::size_t j = 0; j < options_.mappings.size(); ++j) {
        for (std::size_t i = 0; i < j; ++i) check_pair(i, j);
    }
}

void Validation::check_pair(std::size_t i, std::size_t j) {
    const BridgeMapping& a = options_.mappings[i];
    const BridgeMapping& b = options_.mappings[j];
    const bool same_pair = a.source_stream_id == b.source_stream_id && a.dest_stream_id == b.dest_stream_id;
    if (same_pair && a.dest_stream_id != 0) {
        problem(key_of(j, "dest_stream_id"), "{} -> {} is there already, as mappings[{}]", b.source_stream_id,
                b.dest_stream_id, i);
        return;
    }
    const bool both_receive = a.end != BridgeEnd::Send && b.end != BridgeEnd::Send;
    if (both_receive && a.dest_stream_id == b.dest_stream_id && a.dest_stream_id != 0) {
        problem(key_of(j, "dest_stream_id"),
                "{} is also the destination of mappings[{}]; a stream has one producer", b.dest_stream_id, i);
        return;
    }
    // Either id of a mapping is accepted on the wire (trap 1), so no two may share one there.
    const std::set<std::uint32_t> ids_of_a{a.source_stream_id, a.dest_stream_id};
    const bool shares_id = ids_of_a.contains(b.source_stream_id) ||
                           (b.dest_stream_id != 0 && ids_of_a.contains(b.dest_stream_id));
    if (shares_id && same_stream(payload_of(a), payload_of(b))) {
        problem(key_of(j, "source_stream_id"),
                "{} -> {} shares a stream id with mappings[{}] ({} -> {}) on one payload stream: a chunk "
                "could mean "
                "either (BRG-006); give one of them another payload_stream_id",
                b.source_stream_id, b.dest_stream_id, i, a.source_stream_id, a.dest_stream_id);
        return;
    }
    const bool loop = a.source_stream_id == b.dest_stream_id && a.dest_stream_id == b.source_stream_id;
    if (loop && same_stream(control_of(a), control_of(b))) {
        warn(key_of(j, "source_stream_id"),
             "{} -> {} and mappings[{}] form a loop on one control channel; give each direction its own "
             "(CFG-023)",
             b.source_stream_id, b.dest_stream_id, i);
    } else if (shares_id && same_stream(control_of(a), control_of(b))) {
        problem(
            key_of(j, "source_stream_id"),
            "{} -> {} shares a stream id with mappings[{}] on one control stream (BRG-006); give one of them "
            "another control_stream_id",
            b.source_stream_id, b.dest_stream_id, i);
    }
    const bool metadata_on = options_.forward_metadata || options_.forward_tracelink;
    if (metadata_on && same_stream(metadata_of(a), metadata_of(b)) && rewritten_id(a) != 0 &&
        rewritten_id(a) == rewritten_id(b)) {
        problem(key_of(j, "metadata_stream_id"),
                "{} is also that of mappings[{}]: metadata could mean either (BRG-006)", rewritten_id(b), i);
    }
}

// ---- dest_stream_id_range
// -----------------------------------------------------------------------------------

/// Every id that an allocated stream must miss, and whose it is (BRG-020, CFG-025).
std::multimap<std::uint32_t, std::string> Validation::taken_ids() const {
    std::multimap<std::uint32_t, std::string> taken;
    const auto add = [&](std::int64_t id, std::string whose) {
        if (id > 0) taken.emplace(static_cast<std::uint32_t>(id), std::move(whose));
    };
    const StreamEndpoints& at = options_.local;
    add(at.control.stream_id, "local.control_stream_id");
    add(at.announce.stream_id, "local.announce_stream_id");
    add(at.descriptor.stream_id, "local.descriptor_stream_id");
    add(at.qos.stream_id, "local.qos_stream_id");
    add(at.metadata.stream_id, "local.metadata_stream_id");
    add(options_.payload.stream_id, "bridge.payload_stream_id");
    add(options_.control.stream_id, "bridge.control_stream_id");
    add(options_.metadata.stream_id, "bridge.metadata_stream_id");
    add(options_.source_metadata_stream_id, "bridge.source_metadata_stream_id");
    for (const std::uint32_t id : options_.reserved_stream_ids)
        add(id, "a stream of the driver's configuration");
    for (std::size_t i = 0; i < options_.mappings.size(); ++i) {
        const BridgeMapping& m = options_.mappings[i];
        add(m.source_stream_id, key_of(i, "source_stream_id"));
        add(m.metadata_stream_id, key_of(i, "metadata_stream_id"));
        add(m.source_control_stream_id, key_of(i, "source_control_stream_id"));
        add(m.dest_control_stream_id, key_of(i, "dest_control_stream_id"));
        for (const Endpoint* endpoint : {&payload_of(m), &control_of(m), &metadata_of(m)})
            add(endpoint->stream_id, fmt::format("the transport of mappings[{}]", i));
    }
    return taken;
}

void Validation::check_range() {
    const std::string key = "bridge.dest_stream_id_range";
    const auto taken = taken_ids();
    std::uint64_t ids = 0;
    for (std::size_t i = 0; i < options_.dest_stream_id_range.size(); ++i) {
        const IdRange& range = options_.dest_stream_id_range[i];
        if (range.first < 1 || range.first > range.last || range.last > kMaxPoolStreamId) {
            problem(key, "{}-{} breaks 1 <= first <= last (CFG-014)", range.first, range.last);
            return;
        }
        ids += std::uint64_t{range.last} - range.first + 1;
        for (std::size_t k = 0; k < i; ++k) {
            const IdRange& other = options_.dest_stream_id_range[k];
            if (range.first <= other.last && other.first <= range.last) {
                problem(key, "{}-{} overlaps {}-{} (BRG-020)", range.first, range.last, other.first,
                        other.last);
            }
        }
        const auto inside = taken.lower_bound(range.first);
        if (inside != taken.end() && inside->first <= range.last) {
            problem(key, "{}-{} holds {}, which is {} (BRG-020); move one of them", range.first, range.last,
                    inside->first, inside->second);
        }
    }
    const auto wanted = std::ranges::count_if(options_.mappings, [](const BridgeMapping& m) {
        return m.dest_stream_id == 0 && m.end != BridgeEnd::Send;
    });
    if (!options_.dest_stream_id_range.empty() && ids < static_cast<std::uint64_t>(wanted))
        problem(key, "has {} ids for {} mappings", ids, wanted);
}

}  // namespace

ConfigReport validate_bridge_options(const BridgeOptions& options) {
    return Validation(options).run();
}

}  // namespace tensorpool
