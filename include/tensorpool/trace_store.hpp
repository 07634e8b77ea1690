// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/agent.hpp>
#include <tensorpool/context.hpp>
#include <tensorpool/trace.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Lineage in an SQLite file: written by a recorder and by integrators, asked by anybody (docs/tracing.md).
// Link with tensorpool::trace_store, which only exists where SQLite was found.
namespace tensorpool {

/// What `t_ns` of a frame is. The column `status`; everything but Ok came second best.
enum class TraceFrameStatus : std::uint8_t {
    Ok = 0,           ///< the slot's timestamp: when the frame was captured
    PublishTime = 1,  ///< the slot could not be read in time; the descriptor's publish time
    ReceiveTime = 2,  ///< neither: when the recorder got the descriptor
};

/// A published frame: one row of `frames`. Times are the producer's CLOCK_MONOTONIC.
struct TracedFrame {
    std::uint32_t stream_id = 0;
    std::uint64_t epoch = 0;
    std::uint64_t seq = 0;
    std::uint32_t stage_id = 0;  ///< the stage that produced it: its producer id; 0: not heard of yet
    std::uint64_t t_ns = 0;
    std::uint64_t trace_id = 0;
    TraceFrameStatus status = TraceFrameStatus::Ok;

    friend bool operator==(const TracedFrame&, const TracedFrame&) = default;
};

/// Who minted ids with a node id granted by the driver, and since when (TRACE-010).
struct TraceNode {
    std::uint32_t node_id = 0;
    std::uint32_t process_id = 0;  ///< client id of the lease: messages carry no operating-system pid
    std::uint64_t start_time = 0;  ///< nanoseconds since 1970

    friend bool operator==(const TraceNode&, const TraceNode&) = default;
};

struct TraceStoreOptions {
    std::string path;
    /// Rows kept while they cannot be written, for example on a full disk; more are dropped and counted.
    std::size_t max_pending_rows = std::size_t{1} << 20;
    std::uint32_t busy_timeout_ms = 5000;  ///< how long one writer waits for another
};

struct TraceStoreCounters {
    std::uint64_t rows_written = 0;  ///< rows that were not there yet
    std::uint64_t rows_known = 0;    ///< rows that were: the same again
    std::uint64_t rows_dropped = 0;  ///< beyond max_pending_rows
    std::uint64_t commits = 0;
    std::uint64_t commits_failed = 0;   ///< the rows are kept for the next one
    std::uint64_t windows_refused = 0;  ///< offer_window() found its queue full
};

/// What TraceStore::expand_windows() did.
struct TraceExpansion {
    std::uint64_t windows = 0;  ///< expanded now
    std::uint64_t waiting = 0;  ///< whose last frame is not recorded yet
    std::uint64_t links = 0;    ///< new ones
};

/// What TraceStore::prune() deletes. Trace ids say when they were minted (TRACE-005): what has an older one
/// goes, frames, links and windows alike, whatever they lead to.
struct TracePruning {
    std::int64_t before_unix_ms = 0;
    TraceIdLayout layout{};  ///< as the deployment's; with another one the wrong rows go
    /// Frames recorded without an id have nothing but their time on the producer's monotonic clock: those
    /// below the first go, and those above the second, which were recorded before the host was started last.
    std::uint64_t untraced_before_ns = 0;
    std::uint64_t untraced_after_ns = std::numeric_limits<std::uint64_t>::max();
    /// Give the space back to the file system. Rewrites the file: who writes into it waits meanwhile.
    bool vacuum = false;
};

/// What TraceStore::prune() did.
struct TracePruned {
    std::uint64_t frames = 0;
    std::uint64_t links = 0;
    std::uint64_t windows = 0;
    std::uint64_t nodes = 0;  ///< grants of node ids that ended before: another one followed
};

/// Writes lineage. Several processes may write one file. Not thread-safe but for offer_window().
///
/// add() only collects; commit() writes everything in one transaction. A process killed at any instruction
/// leaves a readable file with all its finished commits (write-ahead log).
class TraceStore {
public:
    /// Opens the file or makes it. Throws Error: no such directory, no permission, not a trace store, made by
    /// a newer version, or on a file system that cannot hold a write-ahead log.
    explicit TraceStore(TraceStoreOptions options);
    ~TraceStore();
    TraceStore(TraceStore&&) noexcept;
    TraceStore& operator=(TraceStore&&) = delete;
    TraceStore(const TraceStore&) = delete;
    TraceStore& operator=(const TraceStore&) = delete;

    void add(const TracedFrame& frame) noexcept;
    void add(const TraceWindow& window) noexcept;
    void add(const TraceNode& node) noexcept;
    /// One link. Zeros and a frame that is its own parent are left out.
    void add_link(std::uint64_t trace_id, std::uint64_t parent_trace_id) noexcept;
    /// From the per-frame thread of an integrator: hands a window to whoever calls commit(). One thread at a
    /// time; no lock, no allocation. False: the queue of 1024 is full, counted.
    bool offer_window(const TraceWindow& window) noexcept;

    /// Writes what was added (TRACE-032). False: it failed, last_error() says why, and the rows wait for the
    /// next commit.
    bool commit() noexcept;
    [[nodiscard]] std::size_t pending_rows() const noexcept;
    [[nodiscard]] const std::string& last_error() const noexcept;
    [[nodiscard]] const TraceStoreCounters& counters() const noexcept;

    /// Turns windows whose frames are recorded into links, in small transactions (TRACE-037): for a periodic
    /// job. `also_unfinished`: also windows whose last frame never came. Throws Error.
    TraceExpansion expand_windows(bool also_unfinished = false);

    /// Deletes what is old, in small transactions while others go on writing, and empties the write-ahead
    /// log. What was deleted makes room for new rows. Throws Error(InvalidArgument) for a time that no id of
    /// the layout can have, and what SQLite says.
    TracePruned prune(const TracePruning& what);

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

// ---- asking -----------------------------------------------------------------------------------------------

enum class LineageDirection : std::uint8_t { Parents, Children, Both };

struct LineageQuery {
    std::uint64_t trace_id = 0;
    LineageDirection direction = LineageDirection::Parents;
    std::uint32_t max_depth = 64;
    std::uint32_t max_ids = 10'000;  ///< a walk that meets more ends there
};

/// One trace id of a lineage.
struct LineageNode {
    std::uint64_t trace_id = 0;
    std::int32_t depth = 0;           ///< steps from the id asked for; parents below 0, children above
    std::vector<TracedFrame> frames;  ///< the frames that carry it, by time: a chain of 1->1 stages
    std::vector<std::uint64_t> parents;
    std::vector<std::uint64_t> children;
    /// Windows of this id that expand_windows() has not turned into links yet.
    std::vector<TraceWindow> open_windows;
};

struct Lineage {
    std::vector<LineageNode> nodes;  ///< breadth first, the id asked for first
    bool truncated = false;          ///< max_depth or max_ids ended the walk

    [[nodiscard]] const LineageNode* find(std::uint64_t trace_id) const noexcept;
};

/// Reads lineage, also while others write. Not thread-safe. Every member but the counters throws Error when
/// the file cannot be read.
class TraceReader {
public:
    explicit TraceReader(const std::string& path);
    ~TraceReader();
    TraceReader(const TraceReader&) = delete;
    TraceReader& operator=(const TraceReader&) = delete;

    /// The walk over links in both directions is bounded and ends on cycles, whatever the file holds.
    [[nodiscard]] Lineage lineage(const LineageQuery& query) const;
    /// The id of a frame; empty when it is not recorded.
    [[nodiscard]] std::optional<std::uint64_t> trace_of(std::uint32_t stream_id, std::uint64_t epoch,
                                                        std::uint64_t seq) const;
    /// The newest `count` frames, of one stream or (0) of all, newest first.
    [[nodiscard]] std::vector<TracedFrame> newest_frames(std::uint32_t stream_id, std::uint32_t count) const;
    [[nodiscard]] std::vector<TraceNode> nodes() const;

    struct Totals {
        std::uint64_t frames = 0;
        std::uint64_t links = 0;
        std::uint64_t windows = 0;
        std::uint64_t nodes = 0;
    };
    [[nodiscard]] Totals totals() const;

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

// ---- recording --------------------------------------------------------------------------------------------

struct TraceRecorderOptions {
    StreamEndpoints endpoints{};
    /// Directories header rings may be mapped from, for the frames' timestamps. Empty: none is mapped.
    std::vector<std::string> allowed_base_dirs{"/dev/shm"};
    Nanos batch_ns = 50 * kNanosPerMilli;  ///< from one commit to the next (TRACE-032)
    bool untraced = false;                 ///< also frames with id 0 (TRACE-033)
};

struct TraceRecorderCounters {
    std::uint64_t descriptors = 0;
    std::uint64_t frames_untraced = 0;  ///< id 0; recorded only when asked to
    std::uint64_t link_sets = 0;
    std::uint64_t links = 0;
    std::uint64_t nodes = 0;
    std::uint64_t messages_invalid = 0;
    std::uint64_t messages_lost_bytes =
        0;  ///< overwritten before they were read: frames or links are missing
    std::uint64_t slots_read = 0;
    std::uint64_t slots_missed = 0;  ///< not mapped, or reused before it was read
};

/// Listens to a deployment and keeps its lineage: descriptors, link sets (on the control and on the metadata
/// stream), node ids granted by the driver. It holds no lease and nobody waits for it.
///
/// Not thread-safe. A commit takes some milliseconds inside do_work(): give it a thread or process of its
/// own.
class TraceRecorder final : public Agent {
public:
    /// `store` must outlive it. Throws Error.
    TraceRecorder(Context& context, TraceStore& store, TraceRecorderOptions options);
    /// Commits what is left.
    ~TraceRecorder() override;

    int do_work(Nanos now_ns) noexcept override;
    [[nodiscard]] std::string_view role_name() const noexcept override { return "trace-recorder"; }
    [[nodiscard]] TraceRecorderCounters counters() const noexcept;

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tensorpool
