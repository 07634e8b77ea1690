// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// tp ls: what is running. No message carries a driver's tables, so it listens for a while: announces name
// streams and epochs, keepalives, hellos and QoS name who is attached, descriptors give rates.

#include "common/messaging_options.hpp"
#include "common/report.hpp"
#include "control/dispatcher.hpp"
#include "tp/commands.hpp"

#include <tensorpool/context.hpp>

#include <fmt/format.h>

#include <cstdio>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

namespace tensorpool::apps {
namespace {

constexpr Nanos kIdle = 10 * kNanosPerMilli;

struct LsOptions {
    MessagingOptions messaging;
    StreamEndpoints endpoints;
    double duration_s = 2.2;
    bool json = false;
};

struct Stream {
    std::uint64_t epoch = 0;
    std::uint32_t header_nslots = 0;
    std::uint64_t pool_bytes = 0;  // shared memory of all pools
    std::set<std::uint32_t> producers;
    std::set<std::uint32_t> consumers;
    std::uint64_t frames = 0;
    std::uint64_t last_seq = 0;
};

class Watcher final : public control::ControlHandler {
public:
    std::map<std::uint32_t, Stream> streams;

    void on_pool_announce(const control::PoolAnnounce& m, const messaging::Message&) override {
        Stream& stream = streams[m.stream_id];
        if (m.epoch < stream.epoch) return;
        if (m.producer_id != 0) stream.producers.insert(m.producer_id);
        stream.epoch = m.epoch;
        stream.header_nslots = m.header_nslots;
        stream.pool_bytes = 0;
        for (const control::PoolInfo& pool : m.pools)
            stream.pool_bytes += std::uint64_t{pool.nslots} * pool.stride_bytes;
    }
    void on_lease_keepalive(const control::LeaseKeepalive& m, const messaging::Message&) override {
        Stream& stream = streams[m.stream_id];
        (m.role == Role::Producer ? stream.producers : stream.consumers).insert(m.client_id);
    }
    void on_consumer_hello(const control::ConsumerHello& m, const messaging::Message&) override {
        streams[m.stream_id].consumers.insert(m.consumer_id);
    }
    void on_qos_consumer(const control::QosConsumer& m, const messaging::Message&) override {
        streams[m.stream_id].consumers.insert(m.consumer_id);
    }
    void on_qos_producer(const control::QosProducer& m, const messaging::Message&) override {
        streams[m.stream_id].producers.insert(m.producer_id);
    }
    void on_frame_descriptor(const control::FrameDescriptor& m, const messaging::Message&) override {
        Stream& stream = streams[m.stream_id];
        ++stream.frames;
        stream.last_seq = m.seq;
        stream.epoch = std::max(stream.epoch, m.epoch);
    }
};

std::string joined(const std::set<std::uint32_t>& ids) {
    return ids.empty() ? "-" : fmt::format("{}", fmt::join(ids, ","));
}

void print_table(const Watcher& watcher, double seconds) {
    std::printf("%10s %20s %7s %10s %10s %12s  %-22s %s\n", "STREAM", "EPOCH", "SLOTS", "SHM MiB", "FRAMES/S",
                "LAST SEQ", "PRODUCERS", "CONSUMERS");
    for (const auto& [id, stream] : watcher.streams) {
        std::printf("%10u %20llu %7u %10.1f %10.1f %12llu  %-22s %s\n", id,
                    static_cast<unsigned long long>(stream.epoch), stream.header_nslots,
                    static_cast<double>(stream.pool_bytes) / (1 << 20),
                    static_cast<double>(stream.frames) / seconds,
                    static_cast<unsigned long long>(stream.last_seq), joined(stream.producers).c_str(),
                    joined(stream.consumers).c_str());
    }
}

Report report_of(const Watcher& watcher, double seconds) {
    Report streams = Report::array();
    for (const auto& [id, stream] : watcher.streams) {
        streams.push_back({{"stream_id", id},
                           {"epoch", stream.epoch},
                           {"header_nslots", stream.header_nslots},
                           {"pool_bytes", stream.pool_bytes},
                           {"frames_per_s", static_cast<double>(stream.frames) / seconds},
                           {"last_seq", stream.last_seq},
                           {"producers", stream.producers},
                           {"consumers", stream.consumers}});
    }
    return {{"streams", std::move(streams)}, {"watched_s", seconds}};
}

ExitCode run_ls(LsOptions& options) {
    stop_on_signals();
    Context context(options.messaging.context_options());
    std::vector<std::unique_ptr<messaging::Subscription>> owned;
    std::vector<messaging::Subscription*> subscriptions;
    std::set<std::pair<std::string, std::int32_t>> open;
    const StreamEndpoints& all = options.endpoints;
    for (const Endpoint& endpoint : {all.control, all.announce, all.descriptor, all.qos}) {
        if (!open.emplace(endpoint.channel, endpoint.stream_id).second) continue;
        owned.push_back(context.messaging().add_subscription(endpoint.channel, endpoint.stream_id));
        subscriptions.push_back(owned.back().get());
    }
    Watcher watcher;
    control::ControlDispatcher dispatcher(watcher);
    const Nanos start = context.clock().now_ns();
    const Nanos end = deadline_after(options.duration_s);
    while (!stop_requested() && context.clock().now_ns() < end) {
        context.messaging().do_work(context.clock().now_ns());
        int handled = 0;
        for (messaging::Subscription* subscription : subscriptions)
            handled += dispatcher.poll(*subscription, 64);
        if (handled == 0) context.messaging().wait(subscriptions, kIdle);
    }
    const double seconds =
        static_cast<double>(context.clock().now_ns() - start) / static_cast<double>(kNanosPerSecond);
    if (options.json) {
        print_report(report_of(watcher, seconds), true);
    } else if (watcher.streams.empty()) {
        std::printf("nothing seen in %.1f s: no driver or producer announces here\n", seconds);
    } else {
        print_table(watcher, seconds);
    }
    return ExitCode::Ok;
}

}  // namespace

void add_ls_command(const cli::Command& app, Selection& selection) {
    add_command<LsOptions>(
        app, selection, "ls",
        "List streams, epochs, producers, consumers and frame rates, from watching the messages for a "
        "while.\n"
        "Example: tp ls --json",
        [](const cli::Command& command, LsOptions& options) {
            command
                .add_option("--duration-s", options.duration_s,
                            "how long to watch; announces come once a second")
                .capture_default_str()
                .check(cli::positive());
            command.add_flag("--json", options.json, "one JSON object");
            options.messaging.add_to(command);
            add_endpoints(command, options.endpoints);
        },
        run_ls);
}

}  // namespace tensorpool::apps
