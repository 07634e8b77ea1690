// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/command_line.hpp"
#include "common/report.hpp"

#include <tensorpool/producer.hpp>
#include <tensorpool/trace.hpp>

#include <cstdint>
#include <memory>

namespace tensorpool::apps {

/// `--trace`, `--trace-node-id`, `--trace-every`: whether and how a program that makes frames gives them ids.
struct TraceOptions {
    bool enabled = false;
    std::uint32_t node_id = 0;
    std::uint32_t sample_every = 1;

    /// `group` names the section of the help page; empty: the default one.
    void add_to(const cli::Command& command, const std::string& group = "");
    /// nullptr without --trace. Throws UsageError when the frames of `standalone` would have no node id.
    [[nodiscard]] std::unique_ptr<Tracer> make_tracer(Context& context, std::uint32_t stream_id,
                                                      const StreamEndpoints& endpoints,
                                                      bool standalone) const;
};

/// Once per cycle: follows the producer's lease, sends links. No-op for nullptr.
void drive(Tracer* tracer, const Producer& producer, Nanos now_ns) noexcept;

/// Adds `traced` and `untraced` to a summary. No-op for nullptr.
void report_trace(Report& report, const Tracer* tracer);

}  // namespace tensorpool::apps
