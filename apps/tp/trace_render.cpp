// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "tp/trace_render.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace tensorpool::apps {
namespace {

constexpr std::int64_t kMsPerSecond = 1000;

const char* status_name(TraceFrameStatus status) noexcept {
    switch (status) {
        case TraceFrameStatus::Ok:
            return "ok";
        case TraceFrameStatus::PublishTime:
            return "publish_time";
        case TraceFrameStatus::ReceiveTime:
            return "receive_time";
    }
    return "unknown";
}

/// 2026-01-31T12:00:00.123Z
std::string utc(std::int64_t unix_ms) {
    const auto seconds = static_cast<std::time_t>(unix_ms / kMsPerSecond);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                       parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, unix_ms % kMsPerSecond);
}

std::string title_of(std::uint64_t trace_id) {
    const TraceIdParts parts = trace_id_parts(trace_id);
    return fmt::format("{}  minted {} by node {}", trace_id, utc(parts.unix_ms), parts.node_id);
}

std::string line_of(const TracedFrame& frame) {
    return fmt::format(
        "stream {} epoch {} seq {}  t_ns {}{}", frame.stream_id, frame.epoch, frame.seq, frame.t_ns,
        frame.status == TraceFrameStatus::Ok ? "" : fmt::format(" ({})", status_name(frame.status)));
}

using Index = std::unordered_map<std::uint64_t, const LineageNode*>;

Index index_of(const Lineage& lineage) {
    Index index;
    for (const LineageNode& node : lineage.nodes) index.emplace(node.trace_id, &node);
    return index;
}

/// Draws without recursion: how deep a file's links go is up to whoever wrote it.
class Tree {
public:
    Tree(const Lineage& lineage, bool parents) : index_(index_of(lineage)), parents_(parents) {}

    std::string draw(std::uint64_t root) {
        std::vector<Branch> stack{{root, "", "", true}};
        while (!stack.empty()) {
            const Branch branch = std::move(stack.back());
            stack.pop_back();
            const LineageNode* const node = draw_node(branch);
            if (node == nullptr) continue;
            const auto& next = parents_ ? node->parents : node->children;
            for (std::size_t i = next.size(); i-- > 0;) {  // the first is drawn first
                const bool last = i + 1 == next.size();
                stack.push_back({next[i], branch.below + (last ? "└── " : "├── "),
                                 branch.below + (last ? "    " : "│   "), false});
            }
        }
        return std::move(text_);
    }

private:
    struct Branch {
        std::uint64_t trace_id;
        std::string head;   // before the title
        std::string below;  // before every later line
        bool root;
    };

    /// The node, or nullptr when nothing is to be drawn below it.
    const LineageNode* draw_node(const Branch& branch) {
        const auto found = index_.find(branch.trace_id);
        const bool shown = !shown_.insert(branch.trace_id).second;
        text_ += branch.head + title_of(branch.trace_id);
        if (found == index_.end() || shown) {
            text_ += shown ? "  (see above)\n" : "  (not followed)\n";
            return nullptr;
        }
        text_ += '\n';
        const LineageNode& node = *found->second;
        const auto& next = parents_ ? node.parents : node.children;
        const std::string margin = branch.below + (next.empty() ? "  " : "│ ");
        for (const TracedFrame& frame : node.frames) text_ += margin + line_of(frame) + '\n';
        if (node.frames.empty()) text_ += margin + "(none of its frames is recorded)\n";
        return &node;
    }

    Index index_;
    bool parents_;
    std::unordered_set<std::uint64_t> shown_;
    std::string text_;
};

template <typename T>
Report or_null(const std::optional<T>& value) {
    return value ? Report(*value) : Report(nullptr);
}

}  // namespace

Report frame_report(const TracedFrame& frame) {
    return {{"stream_id", frame.stream_id},       {"epoch", frame.epoch}, {"seq", frame.seq},
            {"stage_id", frame.stage_id},         {"t_ns", frame.t_ns},   {"trace_id", frame.trace_id},
            {"status", status_name(frame.status)}};
}

Report lineage_report(const Lineage& lineage) {
    Report nodes = Report::array();
    for (const LineageNode& node : lineage.nodes) {
        Report frames = Report::array();
        for (const TracedFrame& frame : node.frames) frames.push_back(frame_report(frame));
        Report windows = Report::array();
        for (const TraceWindow& w : node.open_windows) {
            windows.push_back({{"in_stream_id", w.in_stream_id},
                               {"epoch", w.epoch},
                               {"seq_start", or_null(w.seq_start)},
                               {"seq_end", or_null(w.seq_end)},
                               {"t_start_ns", or_null(w.t_start_ns)},
                               {"t_end_ns", or_null(w.t_end_ns)}});
        }
        const TraceIdParts parts = trace_id_parts(node.trace_id);
        nodes.push_back({{"trace_id", node.trace_id},
                         {"depth", node.depth},
                         {"minted_ms", parts.unix_ms},
                         {"node_id", parts.node_id},
                         {"frames", std::move(frames)},
                         {"parents", node.parents},
                         {"children", node.children},
                         {"open_windows", std::move(windows)}});
    }
    return {{"trace_id", lineage.nodes.front().trace_id},
            {"truncated", lineage.truncated},
            {"nodes", std::move(nodes)}};
}

std::string lineage_tree(const Lineage& lineage, LineageDirection direction) {
    const std::uint64_t root = lineage.nodes.front().trace_id;
    if (direction != LineageDirection::Both)
        return Tree(lineage, direction == LineageDirection::Parents).draw(root);
    return "parents\n" + Tree(lineage, true).draw(root) + "children\n" + Tree(lineage, false).draw(root);
}

std::string lineage_dot(const Lineage& lineage) {
    std::string text = "digraph lineage {\n  rankdir=LR;\n  node [shape=box];\n";
    for (const LineageNode& node : lineage.nodes) {
        std::string label = fmt::format("{}", node.trace_id);
        for (const TracedFrame& frame : node.frames)
            label += fmt::format("\\nstream {} seq {}", frame.stream_id, frame.seq);
        text += fmt::format("  \"{}\" [label=\"{}\"{}];\n", node.trace_id, label,
                            node.depth == 0 ? ", style=bold" : "");
    }
    const Index index = index_of(lineage);
    for (const LineageNode& node : lineage.nodes) {
        for (const std::uint64_t parent : node.parents) {
            if (index.count(parent) != 0) text += fmt::format("  \"{}\" -> \"{}\";\n", parent, node.trace_id);
        }
    }
    return text + "}\n";
}

}  // namespace tensorpool::apps
