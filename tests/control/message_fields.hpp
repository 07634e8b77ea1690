// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "control/messages.hpp"
#include "support/golden.hpp"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

// The control messages by the field names of their schema. visit() names every field of a message once; with
// a FieldWriter it turns a message into the FieldMap of a golden vector, with a FieldReader the other way
// round.
namespace tensorpool::test {

class FieldWriter {
public:
    explicit FieldWriter(FieldMap& out, std::string prefix = "") : out_(out), prefix_(std::move(prefix)) {}

    template <typename T>
    void field(std::string_view name, const T& value) {
        put(name, text_of(value));
    }
    /// A raw integer that stands for `Enum`.
    template <typename Enum, typename Raw>
    void raw_enum(std::string_view name, const Raw& value) {
        if constexpr (std::is_integral_v<Raw>) {
            put(name, text_of(static_cast<Enum>(value)));
        } else {
            put(name, value ? text_of(static_cast<Enum>(*value)) : "null");
        }
    }
    /// A plain integer whose 0 is its null.
    void null_at_zero(std::string_view name, std::uint64_t value) {
        put(name, value == 0 ? "null" : std::to_string(value));
    }
    template <typename Entry, typename VisitEntry>
    void group(std::string_view name, std::vector<Entry>& entries, VisitEntry visit_entry) {
        put(fmt::format("{}.size", name), std::to_string(entries.size()));
        for (std::size_t i = 0; i < entries.size(); ++i) {
            FieldWriter inner(out_, fmt::format("{}{}[{}].", prefix_, name, i));
            visit_entry(inner, entries[i]);
        }
    }

private:
    void put(std::string_view name, std::string text) { out_[prefix_ + std::string(name)] = std::move(text); }

    static std::string text_of(const std::string& value) { return value; }
    static std::string text_of(bool value) { return value ? "TRUE(1)" : "FALSE(0)"; }
    template <typename T>
    static std::string text_of(const std::optional<T>& value) {
        return value ? text_of(*value) : "null";
    }
    template <typename T>
    requires std::is_enum_v<T>
    static std::string text_of(T value) {
        return fmt::format("{}({})", to_string(value), static_cast<std::underlying_type_t<T>>(value));
    }
    template <typename T>
    requires std::is_integral_v<T>
    static std::string text_of(T value) { return std::to_string(value); }

    FieldMap& out_;
    std::string prefix_;
};

class FieldReader {
public:
    explicit FieldReader(const FieldMap& in, std::string prefix = "") : in_(in), prefix_(std::move(prefix)) {}

    template <typename T>
    void field(std::string_view name, T& value) {
        parse(text(name), value);
    }
    template <typename Enum, typename Raw>
    void raw_enum(std::string_view name, Raw& value) {
        parse(text(name), value);
    }
    void null_at_zero(std::string_view name, std::uint64_t& value) {
        if (text(name) == "null") {
            value = 0;
        } else {
            parse(text(name), value);
        }
    }
    template <typename Entry, typename VisitEntry>
    void group(std::string_view name, std::vector<Entry>& entries, VisitEntry visit_entry) {
        std::size_t size = 0;
        parse(text(fmt::format("{}.size", name)), size);
        entries.resize(size);
        for (std::size_t i = 0; i < size; ++i) {
            FieldReader inner(in_, fmt::format("{}{}[{}].", prefix_, name, i));
            visit_entry(inner, entries[i]);
        }
    }

private:
    [[nodiscard]] const std::string& text(std::string_view name) const {
        const auto found = in_.find(prefix_ + std::string(name));
        if (found == in_.end()) throw std::runtime_error("no field " + prefix_ + std::string(name));
        return found->second;
    }
    static void parse(const std::string& text, std::string& value) { value = text; }
    static void parse(const std::string& text, bool& value) { value = text == "TRUE(1)"; }
    template <typename T>
    static void parse(const std::string& text, std::optional<T>& value) {
        value.reset();
        if (text != "null") parse(text, value.emplace());
    }
    template <typename T>
    requires std::is_enum_v<T>
    static void parse(const std::string& text, T& value) {
        std::underlying_type_t<T> number = 0;
        parse(text, number);
        value = static_cast<T>(number);
    }
    template <typename T>
    requires std::is_integral_v<T>
    static void parse(const std::string& text, T& value) {
        const std::size_t paren = text.find('(');  // "NAME(number)" of an enumeration
        const char* from = text.data() + (paren == std::string::npos ? 0 : paren + 1);
        const auto result = std::from_chars(from, text.data() + text.size(), value);
        if (result.ec != std::errc()) throw std::runtime_error("not a number: " + text);
    }

    const FieldMap& in_;
    std::string prefix_;
};

// ---- schema 900

template <typename Archive>
void visit_pools(Archive& a, std::vector<control::PoolInfo>& pools) {
    a.group("payloadPools", pools, [](Archive& entry, control::PoolInfo& pool) {
        entry.field("poolId", pool.pool_id);
        entry.field("poolNslots", pool.nslots);
        entry.field("strideBytes", pool.stride_bytes);
        entry.field("regionUri", pool.region_uri);
    });
}

template <typename Archive>
void visit(Archive& a, control::PoolAnnounce& m) {
    a.field("streamId", m.stream_id);
    a.field("producerId", m.producer_id);
    a.field("epoch", m.epoch);
    a.field("announceTimestampNs", m.announce_timestamp_ns);
    a.field("announceClockDomain", m.clock_domain);
    a.field("layoutVersion", m.layout_version);
    a.field("headerNslots", m.header_nslots);
    a.field("headerSlotBytes", m.header_slot_bytes);
    visit_pools(a, m.pools);
    a.field("headerRegionUri", m.header_region_uri);
}

template <typename Archive>
void visit(Archive& a, control::ConsumerHello& m) {
    a.field("streamId", m.stream_id);
    a.field("consumerId", m.consumer_id);
    a.field("supportsShm", m.supports_shm);
    a.field("supportsProgress", m.supports_progress);
    a.field("mode", m.mode);
    a.field("maxRateHz", m.max_rate_hz);
    a.field("expectedLayoutVersion", m.expected_layout_version);
    a.field("progressIntervalUs", m.progress_interval_us);
    a.field("progressBytesDelta", m.progress_bytes_delta);
    a.field("progressMajorDeltaUnits", m.progress_major_delta_units);
    a.field("descriptorStreamId", m.descriptor_stream_id);
    a.field("controlStreamId", m.control_stream_id);
    a.field("descriptorChannel", m.descriptor_channel);
    a.field("controlChannel", m.control_channel);
}

template <typename Archive>
void visit(Archive& a, control::ConsumerConfig& m) {
    a.field("streamId", m.stream_id);
    a.field("consumerId", m.consumer_id);
    a.field("useShm", m.use_shm);
    a.field("mode", m.mode);
    a.field("descriptorStreamId", m.descriptor_stream_id);
    a.field("controlStreamId", m.control_stream_id);
    a.field("payloadFallbackUri", m.payload_fallback_uri);
    a.field("descriptorChannel", m.descriptor_channel);
    a.field("controlChannel", m.control_channel);
}

template <typename Archive>
void visit(Archive& a, control::FrameDescriptor& m) {
    a.field("streamId", m.stream_id);
    a.field("epoch", m.epoch);
    a.field("seq", m.seq);
    a.field("timestampNs", m.timestamp_ns);
    a.field("metaVersion", m.meta_version);
    a.null_at_zero("traceId", m.trace_id);
}

template <typename Archive>
void visit(Archive& a, control::FrameProgress& m) {
    a.field("streamId", m.stream_id);
    a.field("epoch", m.epoch);
    a.field("seq", m.seq);
    a.field("payloadBytesFilled", m.payload_bytes_filled);
    a.field("state", m.state);
}

template <typename Archive>
void visit(Archive& a, control::QosConsumer& m) {
    a.field("streamId", m.stream_id);
    a.field("consumerId", m.consumer_id);
    a.field("epoch", m.epoch);
    a.field("lastSeqSeen", m.last_seq_seen);
    a.field("dropsGap", m.drops_gap);
    a.field("dropsLate", m.drops_late);
    a.field("mode", m.mode);
}

template <typename Archive>
void visit(Archive& a, control::QosProducer& m) {
    a.field("streamId", m.stream_id);
    a.field("producerId", m.producer_id);
    a.field("epoch", m.epoch);
    a.field("currentSeq", m.current_seq);
    a.field("watermark", m.watermark);
}

template <typename Archive>
void visit(Archive& a, control::DataSourceAnnounce& m) {
    a.field("streamId", m.stream_id);
    a.field("producerId", m.producer_id);
    a.field("epoch", m.epoch);
    a.field("metaVersion", m.meta_version);
    a.field("name", m.name);
    a.field("summary", m.summary);
}

template <typename Archive>
void visit(Archive& a, control::DataSourceMeta& m) {
    a.field("streamId", m.stream_id);
    a.field("metaVersion", m.meta_version);
    a.field("timestampNs", m.timestamp_ns);
    a.group("attributes", m.attributes, [](Archive& entry, control::MetaAttribute& attribute) {
        entry.field("key", attribute.key);
        entry.field("format", attribute.format);
        entry.field("value", attribute.value);
    });
}

template <typename Archive>
void visit(Archive& a, control::ControlResponse& m) {
    a.field("correlationId", m.correlation_id);
    a.field("code", m.code);
    a.field("errorMessage", m.error_message);
}

template <typename Archive>
void visit(Archive& a, control::MetaBlobAnnounce& m) {
    a.field("streamId", m.stream_id);
    a.field("metaVersion", m.meta_version);
    a.field("blobType", m.blob_type);
    a.field("totalLen", m.total_len);
    a.field("checksum", m.checksum);
}

template <typename Archive>
void visit(Archive& a, control::MetaBlobChunk& m) {
    a.field("streamId", m.stream_id);
    a.field("metaVersion", m.meta_version);
    a.field("chunkOffset", m.chunk_offset);
    a.field("bytes", m.bytes);
}

template <typename Archive>
void visit(Archive& a, control::MetaBlobComplete& m) {
    a.field("streamId", m.stream_id);
    a.field("metaVersion", m.meta_version);
    a.field("checksum", m.checksum);
}

// ---- schema 901

template <typename Archive>
void visit(Archive& a, control::AttachRequest& m) {
    a.field("correlationId", m.correlation_id);
    a.field("streamId", m.stream_id);
    a.field("clientId", m.client_id);
    a.template raw_enum<Role>("role", m.role);
    a.field("expectedLayoutVersion", m.expected_layout_version);
    a.template raw_enum<PublishMode>("publishMode", m.publish_mode);
    a.template raw_enum<HugepagesPolicy>("requireHugepages", m.require_hugepages);
    a.field("desiredNodeId", m.desired_node_id);
}

template <typename Archive>
void visit(Archive& a, control::AttachResponse& m) {
    a.field("correlationId", m.correlation_id);
    a.field("code", m.code);
    a.field("leaseId", m.lease_id);
    a.field("leaseExpiryTimestampNs", m.lease_expiry_timestamp_ns);
    a.field("streamId", m.stream_id);
    a.field("epoch", m.epoch);
    a.field("layoutVersion", m.layout_version);
    a.field("headerNslots", m.header_nslots);
    a.field("headerSlotBytes", m.header_slot_bytes);
    a.field("nodeId", m.node_id);
    visit_pools(a, m.pools);
    a.field("headerRegionUri", m.header_region_uri);
    a.field("errorMessage", m.error_message);
}

template <typename Archive>
void visit(Archive& a, control::DetachRequest& m) {
    a.field("correlationId", m.correlation_id);
    a.field("leaseId", m.lease_id);
    a.field("streamId", m.stream_id);
    a.field("clientId", m.client_id);
    a.field("role", m.role);
}

template <typename Archive>
void visit(Archive& a, control::DetachResponse& m) {
    a.field("correlationId", m.correlation_id);
    a.field("code", m.code);
    a.field("errorMessage", m.error_message);
}

template <typename Archive>
void visit(Archive& a, control::LeaseKeepalive& m) {
    a.field("leaseId", m.lease_id);
    a.field("streamId", m.stream_id);
    a.field("clientId", m.client_id);
    a.field("role", m.role);
    a.field("clientTimestampNs", m.client_timestamp_ns);
}

template <typename Archive>
void visit(Archive& a, control::DriverShutdown& m) {
    a.field("timestampNs", m.timestamp_ns);
    a.field("reason", m.reason);
    a.field("errorMessage", m.error_message);
}

template <typename Archive>
void visit(Archive& a, control::LeaseRevoked& m) {
    a.field("timestampNs", m.timestamp_ns);
    a.field("leaseId", m.lease_id);
    a.field("streamId", m.stream_id);
    a.field("clientId", m.client_id);
    a.field("role", m.role);
    a.field("reason", m.reason);
    a.field("errorMessage", m.error_message);
}

template <typename Archive>
void visit(Archive& a, control::DriverShutdownRequest& m) {
    a.field("correlationId", m.correlation_id);
    a.field("reason", m.reason);
    a.field("token", m.token);
    a.field("errorMessage", m.error_message);
}

// ---- schema 903

template <typename Archive>
void visit(Archive& a, SequenceMergeMap& m) {
    a.field("outStreamId", m.out_stream_id);
    a.field("epoch", m.epoch);
    a.field("staleTimeoutNs", m.stale_timeout_ns);
    a.group("rules", m.rules, [](Archive& entry, SequenceRule& rule) {
        entry.field("inputStreamId", rule.input_stream_id);
        entry.field("ruleType", rule.type);
        entry.field("offset", rule.offset);
        entry.field("windowSize", rule.window_size);
    });
}

template <typename Archive>
void visit(Archive& a, TimestampMergeMap& m) {
    a.field("outStreamId", m.out_stream_id);
    a.field("epoch", m.epoch);
    a.field("staleTimeoutNs", m.stale_timeout_ns);
    a.field("clockDomain", m.clock_domain);
    a.field("latenessNs", m.lateness_ns);
    a.group("rules", m.rules, [](Archive& entry, TimestampRule& rule) {
        entry.field("inputStreamId", rule.input_stream_id);
        entry.field("ruleType", rule.type);
        entry.field("timestampSource", rule.source);
        entry.field("offsetNs", rule.offset_ns);
        entry.field("windowNs", rule.window_ns);
    });
}

template <typename Archive>
void visit(Archive& a, control::SequenceMergeMapRequest& m) {
    a.field("outStreamId", m.out_stream_id);
    a.field("epoch", m.epoch);
}

template <typename Archive>
void visit(Archive& a, control::TimestampMergeMapRequest& m) {
    a.field("outStreamId", m.out_stream_id);
    a.field("epoch", m.epoch);
}

template <typename Message>
[[nodiscard]] FieldMap fields_of(Message message) {
    FieldMap fields;
    FieldWriter writer(fields);
    visit(writer, message);
    return fields;
}

template <typename Message>
[[nodiscard]] Message message_of(const FieldMap& fields) {
    Message message;
    FieldReader reader(fields);
    visit(reader, message);
    return message;
}

}  // namespace tensorpool::test
