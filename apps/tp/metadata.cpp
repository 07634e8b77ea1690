// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// tp metadata-listen, tp metadata-dump: what data sources say about themselves.

#include "common/messaging_options.hpp"
#include "common/report.hpp"
#include "control/dispatcher.hpp"
#include "tp/commands.hpp"
#include "tp/raw_dump.hpp"

#include <tensorpool/context.hpp>
#include <tensorpool/metadata.hpp>

#include <fmt/format.h>

#include <cstdio>
#include <map>
#include <string>

namespace tensorpool::apps {
namespace {

constexpr int kFragmentLimit = 10;
constexpr Nanos kIdle = 10 * kNanosPerMilli;

struct ListenOptions {
    MessagingOptions messaging;
    Endpoint endpoint = StreamEndpoints{}.metadata;
    double duration_s = 5;
    bool json = false;
    RawDumpOptions raw;
};

/// Prints a stream's version whenever it changes (TOOL-036).
class VersionPrinter final : public control::ControlHandler {
public:
    explicit VersionPrinter(bool json) : json_(json) {}

    void on_data_source_announce(const control::DataSourceAnnounce& announce,
                                 const messaging::Message&) override {
        auto [known, fresh] = versions_.try_emplace(announce.stream_id, announce.meta_version);
        if (!fresh && known->second == announce.meta_version) return;
        known->second = announce.meta_version;
        Report report;
        report["type"] = "DataSourceAnnounce";
        report["stream_id"] = announce.stream_id;
        report["meta_version"] = announce.meta_version;
        report["name"] = announce.name;
        const std::string text = json_ ? to_json_line(report) : to_item_line(report);
        std::fputs(text.c_str(), stdout);
        std::fflush(stdout);
    }

private:
    bool json_;
    std::map<std::uint32_t, std::uint32_t> versions_;
};

ExitCode run_listen(ListenOptions& options) {
    stop_on_signals();
    Context context(options.messaging.context_options());
    const auto subscription =
        context.messaging().add_subscription(options.endpoint.channel, options.endpoint.stream_id);
    VersionPrinter printer(options.json);
    control::ControlDispatcher dispatcher(printer);
    RawDump raw(options.raw);
    messaging::Subscription* const wait_for[] = {subscription.get()};
    const Nanos end = deadline_after(options.duration_s);
    while (!stop_requested() && context.clock().now_ns() < end) {
        context.messaging().do_work(context.clock().now_ns());
        const int handled = subscription->poll(
            [&](const messaging::Message& message) {
                raw.write("metadata", message.bytes);
                dispatcher.dispatch(message);
            },
            kFragmentLimit);
        if (handled == 0) context.messaging().wait(wait_for, kIdle);
    }
    return ExitCode::Ok;
}

struct DumpOptions {
    MessagingOptions messaging;
    StreamEndpoints endpoints;
    std::uint32_t stream_id = 0;
    std::uint32_t timeout_ms = 5000;
    bool json = false;
};

/// A value as text where its format says so, else in hex.
std::string value_text(const MetadataAttribute& attribute) {
    if (attribute.format.starts_with("text/") || attribute.format == metadata_format::kJson)
        return attribute.value;
    std::string hex;
    for (const char c : attribute.value) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
    return "0x" + hex;
}

Report report_of(const DataSource& source, const Metadata& metadata, std::uint32_t stream_id) {
    Report report;
    report["stream_id"] = stream_id;
    report["meta_version"] = metadata.version;
    report["name"] = source.name;
    report["summary"] = source.summary;
    report["attributes"] = Report::array();
    for (const MetadataAttribute& attribute : metadata.attributes) {
        Report item;
        item["attr"] = attribute.key;
        item["mime"] = attribute.format;
        item["value"] = value_text(attribute);
        report["attributes"].push_back(std::move(item));
    }
    return report;
}

/// As text: who it is on one line, then the summary, then one line for each attribute (TOOL-037).
void print_dump(const Report& dump, bool json) {
    if (json) {
        print_report(dump, true);
        return;
    }
    Report who = dump;
    who.erase("summary");
    who.erase("attributes");
    std::string text = to_item_line(who) + to_lines({{"summary", dump.at("summary")}});
    for (const Report& attribute : dump.at("attributes")) text += to_item_line(attribute);
    std::fputs(text.c_str(), stdout);
}

ExitCode run_dump(DumpOptions& options) {
    stop_on_signals();
    Context context(options.messaging.context_options());
    MetadataCacheOptions cache_options;
    cache_options.stream_id = options.stream_id;
    cache_options.endpoints = options.endpoints;
    MetadataCache cache(context, cache_options);
    const Nanos end = context.clock().now_ns() + options.timeout_ms * kNanosPerMilli;
    while (!stop_requested() && context.clock().now_ns() < end) {
        if (cache.do_work(context.clock().now_ns()) > 0) continue;
        const DataSource* const source = cache.source();
        const Metadata* const metadata = source != nullptr ? cache.find(source->meta_version) : nullptr;
        if (metadata != nullptr) {
            print_dump(report_of(*source, *metadata, options.stream_id), options.json);
            return ExitCode::Ok;
        }
        context.messaging().wait({}, kIdle);
    }
    std::puts(options.json ? R"({"state":"timeout"})" : "timeout");
    return ExitCode::TimedOut;
}

}  // namespace

void add_metadata_commands(const cli::Command& app, Selection& selection) {
    add_command<ListenOptions>(
        app, selection, "metadata-listen",
        "Print a stream's metadata version whenever it changes.\n"
        "Example: tp metadata-listen --duration-s 0",
        [](const cli::Command& command, ListenOptions& options) {
            command.add_option("--duration-s", options.duration_s, "0: until SIGINT or SIGTERM")
                .capture_default_str()
                .check(cli::not_negative());
            command.add_flag("--json", options.json, "one JSON object per line");
            options.raw.add_to(command);
            options.messaging.add_to(command);
            add_endpoint(command, "metadata", options.endpoint, "TP_METADATA_CHANNEL",
                         "TP_METADATA_STREAM_ID");
        },
        run_listen);
    add_command<DumpOptions>(
        app, selection, "metadata-dump",
        "Print the current metadata of one stream; exit 4 when none arrives in time.\n"
        "Example: tp metadata-dump --stream-id 10000",
        [](const cli::Command& command, DumpOptions& options) {
            command.add_option("--stream-id", options.stream_id, "tensor stream")
                .required()
                .envname("TP_STREAM_ID");
            command.add_option("--timeout-ms", options.timeout_ms, "longest wait").capture_default_str();
            command.add_flag("--json", options.json, "one JSON object");
            options.messaging.add_to(command);
            add_endpoint(command, "metadata", options.endpoints.metadata, "TP_METADATA_CHANNEL",
                         "TP_METADATA_STREAM_ID");
        },
        run_dump);
}

}  // namespace tensorpool::apps
