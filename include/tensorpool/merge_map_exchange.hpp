// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/agent.hpp>
#include <tensorpool/context.hpp>
#include <tensorpool/join.hpp>
#include <tensorpool/merge_map.hpp>

#include <cstdint>
#include <memory>
#include <string_view>

// How merge maps travel, on the control stream (join.md section 2.5): whoever owns an output stream publishes
// its map, stages that join for it listen and ask.
namespace tensorpool {

// ---- the authority's side ---------------------------------------------------------------------------------

struct MergeMapPublisherOptions {
    StreamEndpoints endpoints{};
    /// Every map is repeated at this period, so that late joiners are served within one (JOIN-072).
    Nanos period_ns = kNanosPerSecond;
};

struct MergeMapPublisherCounters {
    std::uint64_t announces_published = 0;
    std::uint64_t requests_received = 0;
    std::uint64_t requests_unknown = 0;  ///< for an output or epoch that has no map here: ignored (JT-20)
    std::uint64_t send_failures = 0;     ///< other than "nobody listens"; tried again in the next cycle
    std::uint64_t messages_invalid = 0;
};

/// Announces merge maps and answers requests for them. Not thread-safe.
class MergeMapPublisher final : public Agent {
public:
    /// Throws Error.
    explicit MergeMapPublisher(Context& context, MergeMapPublisherOptions options = {});
    ~MergeMapPublisher() override;

    /// Publishes the map from the next cycle on. It takes the place of the one of its kind and output, also
    /// of another epoch: one output has one current epoch. Throws Error(InvalidArgument) for what fault_of()
    /// says, and Error(NoSpace) when it does not fit one message.
    void publish(const MergeMap& map);
    /// Stops announcing; false when there was none.
    bool withdraw(MergeMapKind kind, std::uint32_t out_stream_id) noexcept;

    [[nodiscard]] const MergeMapPublisherCounters& counters() const noexcept;

    int do_work(Nanos now_ns) noexcept override;
    [[nodiscard]] std::string_view role_name() const noexcept override { return "merge-map-publisher"; }

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

// ---- the stage's side -------------------------------------------------------------------------------------

struct MergeMapClientOptions {
    StreamEndpoints endpoints{};
    /// Between two requests while the barrier has no map (JT-20).
    Nanos request_period_ns = kNanosPerSecond;
};

struct MergeMapClientCounters {
    std::uint64_t announces_received = 0;  ///< of any output and kind
    std::uint64_t requests_sent = 0;
    std::uint64_t send_failures = 0;
    std::uint64_t messages_invalid = 0;
};

/// Keeps one barrier supplied: applies the maps that are announced, asks for one while there is none, and
/// passes on the clock domains that input streams announce (JT-16). Not thread-safe: drive it on the
/// barrier's thread.
class MergeMapClient final : public Agent {
public:
    /// `barrier` must outlive the client. Throws Error.
    MergeMapClient(Context& context, JoinBarrier& barrier, MergeMapClientOptions options = {});
    ~MergeMapClient() override;

    [[nodiscard]] const MergeMapClientCounters& counters() const noexcept;

    int do_work(Nanos now_ns) noexcept override;
    [[nodiscard]] std::string_view role_name() const noexcept override { return "merge-map-client"; }

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tensorpool
