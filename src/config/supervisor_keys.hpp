// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/toml_source.hpp"

#include <tensorpool/supervisor.hpp>

namespace tensorpool::config {

/// Reads [supervisor] over what `options` holds: the endpoints of the driver in the same file, or defaults.
/// One reader for a supervisor by itself and one inside a driver (OT-12).
void read_supervisor(TomlSource::Table table, SupervisorOptions& options, Findings& findings);

}  // namespace tensorpool::config
