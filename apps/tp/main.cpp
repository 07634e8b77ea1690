// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "tp/commands.hpp"

#include <tensorpool/version.hpp>

int main(int argc, char** argv) {
    using namespace tensorpool::apps;
    cli::Program app(
        "Shared-memory tensor streams: run the driver, watch streams, look into shared memory.\n"
        "Example: tp driver config/driver.toml",
        "tp", "tp " TENSORPOOL_VERSION);
    app.require_subcommand();
    app.set_help_all_flag("--help-all", "help of every subcommand");
    Selection selection;
    add_driver_command(app, selection);
    add_supervisor_command(app, selection);
    add_bridge_command(app, selection);
    add_discovery_command(app, selection);
    add_rate_limiter_command(app, selection);
    add_produce_command(app, selection);
    add_consume_command(app, selection);
    add_join_command(app, selection);
    add_ls_command(app, selection);
    add_stats_commands(app, selection);
    add_top_command(app, selection);
    add_discover_commands(app, selection);
    add_listen_commands(app, selection);
    add_metadata_commands(app, selection);
    add_inspect_commands(app, selection);
    add_trace_commands(app, selection);
    add_shm_create_command(app, selection);
    add_lease_commands(app, selection);
    add_send_consumer_config_command(app, selection);
    add_driver_status_commands(app, selection);
    add_driver_config_commands(app, selection);
    add_self_description_commands(app, selection);
    return run_program(app, selection, argc, argv);
}
