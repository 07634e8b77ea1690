// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "base/timer.hpp"
#include "control/publisher.hpp"
#include "metadata/attributes.hpp"

#include <tensorpool/error.hpp>
#include <tensorpool/metadata.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace tensorpool {
namespace {

// What a message holds beside the content: headers, blocks, and three lengths per attribute.
constexpr std::size_t kMessageBytes = 64;
constexpr std::size_t kAttributeBytes = 12;
constexpr std::size_t kMaxAttributes = 0xffff;  // numInGroup is 16 bits wide

MetadataPublisherOptions validated(MetadataPublisherOptions options) {
    if (options.stream_id == 0 || options.stream_id == 0xffffffff) {
        throw Error(ErrorCode::InvalidConfig,
                    fmt::format("metadata: stream_id {} is not a stream; valid are 1 to 4294967294 (CFG-012)",
                                options.stream_id));
    }
    if (options.period_ns <= 0) {
        throw Error(ErrorCode::InvalidConfig, "metadata: period_ns must be positive");
    }
    metadata::require_ascii(options.name, "the name");
    metadata::require_ascii(options.summary, "the summary");
    return options;
}

void require_unique(const std::vector<MetadataAttribute>& attributes) {
    for (std::size_t i = 0; i < attributes.size(); ++i) {
        metadata::require_valid(attributes[i]);
        for (std::size_t j = 0; j < i; ++j) {
            if (attributes[j].key != attributes[i].key) continue;
            throw Error(ErrorCode::InvalidArgument,
                        fmt::format("metadata: key '{}' appears twice", attributes[i].key));
        }
    }
}

control::MetaAttribute to_message(const MetadataAttribute& attribute) {
    return {attribute.key, attribute.format, attribute.value};
}

}  // namespace

class MetadataPublisher::Impl {
public:
    Impl(Context& ctx, MetadataPublisherOptions options)
        : context(ctx),
          opts(validated(std::move(options))),
          publisher(ctx.messaging().add_publication(opts.endpoints.metadata.channel,
                                                    opts.endpoints.metadata.stream_id)),
          timer(opts.period_ns, ctx.clock().now_ns()) {
        announce.stream_id = meta.stream_id = opts.stream_id;
        announce.producer_id = opts.producer_id;
        announce.meta_version = meta.meta_version = 1;
        announce.name = opts.name;
        announce.summary = opts.summary;
        require_unique(opts.attributes);
        take(opts.attributes);
    }

    /// Takes over what was validated, as a new version.
    std::uint32_t commit(std::vector<MetadataAttribute> next) {
        take(std::move(next));
        return bump();
    }

    void take(std::vector<MetadataAttribute> next) {
        require_fits(announce.name, announce.summary, next);
        std::vector<control::MetaAttribute> message;
        message.reserve(next.size());
        std::transform(next.begin(), next.end(), std::back_inserter(message), to_message);
        attributes = std::move(next);
        meta.attributes = std::move(message);
    }

    std::uint32_t bump() noexcept {
        changed = true;
        // 0 means "no metadata" and the largest value is the null of a descriptor.
        const std::uint32_t next = meta.meta_version + 1;
        announce.meta_version = meta.meta_version = next == 0xffffffff ? 1 : next;
        return meta.meta_version;
    }

    void require_fits(std::string_view name, std::string_view summary,
                      const std::vector<MetadataAttribute>& next) const {
        const std::size_t most = publisher_max();
        const std::size_t bytes = kMessageBytes + kAttributeBytes * next.size() +
                                  std::max(metadata::content_bytes(next), name.size() + summary.size());
        if (bytes <= most && next.size() <= kMaxAttributes) return;
        throw Error(ErrorCode::NoSpace,
                    fmt::format("metadata: {} attributes and {} bytes do not fit a message of {} bytes on "
                                "{}; a longer term-length allows more",
                                next.size(), bytes, most, opts.endpoints.metadata.channel));
    }

    [[nodiscard]] std::size_t publisher_max() const {
        return const_cast<control::ControlPublisher&>(publisher).publication().max_message_length();
    }

    template <typename Message>
    void send(const Message& message, std::uint64_t& sent) noexcept {
        const auto result = publisher.send(message);
        if (result) {
            ++sent;
        } else if (result.error() != messaging::SendError::NotConnected) {
            ++counters.send_failures;
            changed = true;  // the next cycle tries again
        }
    }

    int do_work(Nanos now_ns) noexcept {
        const bool connected = publisher.is_connected();
        if (connected && !was_connected) timer.trigger();
        was_connected = connected;
        if (!timer.due(now_ns) && !changed) return 0;
        timer.restart(now_ns);
        changed = false;
        meta.timestamp_ns = static_cast<std::uint64_t>(now_ns);
        // First what the version means, then that it is current.
        send(meta, counters.metadata_published);
        send(announce, counters.announces_published);
        return 1;
    }

    Context& context;
    const MetadataPublisherOptions opts;
    control::ControlPublisher publisher;
    base::PeriodicTimer timer;
    control::DataSourceAnnounce announce;
    control::DataSourceMeta meta;
    std::vector<MetadataAttribute> attributes;
    MetadataPublisherCounters counters;
    bool changed = true;
    bool was_connected = false;
};

MetadataPublisher::MetadataPublisher(Context& context, MetadataPublisherOptions options)
    : impl_(std::make_unique<Impl>(context, std::move(options))) {
}

MetadataPublisher::~MetadataPublisher() = default;

std::uint32_t MetadataPublisher::set(MetadataAttribute attribute) {
    metadata::require_valid(attribute);
    std::vector<MetadataAttribute> next = impl_->attributes;
    const auto at = std::find_if(next.begin(), next.end(),
                                 [&](const MetadataAttribute& a) { return a.key == attribute.key; });
    if (at == next.end()) {
        next.push_back(std::move(attribute));
    } else if (*at == attribute) {
        return version();
    } else {
        *at = std::move(attribute);
    }
    return impl_->commit(std::move(next));
}

std::uint32_t MetadataPublisher::replace(std::vector<MetadataAttribute> attributes) {
    require_unique(attributes);
    return attributes == impl_->attributes ? version() : impl_->commit(std::move(attributes));
}

std::uint32_t MetadataPublisher::remove(std::string_view key) {
    std::vector<MetadataAttribute> next = impl_->attributes;
    const auto removed = std::erase_if(next, [&](const MetadataAttribute& a) { return a.key == key; });
    return removed == 0 ? version() : impl_->commit(std::move(next));
}

std::uint32_t MetadataPublisher::describe(std::string name, std::string summary) {
    metadata::require_ascii(name, "the name");
    metadata::require_ascii(summary, "the summary");
    if (name == impl_->announce.name && summary == impl_->announce.summary) return version();
    impl_->require_fits(name, summary, impl_->attributes);
    impl_->announce.name = std::move(name);
    impl_->announce.summary = std::move(summary);
    return impl_->bump();
}

void MetadataPublisher::set_epoch(std::uint64_t epoch) noexcept {
    if (impl_->announce.epoch == epoch) return;
    impl_->announce.epoch = epoch;
    impl_->changed = true;
}

std::uint32_t MetadataPublisher::version() const noexcept {
    return impl_->meta.meta_version;
}
const std::vector<MetadataAttribute>& MetadataPublisher::attributes() const noexcept {
    return impl_->attributes;
}
const MetadataPublisherCounters& MetadataPublisher::counters() const noexcept {
    return impl_->counters;
}
int MetadataPublisher::do_work(Nanos now_ns) noexcept {
    return impl_->do_work(now_ns);
}

}  // namespace tensorpool
