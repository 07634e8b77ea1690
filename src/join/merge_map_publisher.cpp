// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include <tensorpool/error.hpp>
#include <tensorpool/merge_map_exchange.hpp>

#include "base/timer.hpp"
#include "control/dispatcher.hpp"
#include "control/publisher.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace tensorpool {
namespace {

constexpr int kPollLimit = 16;

MergeMapPublisherOptions validated(MergeMapPublisherOptions options) {
    if (options.period_ns <= 0)
        throw Error(ErrorCode::InvalidConfig, "merge map publisher: period_ns must be positive");
    return options;
}

MergeMapKind kind_of(const MergeMap& map) noexcept {
    return std::holds_alternative<SequenceMergeMap>(map) ? MergeMapKind::Sequence : MergeMapKind::Timestamp;
}
std::uint32_t out_stream_of(const MergeMap& map) noexcept {
    return std::visit([](const auto& m) { return m.out_stream_id; }, map);
}
std::uint64_t epoch_of(const MergeMap& map) noexcept {
    return std::visit([](const auto& m) { return m.epoch; }, map);
}
/// Totals of join.md section 3.
std::size_t bytes_of(const MergeMap& map) noexcept {
    if (const auto* const sequence = std::get_if<SequenceMergeMap>(&map))
        return 32 + 13 * sequence->rules.size();
    return 41 + 22 * std::get<TimestampMergeMap>(map).rules.size();
}

}  // namespace

class MergeMapPublisher::Impl final : public control::ControlHandler {
public:
    Impl(Context& context, MergeMapPublisherOptions options)
        : opts(validated(std::move(options))),
          messaging(context.messaging()),
          publisher(
              messaging.add_publication(opts.endpoints.control.channel, opts.endpoints.control.stream_id)),
          subscription(
              messaging.add_subscription(opts.endpoints.control.channel, opts.endpoints.control.stream_id)),
          dispatcher(*this),
          timer(opts.period_ns, context.clock().now_ns()) {}

    void publish(const MergeMap& map) {
        if (auto fault = std::visit([](const auto& m) { return fault_of(m); }, map)) {
            throw Error(ErrorCode::InvalidArgument, fmt::format("merge map of stream {} epoch {}: {}",
                                                                out_stream_of(map), epoch_of(map), *fault));
        }
        const std::size_t most = publisher.publication().max_message_length();
        if (bytes_of(map) > most) {
            throw Error(ErrorCode::NoSpace,
                        fmt::format("merge map of stream {}: {} bytes do not fit a message of {} bytes on "
                                    "{}; a longer term-length allows more",
                                    out_stream_of(map), bytes_of(map), most, opts.endpoints.control.channel));
        }
        const auto at = find(kind_of(map), out_stream_of(map));
        if (at == entries.end()) {
            entries.push_back({map, true});
        } else {
            *at = {map, true};
        }
    }

    void on_sequence_merge_map_request(const control::SequenceMergeMapRequest& request,
                                       const messaging::Message&) override {
        answer(MergeMapKind::Sequence, request.out_stream_id, request.epoch);
    }
    void on_timestamp_merge_map_request(const control::TimestampMergeMapRequest& request,
                                        const messaging::Message&) override {
        answer(MergeMapKind::Timestamp, request.out_stream_id, request.epoch);
    }
    void on_undecodable(std::uint16_t, std::uint16_t, std::int64_t, control::DecodeResult,
                        const messaging::Message&) override {
        ++counters.messages_invalid;
    }

    /// However many ask in one cycle, one announce answers them all.
    void answer(MergeMapKind kind, std::uint32_t out_stream_id, std::uint64_t epoch) noexcept {
        ++counters.requests_received;
        const auto at = find(kind, out_stream_id);
        if (at == entries.end() || epoch_of(at->map) != epoch) {
            ++counters.requests_unknown;
            return;
        }
        at->due = true;
    }

    int do_work(Nanos now_ns) noexcept {
        int work = messaging.do_work(now_ns) + dispatcher.poll(*subscription, kPollLimit);
        const bool all = timer.due(now_ns);
        for (Entry& entry : entries) {
            if (!all && !entry.due) continue;
            entry.due = false;
            send(entry);
            ++work;
        }
        return work;
    }

    struct Entry {
        MergeMap map;
        bool due = false;
    };

    void send(Entry& entry) noexcept {
        const auto sent = std::visit([this](const auto& map) { return publisher.send(map); }, entry.map);
        if (sent) {
            ++counters.announces_published;
        } else if (sent.error() != messaging::SendError::NotConnected) {
            ++counters.send_failures;
            entry.due = true;
        }
    }

    [[nodiscard]] std::vector<Entry>::iterator find(MergeMapKind kind, std::uint32_t out_stream_id) noexcept {
        return std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) {
            return kind_of(entry.map) == kind && out_stream_of(entry.map) == out_stream_id;
        });
    }

    const MergeMapPublisherOptions opts;
    messaging::Client& messaging;
    control::ControlPublisher publisher;
    std::unique_ptr<messaging::Subscription> subscription;
    control::ControlDispatcher dispatcher;
    base::PeriodicTimer timer;
    std::vector<Entry> entries;
    MergeMapPublisherCounters counters;
};

MergeMapPublisher::MergeMapPublisher(Context& context, MergeMapPublisherOptions options)
    : impl_(std::make_unique<Impl>(context, std::move(options))) {
}
MergeMapPublisher::~MergeMapPublisher() = default;

void MergeMapPublisher::publish(const MergeMap& map) {
    impl_->publish(map);
}
bool MergeMapPublisher::withdraw(MergeMapKind kind, std::uint32_t out_stream_id) noexcept {
    const auto at = impl_->find(kind, out_stream_id);
    if (at == impl_->entries.end()) return false;
    impl_->entries.erase(at);
    return true;
}
const MergeMapPublisherCounters& MergeMapPublisher::counters() const noexcept {
    return impl_->counters;
}
int MergeMapPublisher::do_work(Nanos now_ns) noexcept {
    return impl_->do_work(now_ns);
}

}  // namespace tensorpool
