// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include <tensorpool/error.hpp>
#include <tensorpool/trace_store.hpp>

#include "base/log.hpp"
#include "base/spsc_queue.hpp"
#include "trace/store/database.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <limits>
#include <utility>

namespace tensorpool {
namespace {

using trace::Database;
using trace::Statement;
using trace::Transaction;

constexpr std::string_view kModule = "Trace";
constexpr std::size_t kOfferedWindows = 1024;
constexpr std::uint64_t kSeqsPerTransaction = 16384;  // of one window (TRACE-037)
constexpr std::int64_t kRowsPerDelete = 8192;         // as many, so that no writer waits for long

constexpr std::uint64_t kMostTime = std::numeric_limits<std::int64_t>::max();  // that SQLite compares

struct Link {
    std::uint64_t trace_id = 0;
    std::uint64_t parent_trace_id = 0;
};

}  // namespace

class TraceStore::Impl {
public:
    explicit Impl(TraceStoreOptions options)
        : opts(std::move(options)),
          database_(opts.path, Database::Mode::Write, opts.busy_timeout_ms),
          insert_frame_(database_.prepare("INSERT OR IGNORE INTO frames VALUES(?1,?2,?3,?4,?5,?6,?7)")),
          insert_link_(database_.prepare("INSERT OR IGNORE INTO trace_links VALUES(?1,?2)")),
          insert_window_(
              database_.prepare("INSERT OR IGNORE INTO trace_windows VALUES(?1,?2,?3,?4,?5,?6,?7)")),
          insert_node_(database_.prepare("INSERT OR IGNORE INTO trace_nodes VALUES(?1,?2,?3)")) {}

    template <typename Row>
    void add(std::vector<Row>& rows, const Row& row) noexcept {
        if (pending() >= opts.max_pending_rows) {
            ++counters.rows_dropped;
            return;
        }
        try {
            rows.push_back(row);
        } catch (const std::bad_alloc&) {
            ++counters.rows_dropped;
        }
    }

    [[nodiscard]] std::size_t pending() const noexcept {
        return frames.size() + links.size() + windows.size() + nodes.size();
    }

    bool commit() noexcept {
        TraceWindow offered;
        while (offered_.pop(offered)) add(windows, offered);
        if (pending() == 0) return true;
        try {
            const std::uint64_t before = database_.rows_changed();
            write();
            const std::uint64_t written = database_.rows_changed() - before;
            counters.rows_written += written;
            counters.rows_known += pending() - std::min<std::uint64_t>(pending(), written);
            ++counters.commits;
            frames.clear();
            links.clear();
            windows.clear();
            nodes.clear();
            last_error.clear();
            return true;
        } catch (const std::exception& error) {
            ++counters.commits_failed;
            note(error.what());
        }
        return false;
    }

    TraceExpansion expand_windows(bool also_unfinished);
    TracePruned prune(const TracePruning& what);

    bool offer(const TraceWindow& window) noexcept {
        if (offered_.push(window)) return true;
        windows_refused_.fetch_add(1, std::memory_order_relaxed);
        return false;
    }

    const TraceStoreCounters& read_counters() noexcept {
        counters.windows_refused = windows_refused_.load(std::memory_order_relaxed);
        return counters;
    }

    const TraceStoreOptions opts;
    TraceStoreCounters counters;
    std::string last_error;
    std::vector<TracedFrame> frames;
    std::vector<Link> links;
    std::vector<TraceWindow> windows;
    std::vector<TraceNode> nodes;

private:
    void write() {
        Transaction transaction(database_);
        for (const TracedFrame& f : frames) {
            insert_frame_
                .bind(f.stream_id, f.epoch, f.seq, f.stage_id, f.t_ns, f.trace_id, static_cast<int>(f.status))
                .run();
        }
        for (const Link& link : links) insert_link_.bind(link.trace_id, link.parent_trace_id).run();
        for (const TraceWindow& w : windows) {
            insert_window_
                .bind(w.trace_id, w.in_stream_id, w.epoch, w.seq_start, w.seq_end, w.t_start_ns, w.t_end_ns)
                .run();
        }
        for (const TraceNode& n : nodes) insert_node_.bind(n.node_id, n.process_id, n.start_time).run();
        transaction.commit();
    }

    void note(const char* why) noexcept {
        try {
            if (last_error == why) return;  // said already
            last_error = why;
            base::log(LogLevel::Error, kModule, "{}", last_error);
        } catch (...) {  // out of memory: the counter still tells
        }
    }

    [[nodiscard]] std::vector<TraceWindow> unexpanded() const;
    [[nodiscard]] bool is_recorded(const TraceWindow& window) const;
    std::uint64_t expand(const TraceWindow& window) const;
    /// Runs a DELETE that takes at most kRowsPerDelete rows until it finds none; how many it deleted.
    template <typename... Values>
    std::uint64_t delete_all(std::string_view sql, const Values&... values) const;

    Database database_;
    Statement insert_frame_;
    Statement insert_link_;
    Statement insert_window_;
    Statement insert_node_;
    base::SpscQueue<TraceWindow> offered_{kOfferedWindows};
    std::atomic<std::uint64_t> windows_refused_{0};
};

// ---- windows ----------------------------------------------------------------------------------------------

std::vector<TraceWindow> TraceStore::Impl::unexpanded() const {
    Statement select = database_.prepare(
        "SELECT trace_id, in_stream_id, epoch, seq_start, seq_end, t_start_ns, t_end_ns FROM trace_windows w "
        "WHERE NOT EXISTS(SELECT 1 FROM trace_windows_expanded e "
        "WHERE e.trace_id = w.trace_id AND e.in_stream_id = w.in_stream_id)");
    std::vector<TraceWindow> found;
    while (select.step()) {
        found.push_back({select.u64(0), select.u32(1), select.u64(2), select.nullable_u64(3),
                         select.nullable_u64(4), select.nullable_u64(5), select.nullable_u64(6)});
    }
    return found;
}

/// Whether the recorder has passed the window's end.
bool TraceStore::Impl::is_recorded(const TraceWindow& window) const {
    Statement select = database_.prepare(
        "SELECT EXISTS(SELECT 1 FROM frames WHERE stream_id = ?1 AND epoch > ?2) OR "
        "EXISTS(SELECT 1 FROM frames WHERE stream_id = ?1 AND epoch = ?2 AND (seq >= ?3 OR t_ns >= ?4))");
    select.bind(window.in_stream_id, window.epoch, window.seq_end, window.t_end_ns);
    return select.step() && select.u64(0) != 0;
}

std::uint64_t TraceStore::Impl::expand(const TraceWindow& window) const {
    // The seq range is walked piece by piece, so that no transaction holds up the recorder for long.
    Statement bounds = database_.prepare(
        "SELECT min(seq), max(seq) FROM frames WHERE stream_id = ?1 AND epoch = ?2 AND trace_id <> 0 AND "
        "seq >= coalesce(?3, -9223372036854775808) AND seq <= coalesce(?4, 9223372036854775807) AND "
        "t_ns >= coalesce(?5, t_ns) AND t_ns <= coalesce(?6, t_ns)");
    bounds.bind(window.in_stream_id, window.epoch, window.seq_start, window.seq_end, window.t_start_ns,
                window.t_end_ns);
    std::optional<std::uint64_t> at;
    std::uint64_t end = 0;
    if (bounds.step()) {
        at = bounds.nullable_u64(0);
        end = bounds.u64(1);
    }
    bounds.reset();

    Statement link = database_.prepare(
        "INSERT OR IGNORE INTO trace_links SELECT DISTINCT ?1, trace_id FROM frames "
        "WHERE stream_id = ?2 AND epoch = ?3 AND seq >= ?4 AND seq <= ?5 AND "
        "t_ns >= coalesce(?6, t_ns) AND t_ns <= coalesce(?7, t_ns) AND trace_id <> 0 AND trace_id <> ?1");
    const std::uint64_t before = database_.rows_changed();
    while (at && *at <= end) {
        const std::uint64_t last = end - *at < kSeqsPerTransaction ? end : *at + kSeqsPerTransaction - 1;
        Transaction transaction(database_);
        link.bind(window.trace_id, window.in_stream_id, window.epoch, *at, last, window.t_start_ns,
                  window.t_end_ns)
            .run();
        transaction.commit();
        if (last == end) break;
        at = last + 1;
    }
    const std::uint64_t made = database_.rows_changed() - before;
    Statement done = database_.prepare("INSERT OR IGNORE INTO trace_windows_expanded VALUES(?1,?2)");
    done.bind(window.trace_id, window.in_stream_id).run();
    return made;
}

TraceExpansion TraceStore::Impl::expand_windows(bool also_unfinished) {
    TraceExpansion done;
    for (const TraceWindow& window : unexpanded()) {
        if (!also_unfinished && !is_recorded(window)) {
            ++done.waiting;
            continue;
        }
        done.links += expand(window);
        ++done.windows;
    }
    return done;
}

// ---- pruning ----------------------------------------------------------------------------------------------

template <typename... Values>
std::uint64_t TraceStore::Impl::delete_all(std::string_view sql, const Values&... values) const {
    Statement statement = database_.prepare(sql);
    std::uint64_t deleted = 0;
    while (true) {
        const std::uint64_t before = database_.rows_changed();
        Transaction transaction(database_);
        statement.bind(kRowsPerDelete, values...).run();
        transaction.commit();
        const std::uint64_t now = database_.rows_changed() - before;
        deleted += now;
        if (now < static_cast<std::uint64_t>(kRowsPerDelete)) return deleted;
    }
}

TracePruned TraceStore::Impl::prune(const TracePruning& what) {
    const TraceIdLayout& layout = what.layout;
    const std::uint32_t shift = layout.node_id_bits + layout.sequence_bits;
    const std::int64_t ms = what.before_unix_ms - layout.timestamp_offset_ms;
    if (shift > 22 || ms < 0 || ms > std::numeric_limits<std::int64_t>::max() >> shift) {
        throw Error(ErrorCode::InvalidArgument,
                    fmt::format("{}: {} ms since 1970 is no time that a trace id of {} + {} bits can have",
                                opts.path, what.before_unix_ms, layout.node_id_bits, layout.sequence_bits));
    }
    const std::int64_t first_kept = ms << shift;
    TracePruned done;
    done.frames = delete_all(
        "DELETE FROM frames WHERE (stream_id, epoch, seq) IN (SELECT stream_id, epoch, seq FROM frames "
        "WHERE trace_id > 0 AND trace_id < ?2 LIMIT ?1)",
        first_kept);
    done.frames += delete_all(
        "DELETE FROM frames WHERE (stream_id, epoch, seq) IN (SELECT stream_id, epoch, seq FROM frames "
        "WHERE trace_id = 0 AND (t_ns < ?2 OR t_ns > ?3) LIMIT ?1)",
        std::min<std::uint64_t>(what.untraced_before_ns, kMostTime),
        std::min<std::uint64_t>(what.untraced_after_ns, kMostTime));
    done.links = delete_all(
        "DELETE FROM trace_links WHERE (trace_id, parent_trace_id) IN (SELECT trace_id, parent_trace_id "
        "FROM trace_links WHERE trace_id > 0 AND trace_id < ?2 LIMIT ?1)",
        first_kept);
    done.windows = delete_all(
        "DELETE FROM trace_windows WHERE (trace_id, in_stream_id) IN (SELECT trace_id, in_stream_id "
        "FROM trace_windows WHERE trace_id > 0 AND trace_id < ?2 LIMIT ?1)",
        first_kept);
    delete_all(
        "DELETE FROM trace_windows_expanded WHERE (trace_id, in_stream_id) IN (SELECT trace_id, in_stream_id "
        "FROM trace_windows_expanded WHERE trace_id > 0 AND trace_id < ?2 LIMIT ?1)",
        first_kept);
    done.nodes = delete_all(
        "DELETE FROM trace_nodes WHERE (node_id, process_id, start_time) IN (SELECT n.node_id, n.process_id, "
        "n.start_time FROM trace_nodes n WHERE EXISTS(SELECT 1 FROM trace_nodes m WHERE m.node_id = "
        "n.node_id "
        "AND m.start_time > n.start_time AND m.start_time < ?2) LIMIT ?1)",
        what.before_unix_ms <= std::numeric_limits<std::int64_t>::max() / kNanosPerMilli
            ? what.before_unix_ms * kNanosPerMilli
            : std::numeric_limits<std::int64_t>::max());
    if (what.vacuum) database_.execute("VACUUM");
    // As far as readers allow; what they still look at stays in the log until the next time.
    Statement checkpoint = database_.prepare("PRAGMA wal_checkpoint(TRUNCATE)");
    checkpoint.run();
    return done;
}

// ---- the interface ----------------------------------------------------------------------------------------

TraceStore::TraceStore(TraceStoreOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {
}
TraceStore::~TraceStore() = default;
TraceStore::TraceStore(TraceStore&&) noexcept = default;

void TraceStore::add(const TracedFrame& frame) noexcept {
    impl_->add(impl_->frames, frame);
}
void TraceStore::add(const TraceWindow& window) noexcept {
    impl_->add(impl_->windows, window);
}
void TraceStore::add(const TraceNode& node) noexcept {
    impl_->add(impl_->nodes, node);
}
void TraceStore::add_link(std::uint64_t trace_id, std::uint64_t parent_trace_id) noexcept {
    if (trace_id == 0 || parent_trace_id == 0 || trace_id == parent_trace_id) return;
    impl_->add(impl_->links, Link{trace_id, parent_trace_id});
}
bool TraceStore::offer_window(const TraceWindow& window) noexcept {
    return impl_->offer(window);
}
bool TraceStore::commit() noexcept {
    return impl_->commit();
}
std::size_t TraceStore::pending_rows() const noexcept {
    return impl_->pending();
}
const std::string& TraceStore::last_error() const noexcept {
    return impl_->last_error;
}
const TraceStoreCounters& TraceStore::counters() const noexcept {
    return impl_->read_counters();
}
TracePruned TraceStore::prune(const TracePruning& what) {
    return impl_->prune(what);
}
TraceExpansion TraceStore::expand_windows(bool also_unfinished) {
    return impl_->expand_windows(also_unfinished);
}

}  // namespace tensorpool
