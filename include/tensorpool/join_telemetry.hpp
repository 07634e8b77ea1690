// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/agent.hpp>
#include <tensorpool/context.hpp>
#include <tensorpool/join.hpp>
#include <tensorpool/merge_map_exchange.hpp>

#include <memory>
#include <string_view>

namespace tensorpool {

/// Publishes the counters of a barrier, which has no messaging of its own, so that `tp stats` and other
/// processes see them (OT-06). Not thread-safe: drive it on the barrier's thread.
class JoinTelemetry final : public Agent {
public:
    /// `context` and `barrier` must outlive it, and so must `maps`, which may be nullptr.
    JoinTelemetry(Context& context, const JoinBarrier& barrier, const MergeMapClient* maps = nullptr);
    ~JoinTelemetry() override;

    /// Stores what changed, at most once per millisecond. Returns 0: showing is no work.
    int do_work(Nanos now_ns) noexcept override;
    [[nodiscard]] std::string_view role_name() const noexcept override { return "join-telemetry"; }

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tensorpool
