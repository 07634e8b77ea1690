// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include <tensorpool/trace_store.hpp>

#include "trace/store/database.hpp"

#include <algorithm>
#include <limits>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace tensorpool {
namespace {

using trace::Database;
using trace::Statement;

constexpr std::uint32_t kReaderPatienceMs = 5000;
// UNION drops what was met before, so the walk ends on cycles too; SQLite walks breadth first (TRACE-035).
constexpr std::string_view kWalkParents =
    "WITH RECURSIVE walk(id) AS (VALUES(?1) UNION SELECT l.parent_trace_id FROM walk "
    "JOIN trace_links l ON l.trace_id = walk.id LIMIT ?2) SELECT id FROM walk";
constexpr std::string_view kWalkChildren =
    "WITH RECURSIVE walk(id) AS (VALUES(?1) UNION SELECT l.trace_id FROM walk "
    "JOIN trace_links l ON l.parent_trace_id = walk.id LIMIT ?2) SELECT id FROM walk";
constexpr std::string_view kFrameColumns =
    "SELECT stream_id, epoch, seq, stage_id, t_ns, trace_id, status FROM frames ";

TracedFrame frame_of(const Statement& row) noexcept {
    TracedFrame frame;
    frame.stream_id = row.u32(0);
    frame.epoch = row.u64(1);
    frame.seq = row.u64(2);
    frame.stage_id = row.u32(3);
    frame.t_ns = row.u64(4);
    frame.trace_id = row.u64(5);
    const std::uint64_t status = row.u64(6);
    frame.status = status <= 2 ? static_cast<TraceFrameStatus>(status) : TraceFrameStatus::ReceiveTime;
    return frame;
}

std::string with(std::string_view begin, std::string_view end) {
    return std::string(begin) + std::string(end);
}

}  // namespace

const LineageNode* Lineage::find(std::uint64_t trace_id) const noexcept {
    const auto found = std::find_if(nodes.begin(), nodes.end(),
                                    [&](const LineageNode& node) { return node.trace_id == trace_id; });
    return found == nodes.end() ? nullptr : &*found;
}

class TraceReader::Impl {
public:
    explicit Impl(const std::string& path)
        : database_(path, Database::Mode::Read, kReaderPatienceMs),
          walk_parents_(database_.prepare(kWalkParents)),
          walk_children_(database_.prepare(kWalkChildren)),
          frames_(database_.prepare(
              with(kFrameColumns, "WHERE trace_id = ?1 ORDER BY t_ns, stream_id, epoch, seq LIMIT ?2"))),
          parents_(database_.prepare("SELECT parent_trace_id FROM trace_links WHERE trace_id = ?1 LIMIT ?2")),
          children_(
              database_.prepare("SELECT trace_id FROM trace_links WHERE parent_trace_id = ?1 LIMIT ?2")),
          windows_(database_.prepare(
              "SELECT in_stream_id, epoch, seq_start, seq_end, t_start_ns, t_end_ns FROM trace_windows w "
              "WHERE trace_id = ?1 AND NOT EXISTS(SELECT 1 FROM trace_windows_expanded e "
              "WHERE e.trace_id = w.trace_id AND e.in_stream_id = w.in_stream_id)")) {}

    Lineage lineage(const LineageQuery& query) {
        Lineage lineage;
        lineage.nodes.push_back(node_of(query, query.trace_id, 0));
        std::unordered_set<std::uint64_t> met{query.trace_id};
        if (query.direction != LineageDirection::Children) walk(query, walk_parents_, -1, lineage, met);
        if (query.direction != LineageDirection::Parents) walk(query, walk_children_, 1, lineage, met);
        return lineage;
    }

    std::optional<std::uint64_t> trace_of(std::uint32_t stream_id, std::uint64_t epoch, std::uint64_t seq) {
        Statement select =
            database_.prepare("SELECT trace_id FROM frames WHERE stream_id = ?1 AND epoch = ?2 AND seq = ?3");
        select.bind(stream_id, epoch, seq);
        return select.step() ? std::optional(select.u64(0)) : std::nullopt;
    }

    std::vector<TracedFrame> newest_frames(std::uint32_t stream_id, std::uint32_t count) {
        // Of one stream by its primary key; of all by the id, which embeds the time it was minted at.
        Statement select =
            stream_id != 0
                ? database_.prepare(
                      with(kFrameColumns, "WHERE stream_id = ?1 ORDER BY epoch DESC, seq DESC LIMIT ?2"))
                : database_.prepare(
                      with(kFrameColumns, "WHERE ?1 = 0 ORDER BY trace_id DESC, t_ns DESC LIMIT ?2"));
        select.bind(stream_id, count);
        std::vector<TracedFrame> found;
        while (select.step()) found.push_back(frame_of(select));
        return found;
    }

    std::vector<TraceNode> nodes() {
        Statement select =
            database_.prepare("SELECT node_id, process_id, start_time FROM trace_nodes ORDER BY start_time");
        std::vector<TraceNode> found;
        while (select.step()) found.push_back({select.u32(0), select.u32(1), select.u64(2)});
        return found;
    }

    Totals totals() {
        const auto count = [this](const char* sql) {
            Statement select = database_.prepare(sql);
            return select.step() ? select.u64(0) : 0;
        };
        return {count("SELECT count(*) FROM frames"), count("SELECT count(*) FROM trace_links"),
                count("SELECT count(*) FROM trace_windows"), count("SELECT count(*) FROM trace_nodes")};
    }

private:
    /// One direction. Depths follow from the order of the walk: a node's first neighbour that was met before
    /// it is one step nearer.
    void walk(const LineageQuery& query, Statement& statement, std::int32_t step, Lineage& lineage,
              std::unordered_set<std::uint64_t>& met) {
        std::vector<std::uint64_t> order;
        statement.bind(query.trace_id, std::uint64_t{query.max_ids} + 1);
        while (statement.step()) order.push_back(statement.u64(0));
        if (order.size() > query.max_ids) {
            lineage.truncated = true;
            order.resize(std::max<std::size_t>(query.max_ids, 1));
        }
        std::unordered_map<std::uint64_t, std::int32_t> depth{{query.trace_id, 0}};
        for (const std::uint64_t id : order) {
            const auto at = depth.find(id);
            if (at == depth.end()) continue;  // behind something that was left out
            const std::int32_t here = at->second;
            LineageNode node = node_of(query, id, here * step);
            for (const std::uint64_t next : step < 0 ? node.parents : node.children) {
                if (static_cast<std::uint32_t>(here) < query.max_depth) {
                    depth.emplace(next, here + 1);
                } else if (depth.find(next) == depth.end()) {
                    lineage.truncated = true;
                }
            }
            if (met.insert(id).second) lineage.nodes.push_back(std::move(node));
        }
    }

    LineageNode node_of(const LineageQuery& query, std::uint64_t id, std::int32_t depth) {
        LineageNode node;
        node.trace_id = id;
        node.depth = depth;
        frames_.bind(id, query.max_ids);
        while (frames_.step()) node.frames.push_back(frame_of(frames_));
        parents_.bind(id, query.max_ids);
        while (parents_.step()) node.parents.push_back(parents_.u64(0));
        children_.bind(id, query.max_ids);
        while (children_.step()) node.children.push_back(children_.u64(0));
        windows_.bind(id);
        while (windows_.step()) {
            node.open_windows.push_back({id, windows_.u32(0), windows_.u64(1), windows_.nullable_u64(2),
                                         windows_.nullable_u64(3), windows_.nullable_u64(4),
                                         windows_.nullable_u64(5)});
        }
        return node;
    }

    Database database_;
    Statement walk_parents_;
    Statement walk_children_;
    Statement frames_;
    Statement parents_;
    Statement children_;
    Statement windows_;
};

TraceReader::TraceReader(const std::string& path) : impl_(std::make_unique<Impl>(path)) {
}
TraceReader::~TraceReader() = default;

Lineage TraceReader::lineage(const LineageQuery& query) const {
    return impl_->lineage(query);
}
std::optional<std::uint64_t> TraceReader::trace_of(std::uint32_t stream_id, std::uint64_t epoch,
                                                   std::uint64_t seq) const {
    return impl_->trace_of(stream_id, epoch, seq);
}
std::vector<TracedFrame> TraceReader::newest_frames(std::uint32_t stream_id, std::uint32_t count) const {
    return impl_->newest_frames(stream_id, count);
}
std::vector<TraceNode> TraceReader::nodes() const {
    return impl_->nodes();
}
TraceReader::Totals TraceReader::totals() const {
    return impl_->totals();
}

}  // namespace tensorpool
