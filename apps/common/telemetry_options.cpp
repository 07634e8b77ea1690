// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "common/telemetry_options.hpp"

#include "common/metrics_endpoint.hpp"
#include "telemetry/latency.hpp"

#include <cstdio>
#include <cstdlib>

namespace tensorpool::apps {
namespace {

constexpr const char* kGroup = "Monitoring";
constexpr Nanos kExporterNap = 50 * kNanosPerMilli;

std::string environment(const char* name) {
    const char* const value = std::getenv(name);
    return value == nullptr ? std::string() : std::string(value);
}

}  // namespace

void TelemetryOptions::add_to(const cli::Command& command) {
    command
        .add_option("--metrics", metrics,
                    "serve Prometheus at http://ADDRESS:PORT/metrics; loopback only, port 0: any free one")
        .option_text("ADDRESS:PORT")
        .group(kGroup);
    command
        .add_option("--histograms", histograms,
                    "measure latencies: off (default), control, or frames (also per frame); environment: "
                    "TP_HISTOGRAMS")
        .check(cli::one_of({"off", "control", "frames"}))
        .group(kGroup);
}

ContextOptions TelemetryOptions::applied_to(ContextOptions options) const {
    const std::string level = histograms.empty() ? environment("TP_HISTOGRAMS") : histograms;
    if (!level.empty()) options.histograms = parse_latency_histograms(level);
    if (options.instance.empty()) options.instance = environment("TP_INSTANCE");
    return options;
}

ProgramTelemetry::ProgramTelemetry(Context& context, const TelemetryOptions& options,
                                   const std::string& program) {
    if (context.latencies().level() != LatencyHistograms::Off) {
        exporter_ = std::make_unique<TelemetryExporter>(context);
        AgentRunner::Options runner;
        runner.clock = &context.clock();
        thread_ = std::make_unique<AgentRunner>(*exporter_, std::make_unique<SleepIdle>(kExporterNap),
                                                std::move(runner));
        thread_->start();
    }
    if (options.metrics.empty()) return;
    endpoint_ = std::make_unique<MetricsEndpoint>(context, options.metrics);
    std::fprintf(stderr, "%s: metrics at %s\n", program.c_str(), endpoint_->url().c_str());
}

ProgramTelemetry::~ProgramTelemetry() = default;

}  // namespace tensorpool::apps
