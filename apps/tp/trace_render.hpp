// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/report.hpp"

#include <tensorpool/trace_store.hpp>

#include <string>

// A lineage for people, programs and Graphviz.
namespace tensorpool::apps {

[[nodiscard]] Report frame_report(const TracedFrame& frame);

/// `{"trace_id": N, "truncated": false, "nodes": [{trace_id, depth, minted_ms, node_id, frames, parents,
/// children}]}`, the id asked for first.
[[nodiscard]] Report lineage_report(const Lineage& lineage);

/// One branch per link; a trace that was shown before is named and not shown again.
[[nodiscard]] std::string lineage_tree(const Lineage& lineage, LineageDirection direction);

/// Links point from parent to child.
[[nodiscard]] std::string lineage_dot(const Lineage& lineage);

}  // namespace tensorpool::apps
