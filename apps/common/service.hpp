// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/messaging_options.hpp"
#include "common/program.hpp"
#include "common/telemetry_options.hpp"

#include <tensorpool/driver_config.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace tensorpool::apps {

/// A program that serves until a signal ends it, by one configuration file.
struct ServiceOptions {
    std::string config;
    MessagingOptions messaging;
    TelemetryOptions telemetry;
    double duration_s = 0;
    double interval_s = 1;  ///< between two reports; 0: only at the end

    /// `config_help` says which file it is.
    void add_to(const cli::Command& command, const std::string& config_help);
    /// What command line and environment make of the file's messaging.
    [[nodiscard]] ContextOptions context_options(const ContextOptions& of_file) const;
};

void print_warnings(std::string_view program, const std::vector<ConfigProblem>& warnings);

/// Drives `role` until it is time to stop; `print("interval")` in between and `print("summary")` at the end.
template <typename Role, typename Print>
void serve(const Context& context, const ServiceOptions& options, Role& role, Print print) {
    constexpr Nanos kLongestWait = 20 * kNanosPerMilli;
    const Nanos end = deadline_after(options.duration_s);
    const auto interval = static_cast<Nanos>(options.interval_s * static_cast<double>(kNanosPerSecond));
    Nanos next_print = context.clock().now_ns() + interval;
    while (!stop_requested()) {
        const Nanos now = context.clock().now_ns();
        if (now >= end) break;
        const int work = role.do_work(now);
        if (interval > 0 && now >= next_print) {
            next_print = now + interval;
            print("interval");
        }
        if (work == 0) role.wait(kLongestWait);
    }
    print("summary");
}

}  // namespace tensorpool::apps
