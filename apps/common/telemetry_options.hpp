// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/command_line.hpp"

#include <tensorpool/agent.hpp>
#include <tensorpool/context.hpp>
#include <tensorpool/telemetry.hpp>

#include <memory>
#include <string>

namespace tensorpool::apps {

class MetricsEndpoint;

/// `--metrics`, `--histograms`: what a long-running program shows of itself.
struct TelemetryOptions {
    std::string metrics;
    std::string histograms;

    void add_to(const cli::Command& command);
    /// `options` with the histograms and the instance name that command line and environment ask for.
    [[nodiscard]] ContextOptions applied_to(ContextOptions options) const;
};

/// What a program runs beside its role: the Prometheus endpoint and the thread that publishes histograms, as
/// far as they were asked for. Says on stderr where the endpoint is. Destroy it before the context.
class ProgramTelemetry {
public:
    /// Throws Error or UsageError: a bad address, a port in use, no Prometheus in this build.
    ProgramTelemetry(Context& context, const TelemetryOptions& options, const std::string& program);
    ~ProgramTelemetry();

private:
    std::unique_ptr<TelemetryExporter> exporter_;
    std::unique_ptr<AgentRunner> thread_;
    std::unique_ptr<MetricsEndpoint> endpoint_;
};

}  // namespace tensorpool::apps
