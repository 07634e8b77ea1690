// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "control/dispatcher.hpp"
#include "metadata/attributes.hpp"

#include <tensorpool/error.hpp>
#include <tensorpool/metadata.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace tensorpool {
namespace {

constexpr int kPollLimit = 16;

MetadataCacheOptions validated(MetadataCacheOptions options) {
    if (options.stream_id == 0 || options.max_versions == 0)
        throw Error(ErrorCode::InvalidConfig, "metadata: stream_id and max_versions must not be 0");
    return options;
}

}  // namespace

/// Versions belong to a publication: a producer that starts again counts from 1. The publication that last
/// sent metadata of this stream is the current source.
class MetadataCache::Impl final : public control::ControlHandler {
public:
    Impl(Context& context, MetadataCacheOptions options)
        : opts(validated(std::move(options))),
          dispatcher(*this),
          subscription(context.messaging().add_subscription(opts.endpoints.metadata.channel,
                                                            opts.endpoints.metadata.stream_id)),
          messaging(context.messaging()) {}

    void on_data_source_announce(const control::DataSourceAnnounce& announce,
                                 const messaging::Message& message) override {
        if (announce.stream_id != opts.stream_id) return;
        ++counters.announces_received;
        follow(message.image->session_id);
        source = {announce.producer_id, announce.epoch, announce.meta_version, announce.name,
                  announce.summary};
    }

    void on_data_source_meta(const control::DataSourceMeta& meta,
                             const messaging::Message& message) override {
        if (meta.stream_id != opts.stream_id) return;
        ++counters.metadata_received;
        std::size_t bytes = 0;
        for (const auto& a : meta.attributes) bytes += a.key.size() + a.format.size() + a.value.size();
        if (meta.attributes.size() > opts.max_attributes || bytes > opts.max_bytes) {
            ++counters.dropped_too_large;
            return;
        }
        follow(message.image->session_id);
        // Repeats are the common case; a version means one thing for the life of its publication.
        if (meta.meta_version == 0 || find(meta.meta_version) != nullptr) return;
        store(meta);
    }

    void on_undecodable(std::uint16_t, std::uint16_t, std::int64_t, control::DecodeResult,
                        const messaging::Message&) override {
        ++counters.messages_invalid;
    }

    void follow(std::int64_t session_id) {
        if (session == session_id) return;
        if (session) {
            ++counters.sources_replaced;
            versions.clear();
            source.reset();
        }
        session = session_id;
    }

    void store(const control::DataSourceMeta& meta) {
        Metadata fresh{meta.meta_version, meta.timestamp_ns, {}};
        fresh.attributes.reserve(meta.attributes.size());
        for (const auto& a : meta.attributes) fresh.attributes.push_back({a.key, a.format, a.value});
        if (versions.size() == opts.max_versions) versions.erase(versions.begin());  // arrived first
        versions.push_back(std::move(fresh));
        ++counters.versions_stored;
    }

    [[nodiscard]] const Metadata* find(std::uint32_t version) const noexcept {
        // The newest first: that is what nearly every frame names.
        const auto found = std::find_if(versions.rbegin(), versions.rend(),
                                        [&](const Metadata& m) { return m.version == version; });
        return found == versions.rend() ? nullptr : &*found;
    }

    const MetadataCacheOptions opts;
    MetadataCacheCounters counters;
    std::optional<std::int64_t> session;
    std::optional<DataSource> source;
    std::vector<Metadata> versions;  // in the order of arrival
    control::ControlDispatcher dispatcher;
    std::unique_ptr<messaging::Subscription> subscription;
    messaging::Client& messaging;
};

MetadataCache::MetadataCache(Context& context, MetadataCacheOptions options)
    : impl_(std::make_unique<Impl>(context, std::move(options))) {
}

MetadataCache::~MetadataCache() = default;

const Metadata* MetadataCache::find(std::uint32_t version) const noexcept {
    return impl_->find(version);
}
const Metadata* MetadataCache::latest() const noexcept {
    return impl_->versions.empty() ? nullptr : &impl_->versions.back();
}
const DataSource* MetadataCache::source() const noexcept {
    return impl_->source ? &*impl_->source : nullptr;
}
const MetadataCacheCounters& MetadataCache::counters() const noexcept {
    return impl_->counters;
}
int MetadataCache::do_work(Nanos now_ns) noexcept {
    return impl_->messaging.do_work(now_ns) + impl_->dispatcher.poll(*impl_->subscription, kPollLimit);
}

}  // namespace tensorpool
