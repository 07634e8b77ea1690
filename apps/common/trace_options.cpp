// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "common/trace_options.hpp"

#include "common/program.hpp"

#include <limits>

namespace tensorpool::apps {

void TraceOptions::add_to(const cli::Command& command, const std::string& group) {
    const auto place = [&](cli::Option option) {
        if (!group.empty()) option.group(group);
        return option;
    };
    place(command.add_flag("--trace", enabled, "give every frame a trace id; environment: TP_TRACE=1"))
        .envname("TP_TRACE");
    place(command.add_option("--trace-node-id", node_id,
                             "node id of these ids, nobody else's; default: the one the driver grants"))
        .check(cli::range(kFirstTraceNodeId, kLastTraceNodeId))
        .option_text("N");
    place(command.add_option("--trace-every", sample_every, "trace only every N-th frame"))
        .check(cli::range(std::uint32_t{1}, std::numeric_limits<std::uint32_t>::max()))
        .option_text("N");
}

std::unique_ptr<Tracer> TraceOptions::make_tracer(Context& context, std::uint32_t stream_id,
                                                  const StreamEndpoints& endpoints, bool standalone) const {
    if (!enabled) return nullptr;
    if (standalone && node_id == 0)
        throw UsageError(
            "--trace: without a driver nobody grants a node id; give one with --trace-node-id 1 "
            "to 1023, a different one to every producer");
    TracerOptions options;
    options.stream_id = stream_id;
    options.endpoints = endpoints;
    options.node_id = node_id;
    options.sample_every = sample_every;
    return std::make_unique<Tracer>(context, options);
}

void drive(Tracer* tracer, const Producer& producer, Nanos now_ns) noexcept {
    if (tracer == nullptr) return;
    tracer->set_output(producer.epoch(), producer.node_id());
    tracer->do_work(now_ns);
}

void report_trace(Report& report, const Tracer* tracer) {
    if (tracer == nullptr) return;
    const TracerCounters c = tracer->counters();
    report["traced"] = c.ids_minted;
    report["untraced"] = c.ids_sampled_out + c.ids_unavailable;
}

}  // namespace tensorpool::apps
