// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/agent.hpp>
#include <tensorpool/context.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

// What a stream's frames mean beside their shape: a name, a one-line summary, and attributes such as exposure
// or serial number (WIRE-117 to WIRE-120). A set of them has a version; every frame names the version that
// describes it.
namespace tensorpool {

/// Formats that the protocol names (WIRE-119). Anything else that both ends understand is allowed too, for
/// example "sbe:<schemaId>.<templateId>".
namespace metadata_format {
inline constexpr std::string_view kText = "text/plain";
inline constexpr std::string_view kJson = "application/json";
inline constexpr std::string_view kMsgpack = "application/msgpack";
}  // namespace metadata_format

struct MetadataAttribute {
    std::string key;
    std::string format{metadata_format::kText};
    std::string value;  ///< bytes, as `format` says

    friend bool operator==(const MetadataAttribute&, const MetadataAttribute&) = default;
};

/// One version of a stream's metadata.
struct Metadata {
    std::uint32_t version = 0;
    std::uint64_t timestamp_ns = 0;  ///< the publisher's monotonic clock when it sent this version
    std::vector<MetadataAttribute> attributes;

    /// The attribute of that key, or nullptr.
    [[nodiscard]] const MetadataAttribute* find(std::string_view key) const noexcept;
};

// ---- the producer's side ----------------------------------------------------------------------------------

struct MetadataPublisherOptions {
    std::uint32_t stream_id = 0;
    std::uint32_t producer_id = 0;
    StreamEndpoints endpoints{};
    std::string name;                           ///< of the data source, ASCII
    std::string summary;                        ///< its type and shape in a few words, ASCII
    std::vector<MetadataAttribute> attributes;  ///< of version 1
    /// Both messages are repeated at this period, so that late joiners are served within one.
    Nanos period_ns = kNanosPerSecond;
};

struct MetadataPublisherCounters {
    std::uint64_t announces_published = 0;
    std::uint64_t metadata_published = 0;
    std::uint64_t send_failures = 0;  ///< other than "nobody listens"
};

/// Publishes the metadata of one stream. Put version() into FrameInfo::meta_version of every frame.
///
/// The version starts at 1 and grows by one with every change, and only then: setting an attribute to what it
/// is already changes nothing. Not thread-safe: drive it, and change attributes, on the producer's thread.
class MetadataPublisher final : public Agent {
public:
    /// Throws Error(InvalidConfig) for a stream id or period, what set() throws for text and attributes, and
    /// MessagingError without a publication.
    MetadataPublisher(Context& context, MetadataPublisherOptions options);
    ~MetadataPublisher() override;

    /// Adds the attribute or replaces the one of its key; the order of keys is that of their first use.
    /// Returns the version that describes frames from now on. Throws Error(InvalidArgument) for an empty or
    /// non-ASCII key or format, and Error(NoSpace) when the whole set would not fit one message.
    std::uint32_t set(MetadataAttribute attribute);
    std::uint32_t set(std::string key, std::string text) {
        return set(MetadataAttribute{std::move(key), std::string(metadata_format::kText), std::move(text)});
    }
    /// All at once, one version. A key that appears twice is an Error(InvalidArgument).
    std::uint32_t replace(std::vector<MetadataAttribute> attributes);
    /// Unknown keys change nothing.
    std::uint32_t remove(std::string_view key);
    /// Changes name and summary; they belong to the metadata and have its version.
    std::uint32_t describe(std::string name, std::string summary);

    /// Epoch of the stream, for announces: call with Producer::epoch() whenever it may have changed. No new
    /// version.
    void set_epoch(std::uint64_t epoch) noexcept;

    [[nodiscard]] std::uint32_t version() const noexcept;
    [[nodiscard]] const std::vector<MetadataAttribute>& attributes() const noexcept;
    [[nodiscard]] const MetadataPublisherCounters& counters() const noexcept;

    /// Sends what changed, and everything once per period or when a first listener appears.
    int do_work(Nanos now_ns) noexcept override;
    [[nodiscard]] std::string_view role_name() const noexcept override { return "metadata-publisher"; }

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

// ---- the consumer's side ----------------------------------------------------------------------------------

struct MetadataCacheOptions {
    std::uint32_t stream_id = 0;
    StreamEndpoints endpoints{};
    /// Versions kept; frames in flight may still name an older one.
    std::size_t max_versions = 16;
    /// A set with more attributes or bytes is dropped and counted.
    std::size_t max_attributes = 1024;
    std::size_t max_bytes = 1U << 20;
};

/// The data source as it last announced itself.
struct DataSource {
    std::uint32_t producer_id = 0;
    std::uint64_t epoch = 0;
    std::uint32_t meta_version = 0;
    std::string name;
    std::string summary;
};

struct MetadataCacheCounters {
    std::uint64_t announces_received = 0;
    std::uint64_t metadata_received = 0;
    std::uint64_t versions_stored = 0;
    std::uint64_t dropped_too_large = 0;
    std::uint64_t messages_invalid = 0;
    std::uint64_t sources_replaced = 0;  ///< another publication took over: its versions begin anew
};

/// Follows the metadata of one stream. Not thread-safe: drive it on the consumer's thread.
class MetadataCache final : public Agent {
public:
    /// Throws Error.
    MetadataCache(Context& context, MetadataCacheOptions options);
    ~MetadataCache() override;

    /// The metadata that Frame::meta_version() names, or nullptr while it has not arrived, when it was
    /// forgotten, or for 0 (no metadata). Valid until the next do_work(). No allocation, no search over keys:
    /// made for every frame.
    [[nodiscard]] const Metadata* find(std::uint32_t version) const noexcept;
    /// The highest version of the current source; nullptr before the first.
    [[nodiscard]] const Metadata* latest() const noexcept;
    /// nullptr before the first announce.
    [[nodiscard]] const DataSource* source() const noexcept;
    [[nodiscard]] const MetadataCacheCounters& counters() const noexcept;

    int do_work(Nanos now_ns) noexcept override;
    [[nodiscard]] std::string_view role_name() const noexcept override { return "metadata-cache"; }

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tensorpool
