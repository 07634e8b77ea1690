// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// tp discover, tp discovery-list: asks a discovery provider once and prints the answer (TOOL-039, TOOL-040).

#include "common/discovery_options.hpp"
#include "common/messaging_options.hpp"
#include "common/report.hpp"
#include "tp/commands.hpp"

#include <tensorpool/context.hpp>
#include <tensorpool/discovery.hpp>
#include <tensorpool/error.hpp>

#include <fmt/format.h>

#include <cstdio>
#include <string>

namespace tensorpool::apps {
namespace {

struct QueryOptions {
    MessagingOptions messaging;
    DiscoveryOptions discovery;
    DiscoveryFilter filter;
    bool json = false;
};

Report report_of(const DiscoveredStream& stream) {
    Report pools = Report::array();
    for (const PoolDescription& pool : stream.pools) {
        pools.push_back({{"pool_id", pool.pool_id},
                         {"nslots", pool.nslots},
                         {"stride", pool.stride_bytes},
                         {"uri", pool.region_uri}});
    }
    return {{"stream_id", stream.stream_id},
            {"producer_id", stream.producer_id},
            {"epoch", stream.epoch},
            {"layout", stream.layout_version},
            {"driver_instance_id", stream.driver_instance_id},
            {"driver_control", stream.driver_control.channel},
            {"stream", stream.driver_control.stream_id},
            {"header_uri", stream.header_region_uri},
            {"nslots", stream.header_nslots},
            {"slot_bytes", 256},
            {"max_dims", 8},
            {"data_source_name", stream.data_source_name},
            {"data_source_id", stream.data_source_id ? Report(*stream.data_source_id) : Report(nullptr)},
            {"tags", stream.tags},
            {"pools", std::move(pools)}};
}

/// A key and text of a peer, which must not be able to look like more keys.
std::string item(std::string_view key, const std::string& text) {
    return fmt::format("{}={}", key, printable(text));
}

void print_text(const DiscoveryAnswer& answer) {
    std::string text = fmt::format("status={}\ncount={}\n", to_string(answer.status), answer.streams.size());
    if (!answer.error_message.empty()) text += item("error", answer.error_message) + "\n";
    for (const DiscoveredStream& s : answer.streams) {
        text += fmt::format("stream_id={} producer_id={} epoch={} layout={}\n", s.stream_id, s.producer_id,
                            s.epoch, s.layout_version);
        text += item("driver_instance_id", s.driver_instance_id) + "\n";
        text += fmt::format("{} stream={}\n", item("driver_control", s.driver_control.channel),
                            s.driver_control.stream_id);
        text += fmt::format("{} nslots={} slot_bytes=256 max_dims=8\n",
                            item("header_uri", s.header_region_uri), s.header_nslots);
        text += fmt::format("{} data_source_id={}\n", item("data_source_name", s.data_source_name),
                            s.data_source_id ? std::to_string(*s.data_source_id) : "null");
        if (!s.tags.empty()) text += item("tags", fmt::format("{}", fmt::join(s.tags, ","))) + "\n";
        for (const PoolDescription& pool : s.pools) {
            text += fmt::format("pool_id={} nslots={} stride={} {}\n", pool.pool_id, pool.nslots,
                                pool.stride_bytes, item("uri", pool.region_uri));
        }
    }
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
}

ExitCode run_query(QueryOptions& options) {
    stop_on_signals();
    Context context(options.messaging.context_options());
    DiscoveryClient client(context, options.discovery.client);
    const DiscoveryAnswer& answer = client.discover(
        options.filter, context.clock().now_ns() + options.discovery.timeout_ms * kNanosPerMilli);
    if (options.json) {
        Report streams = Report::array();
        for (const DiscoveredStream& stream : answer.streams) streams.push_back(report_of(stream));
        print_report(
            {{"status", std::string(to_string(answer.status))},
             {"count", answer.streams.size()},
             {"error", answer.error_message.empty() ? Report(nullptr) : Report(answer.error_message)},
             {"streams", std::move(streams)}},
            true);
    } else {
        print_text(answer);
    }
    return answer.status == DiscoveryStatus::Ok ? ExitCode::Ok : ExitCode::Negative;
}

void add_common(const cli::Command& command, QueryOptions& options) {
    options.discovery.add_to(command);
    command.add_flag("--json", options.json, "one JSON object");
    options.messaging.add_to(command);
}

template <typename Number>
void add_filter(const cli::Command& command, const std::string& name, std::optional<Number>& value,
                const char* variable, const char* what) {
    const cli::Option option = command.add_option_function<Number>(
        name, [&value](const Number& given) { value = given; }, what);
    if (variable != nullptr) option.envname(variable);
}

}  // namespace

void add_discover_commands(const cli::Command& app, Selection& selection) {
    add_command<QueryOptions>(app, selection, "discovery-list",
                              "List every stream a discovery provider knows.\n"
                              "Example: tp discovery-list --json",
                              add_common, run_query);
    add_command<QueryOptions>(
        app, selection, "discovery-query",
        "Find streams by number, name or tags; all filters must hold.\n"
        "Example: tp discover --data-source-name camera-1",
        [](const cli::Command& command, QueryOptions& options) {
            add_filter(command, "--stream-id", options.filter.stream_id, "TP_STREAM_ID", "tensor stream");
            add_filter(command, "--producer-id", options.filter.producer_id, nullptr,
                       "of the announcing producer");
            add_filter(command, "--data-source-id", options.filter.data_source_id, nullptr, "");
            command.add_option("--data-source-name", options.filter.data_source_name,
                               "compared byte for byte");
            command.add_option("--tags", options.filter.tags, "comma list; a stream needs all of them")
                .delimiter(',');
            command.add_option("--client-id", options.discovery.client.client_id, "0: random")
                .envname("TP_CLIENT_ID");
            add_common(command, options);
        },
        run_query)
        .alias("discover");
}

}  // namespace tensorpool::apps
