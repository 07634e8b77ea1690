// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "common/top_screen.hpp"

#include "base/text.hpp"
#include "common/stats_line.hpp"
#include "telemetry/reading.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <vector>

namespace tensorpool::apps {
namespace {

constexpr const char* kRow = "{:>10} {:<8} {:>10} {:>9} {:>8} {:>12} {:>6} {:>9}{}";

/// A role now and one sample ago; without the older one nothing has a rate yet.
class Pair {
public:
    Pair(const TopOwner& now, const TopOwner* before, Nanos elapsed_ns)
        : now_(&now), before_(before), elapsed_ns_(elapsed_ns) {}

    [[nodiscard]] const TopOwner& owner() const noexcept { return *now_; }
    [[nodiscard]] std::uint64_t total(std::string_view metric) const noexcept { return now_->value(metric); }
    [[nodiscard]] std::uint64_t grown(std::string_view metric) const noexcept {
        if (before_ == nullptr) return 0;
        const std::uint64_t older = before_->value(metric);
        return now_->value(metric) > older ? now_->value(metric) - older : 0;
    }
    [[nodiscard]] double rate(std::string_view metric) const noexcept {
        return per_second(grown(metric), elapsed_ns_);
    }

private:
    const TopOwner* now_;
    const TopOwner* before_;
    Nanos elapsed_ns_;
};

std::vector<Pair> pairs_of(const TopSample& before, const TopSample& now, std::string_view role) {
    std::vector<Pair> pairs;
    for (const auto& [key, owner] : now.owners) {
        if (owner.role != role) continue;
        const auto older = before.owners.find(key);
        pairs.emplace_back(owner, older == before.owners.end() ? nullptr : &older->second,
                           now.at_ns - before.at_ns);
    }
    std::stable_sort(pairs.begin(), pairs.end(), [](const Pair& a, const Pair& b) {
        return std::tuple(a.owner().stream_id, a.owner().id) < std::tuple(b.owner().stream_id, b.owner().id);
    });
    return pairs;
}

/// Large numbers in fewer characters than their column has: 123456789 as 123.5M.
std::string short_number(std::uint64_t value, std::size_t width) {
    std::string text = std::to_string(value);
    constexpr std::string_view kUnits = "kMGTPE";
    auto scaled = static_cast<double>(value);
    for (const char unit : kUnits) {
        if (text.size() <= width) break;
        scaled /= 1000;
        text = fmt::format("{:.1f}{}", scaled, unit);
    }
    return text;
}

std::uint64_t drops_of_consumer(const Pair& consumer, std::uint64_t (Pair::*count)(std::string_view) const) {
    return (consumer.*count)("consumer_drops_gap") + (consumer.*count)("consumer_drops_late");
}

std::uint64_t refused_by_messaging(const Pair& producer,
                                   std::uint64_t (Pair::*count)(std::string_view) const) {
    std::uint64_t sum = 0;
    for (const std::string_view metric :
         {"producer_descriptor_backpressured", "producer_descriptor_admin_action",
          "producer_descriptor_closed", "producer_descriptor_max_position_exceeded",
          "producer_descriptor_errors"}) {
        sum += (producer.*count)(metric);
    }
    return sum;
}

std::string producer_row(const Pair& p) {
    const std::string seq =
        p.total("producer_epoch") == 0 ? "not ready" : short_number(p.total("producer_next_seq"), 12);
    return fmt::format(kRow, p.owner().stream_id.value_or(0), "producer", p.owner().id,
                       fmt::format("{:.1f}", p.rate("producer_frames_committed")),
                       fmt::format("{:.1f}", p.rate("producer_committed_bytes") / 1e6), seq, "-",
                       short_number(refused_by_messaging(p, &Pair::total), 9),
                       refused_by_messaging(p, &Pair::grown) > 0 ? "!" : "");
}

/// OBS-016: within one epoch only, and one frame is no lag yet.
std::string lag_of(const Pair& consumer, const std::vector<Pair>& producers) {
    const std::uint64_t epoch = consumer.total("consumer_epoch");
    if (epoch == 0) return "-";
    for (const Pair& producer : producers) {
        if (producer.owner().stream_id != consumer.owner().stream_id ||
            producer.total("producer_epoch") != epoch)
            continue;
        const std::uint64_t next = producer.total("producer_next_seq");
        const std::uint64_t seen = consumer.total("consumer_last_seq") + 1;
        return short_number(next > seen ? next - seen : 0, 6);
    }
    return "-";
}

std::string consumer_row(const Pair& c, const std::vector<Pair>& producers) {
    const std::string seq =
        c.total("consumer_epoch") == 0 ? "unmapped" : short_number(c.total("consumer_last_seq"), 12);
    return fmt::format(kRow, c.owner().stream_id.value_or(0), "consumer", c.owner().id,
                       fmt::format("{:.1f}", c.rate("consumer_frames_delivered")),
                       fmt::format("{:.1f}", c.rate("consumer_delivered_bytes") / 1e6), seq,
                       lag_of(c, producers), short_number(drops_of_consumer(c, &Pair::total), 9),
                       drops_of_consumer(c, &Pair::grown) > 0 ? "!" : "");
}

std::string driver_row(const Pair& d) {
    return fmt::format("driver {}: {} streams, {} leases, {:.0f} keepalives/s, {} refused, {} expired",
                       base::printable(d.owner().instance), d.total("driver_streams"),
                       d.total("driver_leases"), d.rate("driver_keepalives"),
                       d.total("driver_attach_refused"), d.total("driver_leases_expired"));
}

std::string supervisor_row(const Pair& s) {
    return fmt::format("supervisor {}: {} producers, {} consumers, {} configs sent, {} fell silent",
                       s.owner().id, s.total("supervisor_producers"), s.total("supervisor_consumers"),
                       s.total("supervisor_config_published"), s.total("supervisor_became_stale"));
}

std::string discovery_row(const Pair& d) {
    return fmt::format("discovery {}: {} streams, {:.0f} requests/s, {} answers dropped", d.owner().id,
                       d.total("discovery_streams"), d.rate("discovery_requests"),
                       d.total("discovery_responses_dropped"));
}

std::string recorder_row(const Pair& r) {
    return fmt::format("trace recorder: {:.0f} frames/s, {} links, {} rows wait, {} dropped",
                       r.rate("trace_recorder_frames"), r.total("trace_recorder_links"),
                       r.total("trace_recorder_rows_pending"), r.total("trace_recorder_rows_dropped"));
}

/// A role that works on frames of a stream without being its producer or consumer.
std::string stage_row(const Pair& stage, std::string_view role, std::string_view id, double frames_per_second,
                      std::string_view megabytes_per_second, std::string_view seq,
                      std::initializer_list<std::string_view> drops) {
    std::uint64_t dropped = 0;
    std::uint64_t dropped_now = 0;
    for (const std::string_view metric : drops) {
        dropped += stage.total(metric);
        dropped_now += stage.grown(metric);
    }
    return fmt::format(kRow, stage.owner().stream_id.value_or(0), role, id,
                       fmt::format("{:.1f}", frames_per_second), megabytes_per_second, seq, "-",
                       short_number(dropped, 9), dropped_now > 0 ? "!" : "");
}

std::string source_of(const Pair& stage) {
    return stage.owner().source_stream_id ? std::to_string(*stage.owner().source_stream_id) : "-";
}

std::string bridge_row(const Pair& b) {
    // Both ends in one process count one frame each.
    const double frames = std::max(b.rate("bridge_frames_forwarded"), b.rate("bridge_frames_rematerialized"));
    return stage_row(b, "bridge", source_of(b), frames, "-", "-",
                     {"bridge_chunks_dropped", "bridge_frames_missed"});
}

std::string rate_limiter_row(const Pair& r) {
    return stage_row(
        r, "limiter", source_of(r), r.rate("rate_limiter_frames_published"),
        fmt::format("{:.1f}", r.rate("rate_limiter_published_bytes") / 1e6),
        r.total("rate_limiter_dest_epoch") == 0 ? "not ready"
                                                : short_number(r.total("rate_limiter_last_seq"), 12),
        {"rate_limiter_drops_too_large", "rate_limiter_drops_no_slot", "rate_limiter_drops_not_attached",
         "rate_limiter_drops_overwritten", "rate_limiter_drops_regressed", "rate_limiter_drops_epoch"});
}

std::string join_row(const Pair& j) {
    return stage_row(j, "join", "-", j.rate("join_ready"), "-", j.total("join_inputs") == 0 ? "no map" : "-",
                     {"join_rejected", "join_frames_unusable"});
}

std::string tracer_row(const Pair& t) {
    return stage_row(t, "tracer", "-", t.rate("tracer_ids_minted") + t.rate("tracer_ids_carried"), "-", "-",
                     {"tracer_links_ring_full", "tracer_links_send_failed", "tracer_links_refused"});
}

/// Lines that belong to a stream, in one order by stream and within it by role.
class StreamLines {
public:
    template <typename RowOf>
    void add(const std::vector<Pair>& pairs, RowOf&& row_of) {
        for (const Pair& pair : pairs) lines_.emplace_back(pair.owner().stream_id, order_, row_of(pair));
        ++order_;
    }
    [[nodiscard]] std::vector<std::string> take() {
        std::stable_sort(lines_.begin(), lines_.end(), [](const auto& a, const auto& b) {
            return std::tie(std::get<0>(a), std::get<1>(a)) < std::tie(std::get<0>(b), std::get<1>(b));
        });
        std::vector<std::string> texts;
        texts.reserve(lines_.size());
        for (auto& line : lines_) texts.push_back(std::move(std::get<2>(line)));
        return texts;
    }

private:
    int order_ = 0;
    std::vector<std::tuple<std::optional<std::uint32_t>, int, std::string>> lines_;
};

}  // namespace

std::uint64_t TopOwner::value(std::string_view metric) const noexcept {
    const auto found = values.find(metric);
    return found == values.end() ? 0 : found->second;
}

TopSample take_top_sample(messaging::Client& client, Nanos now_ns) {
    static const telemetry::CounterReader kReader;
    TopSample sample;
    sample.at_ns = now_ns;
    client.for_each_counter([&sample](const messaging::CounterInfo& info) {
        const auto reading = kReader.read(info);
        if (!reading) return;
        TopOwner& owner = sample.owners[{reading->owner.name, reading->owner.id}];
        owner.role = reading->role;
        owner.id = reading->owner.id;
        owner.stream_id = reading->stream_id;
        owner.source_stream_id = telemetry::source_stream_of(reading->owner);
        owner.instance = reading->instance;
        owner.values[reading->metric.name] = reading->value;
    });
    return sample;
}

std::string render_top(const TopSample& before, const TopSample& now, std::size_t columns, std::size_t rows) {
    const std::vector<Pair> producers = pairs_of(before, now, "Producer");
    const std::vector<Pair> consumers = pairs_of(before, now, "Consumer");
    std::vector<std::string> lines{fmt::format("tp top: {} producers, {} consumers, rates over {:.1f} s",
                                               producers.size(), consumers.size(),
                                               static_cast<double>(now.at_ns - before.at_ns) / 1e9)};
    for (const Pair& driver : pairs_of(before, now, "Driver")) lines.push_back(driver_row(driver));
    for (const Pair& supervisor : pairs_of(before, now, "Supervisor"))
        lines.push_back(supervisor_row(supervisor));
    for (const Pair& provider : pairs_of(before, now, "Discovery")) lines.push_back(discovery_row(provider));
    for (const Pair& recorder : pairs_of(before, now, "TraceRecorder"))
        lines.push_back(recorder_row(recorder));
    lines.emplace_back();
    if (now.owners.empty()) {
        lines.emplace_back("nothing counts here; is anything running on this messaging?");
    } else {
        lines.push_back(
            fmt::format(kRow, "STREAM", "ROLE", "ID", "FRAMES/s", "MB/s", "SEQ", "LAG", "DROPS", ""));
    }
    std::vector<Pair> bridges = pairs_of(before, now, "Bridge");
    std::erase_if(bridges, [](const Pair& b) { return !b.owner().stream_id; });  // the transport as a whole
    StreamLines streams;
    streams.add(producers, producer_row);
    streams.add(bridges, bridge_row);
    streams.add(pairs_of(before, now, "RateLimiter"), rate_limiter_row);
    streams.add(pairs_of(before, now, "Join"), join_row);
    streams.add(pairs_of(before, now, "Tracer"), tracer_row);
    streams.add(consumers, [&](const Pair& c) { return consumer_row(c, producers); });
    for (std::string& line : streams.take()) lines.push_back(std::move(line));

    if (rows > 0 && lines.size() > rows) {
        const std::size_t hidden = lines.size() - rows + 1;
        lines.resize(rows - 1);
        lines.push_back(fmt::format("... {} more lines; a taller window shows them", hidden));
    }
    std::string screen;
    for (const std::string& line : lines) screen += line.substr(0, columns) + "\n";
    return screen;
}

}  // namespace tensorpool::apps
