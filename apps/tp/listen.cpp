// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// tp listen: prints every message on the streams of a deployment.

#include "common/messaging_options.hpp"
#include "tp/commands.hpp"
#include "tp/describe.hpp"
#include "tp/raw_dump.hpp"

#include <tensorpool/context.hpp>
#include <tensorpool/error.hpp>

#include <fmt/format.h>

#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace tensorpool::apps {
namespace {

constexpr int kFragmentLimit = 10;
constexpr std::int32_t kAnnounceStreamId = 1001;  // tools.md section 2
constexpr Nanos kIdle = 10 * kNanosPerMilli;

struct ListenOptions {
    MessagingOptions messaging;
    StreamEndpoints endpoints;
    std::vector<std::string> streams{"control", "announce", "descriptor", "qos", "metadata"};
    std::vector<std::string> types;
    std::vector<std::string> except_types;
    bool on_change = false;
    double duration_s = 5;
    bool names = false;
    bool json = false;
    bool positions = false;    // qos-listen: who is where, nothing else
    bool connections = false;  // descriptor-listen: who comes and goes, on stderr
    /// announce-listen: while the announce stream is this one, the control stream is listened to as well.
    std::optional<Endpoint> usual_announce{};
    RawDumpOptions raw;
};

/// TX-09: the same report of the same peer again is no news.
class ChangeFilter {
public:
    bool is_news(const Report& report) {
        std::string peer = report.at("type").get<std::string>();
        for (const char* key : {"stream", "producer", "consumer"}) {
            if (report.contains(key)) peer += ' ' + report.at(key).dump();
        }
        std::string& last = last_[peer];
        std::string now = report.dump(-1, ' ', true, Report::error_handler_t::replace);
        if (now == last) return false;
        last = std::move(now);
        return true;
    }

private:
    std::map<std::string, std::string> last_;
};

const Endpoint& endpoint_named(const StreamEndpoints& endpoints, const std::string& name) {
    if (name == "control") return endpoints.control;
    if (name == "announce") return endpoints.announce;
    if (name == "descriptor") return endpoints.descriptor;
    if (name == "qos") return endpoints.qos;
    return endpoints.metadata;
}

struct Line {
    std::string name;
    std::unique_ptr<messaging::Subscription> subscription;
};

/// TOOL-038: `producer= stream= seq=`, `consumer= stream= last_seq=`.
Report position_of(const Report& report) {
    const bool consumer = report.contains("consumer");
    const char* const who = consumer ? "consumer" : "producer";
    Report position;
    position["type"] = report.at("type");
    position[who] = report.at(who);
    position["stream"] = report.at("stream");
    position[consumer ? "last_seq" : "seq"] = report.at(consumer ? "last_seq" : "current_seq");
    return position;
}

/// TOOL-035: who comes and goes.
class ConnectionWatch {
public:
    void look(const messaging::Subscription& subscription) {
        const int images = subscription.image_count();
        const bool connected = subscription.is_connected();
        if (connected && !ever_connected_) std::fprintf(stderr, "tp descriptor-listen: first connection\n");
        if (images != images_ || connected != connected_)
            std::fprintf(stderr, "tp descriptor-listen: images=%d status=%s\n", images,
                         connected ? "connected" : "not connected");
        ever_connected_ = ever_connected_ || connected;
        images_ = images;
        connected_ = connected;
    }

private:
    int images_ = 0;
    bool connected_ = false;
    bool ever_connected_ = false;
};

/// One subscription per stream, also where several names share one.
std::vector<Line> subscribe(Context& context, const ListenOptions& options) {
    std::vector<Line> lines;
    std::set<std::pair<std::string, std::int32_t>> open;
    std::vector<std::string> streams = options.streams;
    if (options.usual_announce == options.endpoints.announce) streams.emplace_back("control");
    for (const std::string& name : streams) {
        const Endpoint& endpoint = endpoint_named(options.endpoints, name);
        if (!open.emplace(endpoint.channel, endpoint.stream_id).second) continue;
        lines.push_back({name, context.messaging().add_subscription(endpoint.channel, endpoint.stream_id)});
    }
    return lines;
}

ExitCode run_listen(ListenOptions& options) {
    stop_on_signals();
    Context context(options.messaging.context_options());
    const std::vector<Line> lines = subscribe(context, options);
    std::vector<messaging::Subscription*> subscriptions;
    subscriptions.reserve(lines.size());
    for (const Line& line : lines) subscriptions.push_back(line.subscription.get());

    const std::set<std::string> wanted(options.types.begin(), options.types.end());
    const std::set<std::string> unwanted(options.except_types.begin(), options.except_types.end());
    ChangeFilter changes;
    Describer describer(options.names, [&](const Report& message) {
        const auto type = message.at("type").get<std::string>();
        if ((!wanted.empty() && wanted.count(type) == 0) || unwanted.count(type) != 0) return;
        const Report report = options.positions ? position_of(message) : message;
        if (options.on_change && !changes.is_news(report)) return;
        const std::string text = options.json        ? to_json_line(report)
                                 : options.positions ? to_item_line(report)
                                                     : to_message_line(report);
        std::ignore = std::fwrite(text.data(), 1, text.size(), stdout);
    });
    control::ControlDispatcher dispatcher(describer);
    RawDump raw(options.raw);
    ConnectionWatch watch;

    const Nanos end = deadline_after(options.duration_s);
    while (!stop_requested() && context.clock().now_ns() < end) {
        context.messaging().do_work(context.clock().now_ns());
        int handled = 0;
        for (const Line& line : lines) {
            handled += line.subscription->poll(
                [&](const messaging::Message& message) {
                    raw.write(line.name, message.bytes);
                    dispatcher.dispatch(message);
                },
                kFragmentLimit);
        }
        std::fflush(stdout);
        if (options.connections) watch.look(*subscriptions.front());
        if (handled == 0) context.messaging().wait(subscriptions, kIdle);
    }
    std::uint64_t lost = 0;
    for (const Line& line : lines) lost += line.subscription->lost_bytes();
    if (lost > 0)
        std::fprintf(stderr, "tp listen: too slow, %llu bytes lost\n", static_cast<unsigned long long>(lost));
    return ExitCode::Ok;
}

}  // namespace

namespace {

void add_common(const cli::Command& command, ListenOptions& options) {
    command.add_option("--duration-s", options.duration_s, "0: until SIGINT or SIGTERM")
        .capture_default_str()
        .check(cli::not_negative());
    command.add_flag("--names", options.names, "print enumerations as names");
    command.add_flag("--json", options.json, "one JSON object per message");
    options.raw.add_to(command);
    options.messaging.add_to(command);
}

/// TOOL-033 to TOOL-038: `listen` with its streams and messages chosen.
struct Preset {
    const char* name;
    const char* description;
    std::vector<std::string> streams;
    std::vector<std::string> types;
    std::vector<std::string> except_types;
    bool on_change = false;
    bool positions = false;
    bool connections = false;
};

const std::vector<Preset>& presets() {
    static const std::vector<Preset> kAll{
        {"announce-listen",
         "Print announces, QoS and progress on the announce stream; unless another one is given, also on the "
         "control stream, where drivers announce by default.\n"
         "Example: tp announce-listen --duration-s 3",
         {"announce"},
         {"ShmPoolAnnounce", "QosProducer", "QosConsumer", "FrameProgress"},
         {}},
        {"control-listen",
         "Print every control, metadata and QoS message.\n"
         "Example: tp control-listen --duration-s 0 --json",
         {"control", "metadata", "qos"},
         {},
         {"FrameDescriptor"}},
        {"descriptor-listen",
         "Print frame descriptors.\nExample: tp descriptor-listen --duration-s 1",
         {"descriptor"},
         {"FrameDescriptor"},
         {},
         false,
         false,
         true},
        {"qos-listen",
         "Print what producers and consumers report about themselves, when it changes.\n"
         "Example: tp qos-listen --duration-s 10",
         {"qos"},
         {"QosProducer", "QosConsumer"},
         {},
         true,
         true},
    };
    return kAll;
}

void add_preset_endpoints(const cli::Command& command, const Preset& preset, StreamEndpoints& endpoints) {
    for (const std::string& stream : preset.streams) {
        if (stream == "control")
            add_endpoint(command, stream, endpoints.control, "TP_CONTROL_CHANNEL", "TP_CONTROL_STREAM_ID");
        if (stream == "announce")
            add_endpoint(command, stream, endpoints.announce, "TP_CHANNEL", "TP_STREAM_ID");
        if (stream == "descriptor") add_endpoint(command, stream, endpoints.descriptor);
        if (stream == "qos")
            add_endpoint(command, stream, endpoints.qos, "TP_QOS_CHANNEL", "TP_QOS_STREAM_ID");
        if (stream == "metadata") {
            add_endpoint(command, stream, endpoints.metadata, "TP_METADATA_CHANNEL", "TP_METADATA_STREAM_ID");
        }
    }
}

}  // namespace

void add_listen_commands(const cli::Command& app, Selection& selection) {
    add_command<ListenOptions>(
        app, selection, "listen",
        "Print every protocol message as it passes.\n"
        "Example: tp listen --streams descriptor --duration-s 2 --json",
        [](const cli::Command& command, ListenOptions& options) {
            command
                .add_option("--streams", options.streams,
                            "control, announce, descriptor, qos, metadata; default all")
                .delimiter(',')
                .check(cli::one_of({"control", "announce", "descriptor", "qos", "metadata"}));
            command.add_option("--types", options.types, "only these messages, for example ShmPoolAnnounce")
                .delimiter(',');
            add_common(command, options);
            add_endpoints(command, options.endpoints);
        },
        run_listen);
    for (const Preset& preset : presets()) {
        add_command<ListenOptions>(
            app, selection, preset.name, preset.description,
            [&preset](const cli::Command& command, ListenOptions& options) {
                options.streams = preset.streams;
                options.types = preset.types;
                options.except_types = preset.except_types;
                options.on_change = preset.on_change;
                options.positions = preset.positions;
                options.connections = preset.connections;
                if (preset.streams.front() == "announce") {
                    options.endpoints.announce.stream_id = kAnnounceStreamId;
                    options.usual_announce = options.endpoints.announce;
                }
                add_common(command, options);
                add_preset_endpoints(command, preset, options.endpoints);
            },
            run_listen);
    }
}

}  // namespace tensorpool::apps
