// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/program.hpp"

// One function per subcommand family of `tp`, each in a file of its own.
namespace tensorpool::apps {

void add_driver_command(const cli::Command& app, Selection& selection);
/// driver-attach, driver-keepalive, driver-detach.
void add_lease_commands(const cli::Command& app, Selection& selection);
/// driver-config-validate, driver-config-dump.
void add_driver_config_commands(const cli::Command& app, Selection& selection);
void add_supervisor_command(const cli::Command& app, Selection& selection);
void add_join_command(const cli::Command& app, Selection& selection);
void add_bridge_command(const cli::Command& app, Selection& selection);
/// Runs a discovery provider.
void add_discovery_command(const cli::Command& app, Selection& selection);
/// discovery-list, discovery-query (discover).
void add_discover_commands(const cli::Command& app, Selection& selection);
void add_rate_limiter_command(const cli::Command& app, Selection& selection);
void add_ls_command(const cli::Command& app, Selection& selection);
void add_consume_command(const cli::Command& app, Selection& selection);
void add_produce_command(const cli::Command& app, Selection& selection);
/// listen, and announce-, control-, descriptor-, qos-listen.
void add_listen_commands(const cli::Command& app, Selection& selection);
/// stats, driver-counters, bridge-status.
void add_stats_commands(const cli::Command& app, Selection& selection);
void add_top_command(const cli::Command& app, Selection& selection);
/// metadata-listen, metadata-dump.
void add_metadata_commands(const cli::Command& app, Selection& selection);
void add_send_consumer_config_command(const cli::Command& app, Selection& selection);
void add_shm_create_command(const cli::Command& app, Selection& selection);
/// trace record, lineage, frames, expand; an explanation in a build without SQLite.
void add_trace_commands(const cli::Command& app, Selection& selection);
/// driver-status, driver-list-leases, driver-list-streams: an explanation.
void add_driver_status_commands(const cli::Command& app, Selection& selection);
/// completion, man: for shells and packages.
void add_self_description_commands(const cli::Command& app, Selection& selection);
/// `inspect validate-uri` and its siblings, also under their bare names.
void add_inspect_commands(const cli::Command& app, Selection& selection);

}  // namespace tensorpool::apps
